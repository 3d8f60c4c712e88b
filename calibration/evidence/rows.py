"""Decisions as rows of a queryset, and what of each is counted, as SQL expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, Case, DecimalField, F, Q, QuerySet, SmallIntegerField, Value, When
from django.db.models.expressions import Combinable

from calibration.evidence.contract import EvidenceRequest, Stratum
from governance.definitions import LATTICE

NEVER = Q(pk__in=[])
"""A condition that no row meets."""


def _probability() -> DecimalField[Any, Any]:
    return DecimalField(max_digits=5, decimal_places=4)


def _nothing() -> Combinable:
    return Value(None, output_field=_probability())


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRows:
    """A queryset of decisions, and which of its fields or expressions holds what.

    Parameters
    ----------
    queryset : QuerySet
        One row for each decision; it is narrowed to the workspace and the window here.
    at, confidence : str
        Fields with the time of the decision and its confidence.
    success : Combinable
        Boolean expression: the ruling outcome, null for an unlabelled decision.
    rare : sequence of tuple of Q and Combinable, optional
        A condition that few decisions meet, and what stands in the place of `success` for these; for what would take
        a sub-query for each decision.
    segment : mapping of str to Combinable
        What stands behind each segment key, as text; null for decisions that are not split by the key.
    case_key : str, optional
        Field that names the case (conversation, ticket, lead), blank where it is not known.
    threshold, risk_threshold : Combinable, optional
        The thresholds that were applied, as decimals.
    risk : str, optional
        Field with the risk score.
    audit_rate : str, optional
        Field with the probability with which the decision was drawn for review, null outside of the lottery.
    complete, history_blocked, drawn, audited, other_checks : Q
        Which decisions are `Stratum.COMPLETE`, otherwise `HISTORY_BLOCKED`, otherwise `DRAWN`, otherwise `AUDITED`,
        otherwise `OTHER_CHECKS`; the rest is `GATED`.
    """

    queryset: QuerySet[Any]
    at: str
    confidence: str
    success: Combinable
    segment: Mapping[str, Combinable]
    rare: Sequence[tuple[Q, Combinable]] = ()
    case_key: str | None = None
    threshold: Combinable = field(default_factory=_nothing)
    risk_threshold: Combinable = field(default_factory=_nothing)
    risk: str | None = None
    audit_rate: str | None = None
    complete: Q = NEVER
    history_blocked: Q = NEVER
    drawn: Q = NEVER
    audited: Q = NEVER
    other_checks: Q = NEVER


KEY_NAMES = (
    "evidence_period",
    "evidence_stratum",
    "evidence_band",
    "evidence_audit_rate",
    "evidence_confidence",
)
"""What is counted by beside the segment."""


def select(queryset: QuerySet[Any], columns: Mapping[str, Combinable]) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that selects these columns, and its parameters."""
    # Annotated in full first: an annotation must not be named like a field, hence the prefix.
    statement: tuple[str, tuple[Any, ...]] = queryset.annotate(**columns).values(*columns).query.sql_with_params()
    return statement


def segment_names(request: EvidenceRequest) -> list[str]:
    """Return what the columns of the segment are called."""
    return [f"evidence_segment_{place}" for place in range(len(request.segment_by))]


def columns_of(rows: DecisionRows, success: Combinable, request: EvidenceRequest) -> dict[str, Combinable]:
    """What the statement counts by (segments, then `KEY_NAMES`), and what it counts."""
    segments = (rows.segment[key] for key in request.segment_by)
    return {
        **dict(zip(segment_names(request), segments, strict=True)),
        # The period after the last stands for decisions that are too young.
        "evidence_period": steps(rows.at, [*request.period_starts, request.mature_end]),
        "evidence_stratum": _stratum(rows),
        "evidence_band": _risk_band(rows, request),
        "evidence_audit_rate": _nothing() if rows.audit_rate is None else F(rows.audit_rate),
        "evidence_confidence": F(rows.confidence),
        "evidence_success": success,
        "evidence_threshold": rows.threshold,
        "evidence_risk_threshold": rows.risk_threshold,
    }


def _stratum(rows: DecisionRows) -> Combinable:
    return Case(
        When(rows.complete, then=Value(int(Stratum.COMPLETE))),
        When(rows.history_blocked, then=Value(int(Stratum.HISTORY_BLOCKED))),
        When(rows.drawn, then=Value(int(Stratum.DRAWN))),
        When(rows.audited, then=Value(int(Stratum.AUDITED))),
        When(rows.other_checks, then=Value(int(Stratum.OTHER_CHECKS))),
        default=Value(int(Stratum.GATED)),
        output_field=SmallIntegerField(),
    )


def bit(condition: Q) -> Combinable:
    """Whether a condition holds, never null."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def _risk_band(rows: DecisionRows, request: EvidenceRequest) -> Combinable:
    if rows.risk is None or not request.risk_edges:
        return Value(0, output_field=SmallIntegerField())
    edges = [Decimal(edge) / LATTICE for edge in request.risk_edges]
    unknown = When(**{f"{rows.risk}__isnull": True}, then=Value(None, output_field=SmallIntegerField()))
    return Case(unknown, default=steps(rows.risk, edges), output_field=SmallIntegerField())


def steps(name: str, edges: Any) -> Combinable:
    """How many of the ascending edges lie at or below the field."""
    below = [When(**{f"{name}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges)]
    return Case(*below, default=Value(len(below)), output_field=SmallIntegerField())
