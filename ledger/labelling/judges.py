"""What a judge by machine says of drawn decisions, and which of them people label all the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import Conflict, DomainError, NotFound, WrongState
from confidence_project.foundation.submissions import Stored, Submission, find_or_create
from governance.definitions import LATTICE
from governance.models import Workspace
from ledger.contracts import JudgeVerdictEnvelope
from ledger.labelling.rules import rules_of
from ledger.models import DecisionOutcome, DecisionRecord, Judgement, JudgeVerdict, LabelRequest
from ledger.services import decisions_named

_LOTTERY = random.SystemRandom()


def record_judge_verdicts(
    *, workspace: Workspace, submissions: Sequence[Submission[JudgeVerdictEnvelope]], reporter: str
) -> list[Stored[JudgeVerdict] | DomainError]:
    """Keep what a judge says of drawn decisions; one answer for each submission, in their order.

    A verdict labels nothing. What the judge calls wrong stays with people; of what it calls right, the share of the
    policy's labelling rules stays, by lot, and the rest is spared. An error stands for an item that was not kept: a
    decision that is unknown, was not drawn, or that somebody judged before; a policy whose rules name no judge.
    """

    @cache
    def share_of(policy_key: str) -> Decimal | None:
        return rules_of(workspace, policy_key).judged_share

    def find(external_ids: Sequence[str]) -> dict[str, tuple[JudgeVerdict, str]]:
        rows = JudgeVerdict.objects.filter(workspace=workspace, external_id__in=external_ids)
        return {row.external_id: (row, row.body_sha256) for row in rows}

    def create(fresh: Sequence[Submission[JudgeVerdictEnvelope]]) -> list[JudgeVerdict | DomainError]:
        fields = ("decision_id", "policy_key", "workspace_id", "audit_selected")
        decisions = decisions_named(workspace, [submission.item for submission in fresh], fields=fields)
        told = _looked_at({each.pk for each in decisions if isinstance(each, DecisionRecord)})
        made: list[JudgeVerdict | DomainError] = []
        for submission, decision in zip(fresh, decisions, strict=True):
            try:
                verdict = _build(submission, decision, told, share_of, reporter)
            except DomainError as error:
                made.append(error)
            else:
                told.add(verdict.decision_id)
                made.append(verdict)
        verdicts = [verdict for verdict in made if isinstance(verdict, JudgeVerdict)]
        insert_rows(verdicts)
        LabelRequest.objects.filter(decision__in=[each.decision_id for each in verdicts if each.is_spared]).delete()
        return made

    return find_or_create(submissions, find=find, create=create)


def _looked_at(decision_ids: set[UUID]) -> set[UUID]:
    """Which of the decisions a judge or a person has judged."""
    return {
        found
        for model in (JudgeVerdict, Judgement, DecisionOutcome)
        for found in model.objects.filter(decision__in=decision_ids).values_list("decision_id", flat=True)
    }


def _build(
    submission: Submission[JudgeVerdictEnvelope],
    decision: DecisionRecord | DomainError | None,
    looked_at: set[UUID],
    share_of: Any,
    reporter: str,
) -> JudgeVerdict:
    if decision is None:
        raise NotFound("No decision of this workspace has this id.")
    if isinstance(decision, DomainError):
        raise decision
    if not decision.audit_selected:
        raise WrongState("A judge reads what was drawn for people; this decision was not.")
    share = share_of(decision.policy_key)
    if share is None:
        raise WrongState("The labelling rules of this policy name no share for a judge: an admin sets it first.")
    if decision.pk in looked_at:
        raise Conflict("This decision was judged before, or its outcome is known: a judge comes first, and once.")
    lot = _LOTTERY.randrange(LATTICE)
    return JudgeVerdict(
        workspace_id=decision.workspace_id,
        decision_id=decision.pk,
        success=submission.item.success,
        lot=lot,
        share=share,
        is_spared=submission.item.success and lot >= share * LATTICE,
        recorded_at=timezone.now(),
        reporter=reporter,
        external_id=submission.external_id,
        body_sha256=submission.body_sha256,
    )
