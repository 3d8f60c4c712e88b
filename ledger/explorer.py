"""A decision as the ledger explorer shows it: with everything that hangs on it, in a fixed number of queries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F

from confidence_project.foundation.errors import UnknownPolicyKey
from governance.definitions import get_definition
from governance.models import ConfidencePolicyRevision, Rollout
from governance.vocabulary import is_alias
from ledger.models import (
    Checkpoint,
    ConfidenceKind,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
    LogLeaf,
)
from ledger.reasons import ReasonCode
from ledger.selectors import RULES_FIRST
from ledger.transparency.leaves import DECISIONS
from telemetry.models import AIInteraction

MOST_ROWS = 100
"""No more outcomes, and no more amendments, are shown of one decision."""

_VOIDED_LAST = F("void__id").asc(nulls_first=True)


def in_words(code: str) -> str:
    """Return a reason as the end of a sentence; blank for one that is nobody's here, an import's for instance."""
    reasons = (reason for codes in ReasonCode.__subclasses__() for reason in codes)
    return next((reason.words for reason in reasons if reason == code), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """Where a decision stands in the transparency log; `checkpoint` None: nothing signed covers it yet."""

    position: int
    leaf_hash: str
    checkpoint: Checkpoint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPage:
    """What hangs on a decision.

    Attributes
    ----------
    reason
        In words; blank where there are none.
    model_is_alias
        The model's name leaves open which version answered.
    thresholds
        Titles and values that were applied.
    answers
        By question, where the policy rests on several; see `AnswerTogether`.
    outcomes
        The one that rules comes first.
    prompt_hash
        As amended.
    revision
        The one that put the policy version in force which was applied; None for the defaults, and where none was.
    interaction
        The AI call, where it is of the same workspace and was not erased.
    newer, older
        The decisions recorded next and before in the same workspace.
    """

    reason: str
    model_is_alias: bool
    thresholds: Sequence[tuple[str, float]]
    answers: Mapping[str, Mapping[str, Any]]
    outcomes: Sequence[DecisionOutcome]
    amendments: Sequence[LedgerAmendment]
    prompt_hash: str
    external_id: DecisionExternalId | None
    revision: ConfidencePolicyRevision | None
    rollout: Rollout | None
    interaction: AIInteraction | None
    place: LogPlace | None
    newer: DecisionRecord | None
    older: DecisionRecord | None


def decision_page(decision: DecisionRecord) -> DecisionPage:
    """Gather what the page of a decision shows."""
    amendments = list(decision.amendments.order_by("pk")[:MOST_ROWS])
    in_workspace = DecisionRecord.objects.filter(workspace_id=decision.workspace_id).only("decision_id")
    return DecisionPage(
        reason=in_words(decision.gate_reason),
        model_is_alias=is_alias(decision.model),
        thresholds=_thresholds(decision),
        answers=_answers(decision),
        outcomes=list(decision.outcomes.select_related("void").order_by(_VOIDED_LAST, *RULES_FIRST)[:MOST_ROWS]),
        amendments=amendments,
        prompt_hash=_amended(amendments, LedgerAmendment.Field.PROMPT_HASH) or decision.prompt_hash,
        external_id=_beside(decision, DecisionExternalId, external_id=decision.external_id, decision_id=decision.pk),
        revision=_beside(
            decision, ConfidencePolicyRevision, policy_key=decision.policy_key, version=decision.policy_version
        ),
        rollout=_beside(decision, Rollout, pk=decision.rollout_id),
        interaction=_beside(decision, AIInteraction, pk=decision.interaction_id),
        place=_place(decision),
        newer=in_workspace.filter(pk__gt=decision.pk).order_by("pk").first(),
        older=in_workspace.filter(pk__lt=decision.pk).order_by("-pk").first(),
    )


def _thresholds(decision: DecisionRecord) -> list[tuple[str, float]]:
    try:
        titles = {field.name: field.title for field in get_definition(decision.policy_key).fields}
    except UnknownPolicyKey:
        titles = {}
    return [(titles.get(name) or name, value) for name, value in decision.thresholds.items()]


def _answers(decision: DecisionRecord) -> Mapping[str, Mapping[str, Any]]:
    is_joint = decision.confidence_kind == ConfidenceKind.TOGETHER
    answers: Mapping[str, Mapping[str, Any]] = json.loads(decision.action_params or "{}") if is_joint else {}
    return answers


def _amended(amendments: Sequence[LedgerAmendment], field: LedgerAmendment.Field) -> str | None:
    return next((each.value_after for each in reversed(amendments) if each.field == field), None)


def _beside(decision: DecisionRecord, model: type[models.Model], **named: Any) -> Any:
    """Return the row of the decision's own workspace that is so named; None where there is none."""
    return model._default_manager.filter(workspace_id=decision.workspace_id, **named).first()


def _place(decision: DecisionRecord) -> LogPlace | None:
    leaf = LogLeaf.objects.filter(entry=DECISIONS.entry, entry_id=str(decision.pk)).first()
    if leaf is None:
        return None
    covering = Checkpoint.objects.filter(tree_size__gt=leaf.position).order_by("tree_size").first()
    return LogPlace(position=leaf.position, leaf_hash=bytes(leaf.leaf_hash).hex(), checkpoint=covering)
