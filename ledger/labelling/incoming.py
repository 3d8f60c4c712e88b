"""Labels that were made elsewhere: written as those from the workbench are, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from django.db.models import Exists
from pydantic import BaseModel, ConfigDict, Field, model_validator

from confidence_project.foundation.errors import Conflict, DomainError, FieldProblem, InvalidInput, NotFound, WrongState
from confidence_project.foundation.submissions import Stored, Submission, commit_with_retry
from governance.clock import CLOCK_SKEW, check_time
from governance.models import Workspace
from governance.vocabulary import HostId, Identifier, Timestamp, Whole
from ledger.labelling.confirming import found_wrong
from ledger.labelling.queue import standing
from ledger.labelling.rules import rules_of
from ledger.labelling.writing import Answer, write_answer
from ledger.models import DecisionRecord, Judgement, KnownCase, LabellingRules, Purpose
from ledger.reviews import can_be_judged, last_seen
from ledger.selectors import waiting_for_review
from ledger.services import decisions_named

CHUNK = 200
"""Answers that are written in one transaction."""

LONGEST_REVIEWER = 150

_OF_A_DECISION = ("decision_id", "workspace", "policy_key", "occurred_at", "gate_verdict", "llm_confidence")


class LabelEnvelope(BaseModel):
    """What a reviewer answered elsewhere about a decision, which is named by one of its two ids."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "oneOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]}
                for name in ("decision_id", "decision_external_id")
            ]
        },
    )

    decision_id: UUID | None = None
    decision_external_id: HostId | None = None
    answer: Literal["right", "wrong", "cannot_tell", "skipped"]
    reviewer: Annotated[Identifier, Field(max_length=LONGEST_REVIEWER)]
    answered_at: Timestamp | None = None
    seconds: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1), Whole] | None = None

    @model_validator(mode="after")
    def _names_one_decision(self) -> LabelEnvelope:
        if (self.decision_id is None) == (self.decision_external_id is None):
            raise ValueError("name the decision by decision_id or by decision_external_id, not both")
        return self

    @property
    def external_id(self) -> str:
        """What makes it the same answer again: whose it is, and about which decision."""
        return f"{self.decision_id or self.decision_external_id} {self.reviewer}"


def record_labels(
    *, workspace: Workspace, submissions: Sequence[Submission[LabelEnvelope]], reporter: str
) -> list[Stored[Judgement] | DomainError]:
    """Record what people answered elsewhere; one answer for each submission, in their order.

    The first answer to what waits makes the label as one in the workbench does, and is confirmed as one there; further
    ones are second looks, and those about known cases measure. The same answer of the same reviewer again is the first
    record. An error stands for one that was not kept: an unknown decision, one that waits for no answer, another answer
    of the same reviewer.

    Parameters
    ----------
    reporter
        Who tells of them: a key, a command.
    """

    def attempt(part: Sequence[Submission[LabelEnvelope]]) -> list[Stored[Judgement] | DomainError]:
        workspace.lock()
        named = decisions_named(workspace, [each.item for each in part], fields=_OF_A_DECISION)
        rules: dict[str, LabellingRules] = {}
        answers: list[Stored[Judgement] | DomainError] = []
        for submission, decision in zip(part, named, strict=True):
            try:
                answers.append(_recorded(submission.item, decision, workspace, rules, reporter))
            except DomainError as error:
                answers.append(error)
        return answers

    found: list[Stored[Judgement] | DomainError] = []
    for start in range(0, len(submissions), CHUNK):
        found += commit_with_retry(partial(attempt, submissions[start : start + CHUNK]))
    return found


def _recorded(
    item: LabelEnvelope,
    decision: DecisionRecord | DomainError | None,
    workspace: Workspace,
    rules: dict[str, LabellingRules],
    reporter: str,
) -> Stored[Judgement]:
    if decision is None:
        raise NotFound("No decision of this workspace has this id.")
    if isinstance(decision, DomainError):
        raise decision
    _check_answered_at(item.answered_at, decision, workspace)
    theirs = standing(Judgement.objects.filter(decision=decision, person_name=item.reviewer)).order_by("-id").first()
    if theirs is not None and theirs.answer == item.answer:
        return Stored(theirs, created=False)
    if theirs is not None and theirs.answer != Judgement.Answer.SKIPPED:
        raise Conflict("Another answer of this reviewer to this decision is on record, and answers are not replaced.")
    decision.workspace, key = workspace, decision.policy_key
    if key not in rules:
        rules[key] = rules_of(workspace, key)
    judgement = write_answer(
        Answer(
            given=item.answer,
            name=item.reviewer,
            person_id=None,
            reporter=reporter,
            seconds=item.seconds,
            answered_at=item.answered_at,
        ),
        decision=decision,
        purpose=_purpose_of(decision),
        rules=rules[key],
        seen=last_seen(decision),
    )
    return Stored(judgement, created=True)


def _check_answered_at(answered_at: datetime | None, decision: DecisionRecord, workspace: Workspace) -> None:
    if answered_at is None:
        return
    check_time(answered_at, workspace, "answered_at")
    if answered_at < decision.occurred_at - CLOCK_SKEW:
        detail = "answered_at lies before the decision was made"
        raise InvalidInput(detail, [FieldProblem("/answered_at", "time", detail)])


def _purpose_of(decision: DecisionRecord) -> Purpose:
    """Return what an answer that came unasked is for; raise `WrongState` where it is for nothing."""
    this = DecisionRecord.objects.filter(pk=decision.pk)
    waiting = waiting_for_review(this)
    if waiting.exists() and can_be_judged(decision):
        return Purpose.CHECK if waiting.filter(Exists(found_wrong())).exists() else Purpose.LABEL
    if KnownCase.objects.in_force().filter(decision=decision).exists():
        return Purpose.KNOWN
    first = Judgement.objects.filter(decision=decision, purpose=Purpose.LABEL)
    if standing(first).exclude(answer=Judgement.Answer.SKIPPED).exists():
        return Purpose.SECOND
    raise WrongState("The decision waits for no answer: it was not drawn for review, or has its label from elsewhere.")
