"""Reads of the ledger, one workspace at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    DecimalField,
    Func,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Substr
from django.db.models.lookups import Exact

from governance.definitions import FieldKind, get_definition
from governance.models import Rollout, Workspace
from governance.workflow.consequences import Flips
from ledger.models import (
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    Judgement,
    JudgeVerdict,
    LabelMark,
    LedgerRemoval,
    Purpose,
)
from ledger.models.decisions import least_decision_id
from ledger.models.indexes import LENGTH_OF_BEGINNING, Beginning
from ledger.reasons import Reason


def decisions_of(workspace: Workspace) -> QuerySet[DecisionRecord]:
    """Return the workspace's decisions, newest first."""
    rows: QuerySet[DecisionRecord] = DecisionRecord.objects.in_workspace(workspace).order_by("-decision_id")
    return rows


def decisions_with_outcomes(workspace: Workspace) -> QuerySet[DecisionRecord]:
    """Return the workspace's decisions, each with its outcomes in the order in which they arrived."""
    return decisions_of(workspace).prefetch_related(
        Prefetch("outcomes", queryset=DecisionOutcome.objects.select_related("void").order_by("sequence"))
    )


def recorded_between(
    rows: QuerySet[DecisionRecord], since: datetime | None, until: datetime | None
) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those recorded from `since` on and before `until`; None leaves the range open.

    Ids are ordered by time, so that the range is one of ids, and any index that ends in them narrows by it.
    """
    if since is not None:
        rows = rows.filter(decision_id__gte=least_decision_id(since, -ID_SLACK), timestamp__gte=since)
    if until is not None:
        rows = rows.filter(decision_id__lt=least_decision_id(until, ID_SLACK), timestamp__lt=until)
    return rows


def decisions_removed(workspace: Workspace, policy_key: str, since: datetime, until: datetime) -> int:
    """Return how many decisions at most, made from `since` on and before `until`, were removed from the ledger.

    A removal that reaches into that time counts whole, with its decisions of other policies.
    """
    removals = LedgerRemoval.objects.in_workspace(workspace).filter(occurred_to__gte=since, occurred_from__lt=until)
    # What an erasure took from an archive had been removed before.
    rows = removals.exclude(~Q(archive=""), kind=LedgerRemoval.Kind.ERASURE).values_list("policy_keys", "decisions")
    return sum(decisions for policy_keys, decisions in rows if policy_key in policy_keys)


def removed_since(workspace: Workspace, policy_key: str, moment: datetime) -> bool:
    """True where a decision of the policy that was recorded after `moment` may have been removed from the ledger."""
    removals = LedgerRemoval.objects.in_workspace(workspace).filter(recorded_to__gt=moment)
    return any(policy_key in policy_keys for policy_keys in removals.values_list("policy_keys", flat=True))


def with_verdict(rows: QuerySet[DecisionRecord], verdict: str) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those of a verdict."""
    return rows.filter(gate_verdict=_AS_WRITTEN[verdict]) if verdict in _AS_WRITTEN else rows.none()


_AS_WRITTEN = {verdict: Func(template=f"'{verdict}'") for verdict in DecisionRecord.Verdict.values}
"""Not as parameters: SQLite takes an index of some rows only where the statement itself says that it is about these."""


def with_reason(rows: QuerySet[DecisionRecord], reason: str) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those of a reason, by the index of the reasons or, of what was allowed, of the verdict."""
    if reason == Reason.ALLOWED:
        rows = with_verdict(rows, DecisionRecord.Verdict.ALLOW)
    else:
        rows = rows.exclude(gate_reason=Reason.ALLOWED.value)
    return rows.filter(gate_reason=reason)


def with_prompt_hash(rows: QuerySet[DecisionRecord], prompt_hash: str) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those of a prompt hash, by the index of its beginning."""
    # The rest apart: where SQLite knows the whole, it puts it into the expression, and misses the index.
    beginning = Exact(Beginning("prompt_hash"), prompt_hash[:LENGTH_OF_BEGINNING])
    rest = Exact(Substr("prompt_hash", LENGTH_OF_BEGINNING + 1), prompt_hash[LENGTH_OF_BEGINNING:])
    return rows.exclude(prompt_hash="").filter(beginning, rest)


ID_SLACK = timedelta(minutes=1)
"""An id and the time of its record come from two looks at a clock, which may have been set between them."""


def decision_ids_named(workspace: Workspace, external_id: str) -> QuerySet[DecisionExternalId, UUID]:
    """Return the ids of the decisions under a host's id: one or none, from the index."""
    return DecisionExternalId.objects.filter(workspace=workspace, external_id=external_id).values_list(
        "decision_id", flat=True
    )


def decision_ids_named_in(workspaces: Iterable[Workspace], external_id: str) -> list[UUID]:
    """Return the ids of the decisions under a host's id, at most one for each workspace, from the index."""
    ids = [workspace.pk for workspace in workspaces]
    named = DecisionExternalId.objects.filter(workspace_id__in=ids, external_id=external_id)
    return list(named.values_list("decision_id", flat=True))


def ruling_success(as_of: datetime) -> Subquery:
    """For querysets of decisions: the success of the outcome that rules, null for an unlabelled decision.

    A person's outcome rules over an automatic one, then the latest observation, then the latest sequence: the order
    of the view `decision_ledger_effective`. What was voided does not count. Of outcomes and voids that were recorded
    later than `as_of` nothing is read.
    """
    outcomes = DecisionOutcome.objects.filter(decision_id=OuterRef("pk"), recorded_at__lte=as_of)
    standing = outcomes.exclude(void__at__lte=as_of)
    return Subquery(standing.order_by(*RULES_FIRST).values("success")[:1])


_BY_A_PERSON_FIRST = Case(When(source=DecisionOutcome.Source.HUMAN_REVIEW, then=0), default=1)
RULES_FIRST = (_BY_A_PERSON_FIRST, "-observed_at", "-sequence")
"""The order of a decision's outcomes in which the first rules: that of the view `decision_ledger_effective`."""


def threshold_in_force(policy_key: str, kind: FieldKind) -> Combinable:
    """For querysets of decisions: the threshold of a kind that was applied, as a decimal, null where there was none."""
    field = get_definition(policy_key).field_of_kind(kind)
    as_decimal: DecimalField[Any, Any] = DecimalField(max_digits=5, decimal_places=4)
    return (
        Cast(KeyTextTransform(field.name, "thresholds"), as_decimal) if field else Value(None, output_field=as_decimal)
    )


def drawn_for_review(rows: QuerySet[DecisionRecord]) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those that were drawn at random for people to review."""
    return rows.filter(audit_selected=True)


def waiting_for_review(rows: QuerySet[DecisionRecord]) -> QuerySet[DecisionRecord]:
    """Narrow decisions to those that were drawn for review and that no person has answered about yet, or shall."""
    return with_answer_of_a_person(drawn_for_review(rows)).filter(label__isnull=True)


def with_answer_of_a_person(rows: QuerySet[DecisionRecord]) -> QuerySet[Any]:
    """Add `label` to decisions, to narrow them by: null where people are still to answer."""
    return rows.alias(label=_ANSWER_OF_A_PERSON)


# Looked up for each row: of a NOT EXISTS PostgreSQL may make a join with the outcomes of the whole ledger.
_BY_PEOPLE = DecisionOutcome.objects.filter(source=DecisionOutcome.Source.HUMAN_REVIEW, void__isnull=True)
_CANNOT_TELL = Judgement.objects.filter(answer=Judgement.Answer.CANNOT_TELL, undone_by__isnull=True)
_SPARED = JudgeVerdict.objects.filter(is_spared=True)
_ANSWER_OF_A_PERSON = Coalesce(
    *(
        Subquery(answers.filter(decision_id=OuterRef("pk")).order_by().values("pk")[:1])
        for answers in (_BY_PEOPLE, _CANNOT_TELL.filter(purpose__in=[Purpose.LABEL, Purpose.CHECK]), _SPARED)
    )
)

MOST_COUNTED = 99
"""Of what waits for review so many are counted; one more stands for all the rest."""

DRAWN_LOOKED_AT = 10_000
"""The newest of a workspace's drawn decisions, among which is counted what waits and is in no queue yet."""


class _CountOfWaiting(Subquery):
    """Counts the rows of a query that have no label, up to `limit`."""

    template = (
        "(SELECT COUNT(*) FROM (SELECT 1 FROM (%(subquery)s) newest WHERE label IS NULL LIMIT %(limit)s) waiting)"
    )
    output_field = IntegerField()


def count_waiting_for_review(workspaces: Iterable[Workspace], *, only: Q | None = None) -> Mapping[int, int]:
    """Count, by id of the workspace, what waits for review: one query, however large the ledger is.

    `MOST_COUNTED + 1` means more than `MOST_COUNTED`. Of what is in no queue yet only the newest `DRAWN_LOOKED_AT` are
    looked at, of those that `only` holds for.
    """
    asked = Q(label_request__workspace_id=OuterRef("pk"), label_request__purpose__in=[Purpose.LABEL, Purpose.CHECK])
    through = LabelMark.objects.filter(workspace_id=OuterRef(OuterRef("pk"))).values("through")
    since = Q(workspace_id=OuterRef("pk"), pk__gt=Coalesce(Subquery(through), Value(UUID(int=0), UUIDField())))
    narrowed = DecisionRecord.objects.filter(only or Q())
    queued = narrowed.filter(asked)
    fresh = drawn_for_review(narrowed.filter(since, label_request__isnull=True)).order_by("-pk")
    ids = [workspace.pk for workspace in workspaces]
    counts: Any = Workspace.objects.filter(pk__in=ids).order_by()
    for name, rows in {"queued": queued, "fresh": fresh}.items():
        newest = rows.annotate(label=_ANSWER_OF_A_PERSON).values("label")[:DRAWN_LOOKED_AT]
        counts = counts.annotate(**{name: _CountOfWaiting(newest, limit=MOST_COUNTED + 1)})
    found = counts.values_list("pk", "queued", "fresh")
    return {pk: min(queued + fresh, MOST_COUNTED + 1) for pk, queued, fresh in found}


def flips_of(rollout: Rollout) -> Flips:
    """Count on how many decisions the candidate of a rollout differed from the policy in force, from the index."""
    counts = (
        DecisionRecord.objects.filter(rollout_id=rollout.pk)
        .order_by()
        .values_list("rollout_arm", "gate_verdict", "candidate_verdict")
        .annotate(decisions=Count("*"))
    )
    decisions = {(arm, gate, candidate): number for arm, gate, candidate, number in counts}
    control = {key[1:]: number for key, number in decisions.items() if key[0] == DecisionRecord.Arm.CONTROL}
    allow = DecisionRecord.Verdict.ALLOW
    return Flips(
        compared=sum(control.values()),
        to_block=sum(number for (gate, tried), number in control.items() if gate == allow != tried),
        to_allow=sum(number for (gate, tried), number in control.items() if gate != allow == tried),
        canary=sum(decisions.values()) - sum(control.values()),
    )
