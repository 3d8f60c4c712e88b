"""Counting decisions in SQL, from a queryset that says where they are.

The queryset gives one row for each decision; the statements around it keep the earliest decision of each case and
count. The rows stay in the database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    DecimalField,
    F,
    Q,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from calibration.evidence.contract import ABSENT, EvidenceCounts, EvidenceRequest, Stratum
from calibration.statistics.lattice import IntArray
from governance.definitions import LATTICE

FETCH = 5_000
"""Counts that are fetched at a time."""


NEVER = Q(pk__in=[])
"""A condition that no row meets."""


def _probability() -> DecimalField[Any, Any]:
    return DecimalField(max_digits=5, decimal_places=4)


def _nothing() -> Combinable:
    return Value(None, output_field=_probability())


# PostgreSQL takes an expression to have as many values as the columns in it, so a period number would seem to have as
# many as there are times, and the rows would be sorted on disk. A boolean it takes to have two: hence bits.
_PERIOD_BITS = [f"evidence_period_{bit}" for bit in range(3)]
_STRATUM_BITS = [f"evidence_stratum_{bit}" for bit in range(2)]
_STRATA = np.array([Stratum.GATED, Stratum.AUDITED, Stratum.OTHER_CHECKS, Stratum.COMPLETE], dtype=np.int64)
_PERIOD_WEIGHTS = 1 << np.arange(3)
_STRATUM_WEIGHTS = 1 << np.arange(2)
_KEY_NAMES = [*_PERIOD_BITS, *_STRATUM_BITS, "evidence_in_lottery", "evidence_band", "evidence_confidence"]
"""What is counted by beside the segment."""


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
    rare : tuple of Q and Combinable, optional
        A condition that few decisions meet, and what stands in the place of `success` for these; for what would take
        a sub-query for each decision.
    segment : mapping of str to Combinable
        What stands behind each segment key, as text that is never null.
    case_key : str, optional
        Field that names the case (conversation, ticket, lead), blank where it is not known.
    threshold, risk_threshold : Combinable, optional
        The thresholds that were applied, as decimals.
    risk : str, optional
        Field with the risk score.
    audit_rate : str, optional
        Field with the probability with which the decision was drawn for review, null outside of the lottery.
    complete, audited, other_checks : Q
        Which decisions are `Stratum.COMPLETE`, otherwise `AUDITED`, otherwise `OTHER_CHECKS`; the rest is `GATED`.
    """

    queryset: QuerySet[Any]
    at: str
    confidence: str
    success: Combinable
    segment: Mapping[str, Combinable]
    rare: tuple[Q, Combinable] | None = None
    case_key: str | None = None
    threshold: Combinable = field(default_factory=_nothing)
    risk_threshold: Combinable = field(default_factory=_nothing)
    risk: str | None = None
    audit_rate: str | None = None
    complete: Q = NEVER
    audited: Q = NEVER
    other_checks: Q = NEVER


class QuerysetSource(ABC):
    """An evidence source whose decisions are the rows of one queryset: say which, the counting is done here."""

    name: str
    policy_keys: frozenset[str]
    segment_keys: tuple[str, ...]
    never_pooled: tuple[str, ...] = ()

    @abstractmethod
    def rows(self, request: EvidenceRequest) -> DecisionRows:
        """Return the decisions of a policy key, with their outcomes as of `request.labels_as_of`."""

    def collect(self, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
        """Yield the counts of `rows`."""
        return count(self.rows(request), request)


def count(rows: DecisionRows, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
    """Yield the counts of the decisions in `rows` that lie in the window of `request`.

    Decisions of no case are most of all, and PostgreSQL can count them in parallel as long as no sub-query stands in
    the way: hence a statement of their own for those, one for the rare ones, and one that collapses cases.
    """
    inside = rows.queryset.filter(
        **{"workspace_id": request.workspace.pk, f"{rows.at}__gte": request.start, f"{rows.at}__lt": request.window_end}
    ).order_by()
    alone = inside if rows.case_key is None else inside.filter(**{rows.case_key: ""})
    if rows.rare is None:
        yield from _fetch(*_plain(alone, _columns(rows, rows.success, request)), request)
    else:
        condition, success = rows.rare
        yield from _fetch(*_plain(alone.exclude(condition), _columns(rows, rows.success, request)), request)
        yield from _fetch(*_plain(alone.filter(condition), _columns(rows, success, request)), request)
    if rows.case_key is not None:
        of_cases = inside.exclude(**{rows.case_key: ""})
        yield from _fetch(*_collapsed(of_cases, rows, request), request)


def _fetch(decisions: str, parameters: tuple[Any, ...], request: EvidenceRequest) -> Iterator[EvidenceCounts]:
    """Count a query of decisions. Names come from this module and from the ORM; values are parameters."""
    names = [*_segment_names(request), *_KEY_NAMES]
    lattice = ("MIN(evidence_audit_rate)", "MAX(evidence_audit_rate)")
    strictest = ("MAX(evidence_threshold)", "MIN(evidence_risk_threshold)")
    statement = (
        f"SELECT {', '.join(names[:-1])}, {_as_lattice(names[-1])}, "  # noqa: S608
        f"{', '.join(map(_as_lattice, lattice))}, COUNT(*), CAST(SUM(copies) AS bigint), COUNT(evidence_success), "
        f"COUNT(CASE WHEN evidence_success THEN 1 END), {', '.join(map(_as_lattice, strictest))} "
        f"FROM ({decisions}) decisions GROUP BY {', '.join(names)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        while batch := cursor.fetchmany(FETCH):
            yield _counts(batch, len(request.segment_by), len(request.period_starts) + 1)


def _counts(batch: Sequence[tuple[Any, ...]], width: int, periods: int) -> EvidenceCounts:
    columns = list(zip(*batch, strict=True))
    bits = np.array(columns[width : width + 5], dtype=np.int64)
    period, stratum = _PERIOD_WEIGHTS @ bits[:3], _STRATA[_STRATUM_WEIGHTS @ bits[3:]]
    band, confidence, lowest_rate, highest_rate, *counted, threshold, risk_threshold = map(
        _with_absent, columns[width + 6 :]
    )
    is_too_young = period == periods
    stratum[confidence == ABSENT] = Stratum.NO_CONFIDENCE
    stratum[is_too_young] = Stratum.TOO_YOUNG
    decisions, copies, labelled, successes = counted
    return EvidenceCounts(
        segment=[row[:width] for row in batch],
        period=np.where(is_too_young, periods - 1, period),
        stratum=stratum,
        risk_band=band,
        # Of a rate that changed in between nobody knows whose labels these are: no lottery.
        audit_rate=np.where(lowest_rate == highest_rate, lowest_rate, ABSENT),
        confidence=confidence,
        decisions=decisions,
        rows=copies,
        labelled=labelled,
        successes=successes,
        threshold=threshold,
        risk_threshold=risk_threshold,
    )


def _with_absent(column: Sequence[int | None]) -> IntArray:
    return np.array([ABSENT if entry is None else entry for entry in column], dtype=np.int64)


def _plain(decisions: QuerySet[Any], columns: Mapping[str, Combinable]) -> tuple[str, tuple[Any, ...]]:
    statement, parameters = _select(decisions, columns)
    return f"SELECT alone.*, 1 AS copies FROM ({statement}) alone", parameters  # noqa: S608


def _collapsed(decisions: QuerySet[Any], rows: DecisionRows, request: EvidenceRequest) -> tuple[str, tuple[Any, ...]]:
    assert rows.case_key is not None  # noqa: S101 - narrows the type; otherwise there are no cases
    success = rows.success if rows.rare is None else Case(When(rows.rare[0], then=rows.rare[1]), default=rows.success)
    is_evidence = Q(**{f"{rows.at}__lt": request.mature_end, f"{rows.confidence}__isnull": False}) & (
        rows.complete | rows.audited | ~rows.other_checks
    )
    of_case = {
        "evidence_kept": _bit(is_evidence),
        "evidence_case": F(rows.case_key),
        "evidence_at": F(rows.at),
        "evidence_id": F("pk"),
    }
    statement, parameters = _select(decisions, {**_columns(rows, success, request), **of_case})
    return f"SELECT * FROM ({_first_of_each_case(statement, request)}) first WHERE place = 1", parameters  # noqa: S608


def _first_of_each_case(cases: str, request: EvidenceRequest) -> str:
    """Number the decisions of each case within its segment, evidence first, then by time."""
    partition = ", ".join([*_segment_names(request), "evidence_case"])
    return (
        "SELECT numbered.*, ROW_NUMBER() OVER "  # noqa: S608
        f"(PARTITION BY {partition} ORDER BY CASE WHEN evidence_kept THEN 0 ELSE 1 END, "
        f"evidence_at, evidence_id) AS place, COUNT(*) OVER (PARTITION BY {partition}) AS copies "
        f"FROM ({cases}) numbered"
    )


def _select(queryset: QuerySet[Any], columns: Mapping[str, Combinable]) -> tuple[str, tuple[Any, ...]]:
    # Annotated in full first: an annotation must not be named like a field, hence the prefix.
    return queryset.annotate(**columns).values(*columns).query.sql_with_params()


def _segment_names(request: EvidenceRequest) -> list[str]:
    return [f"evidence_segment_{place}" for place in range(len(request.segment_by))]


def _columns(rows: DecisionRows, success: Combinable, request: EvidenceRequest) -> dict[str, Combinable]:
    """What the statement counts by (segments, periods, strata, lottery, band, confidence), then what it counts."""
    first_bit, second_bit = rows.complete | rows.audited, rows.complete | (rows.other_checks & ~rows.audited)
    segments = (rows.segment[key] for key in request.segment_by)
    return {
        **dict(zip(_segment_names(request), segments, strict=True)),
        **dict(zip(_PERIOD_BITS, _period_bits(rows, request), strict=True)),
        **dict(zip(_STRATUM_BITS, (_bit(first_bit), _bit(second_bit)), strict=True)),
        "evidence_band": _risk_band(rows, request),
        "evidence_in_lottery": _is_known(rows.audit_rate),
        "evidence_audit_rate": _nothing() if rows.audit_rate is None else F(rows.audit_rate),
        "evidence_confidence": F(rows.confidence),
        "evidence_success": success,
        "evidence_threshold": rows.threshold,
        "evidence_risk_threshold": rows.risk_threshold,
    }


def _period_bits(rows: DecisionRows, request: EvidenceRequest) -> Iterator[Combinable]:
    """The number of the period in binary; the one after the last stands for decisions that are too young."""
    ends = [*request.period_starts, request.mature_end]
    for bit in range(len(_PERIOD_BITS)):
        before = [
            When(**{f"{rows.at}__lt": end}, then=Value(bool(period >> bit & 1))) for period, end in enumerate(ends)
        ]
        yield Case(*before, default=Value(bool(len(ends) >> bit & 1)), output_field=BooleanField())


def _bit(condition: Q) -> Combinable:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def _risk_band(rows: DecisionRows, request: EvidenceRequest) -> Combinable:
    if rows.risk is None or not request.risk_edges:
        return Value(0, output_field=SmallIntegerField())
    edges = [Decimal(edge) / LATTICE for edge in request.risk_edges]
    unknown = When(**{f"{rows.risk}__isnull": True}, then=Value(None, output_field=SmallIntegerField()))
    return Case(unknown, default=_steps(rows.risk, edges), output_field=SmallIntegerField())


def _steps(name: str, edges: Any) -> Combinable:
    """How many of the ascending edges lie at or below the field."""
    below = [When(**{f"{name}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges)]
    return Case(*below, default=Value(len(below)), output_field=SmallIntegerField())


def _is_known(rate: str | None) -> Combinable:
    return Value(False) if rate is None else _bit(Q(**{f"{rate}__isnull": False}))


def _as_lattice(name: str) -> str:
    # The inner cast: where no source column stands behind the name, it is an untyped NULL.
    return f"CAST(ROUND(CAST({name} AS numeric) * {LATTICE}) AS integer)"
