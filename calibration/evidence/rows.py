"""Counting decisions in one SQL statement, from a queryset that says where they are.

The queryset gives one row for each decision; the statement around it keeps the earliest decision of each case and
counts. The rows stay in the database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import (
    Case,
    DecimalField,
    F,
    QuerySet,
    SmallIntegerField,
    Value,
    When,
)
from django.db.models.expressions import Combinable

from calibration.evidence.contract import EVIDENCE, EvidenceCount, EvidenceRequest, Stratum
from governance.definitions import LATTICE, to_lattice

FETCH = 5_000
"""Counts that are fetched at a time."""


def _probability() -> DecimalField[Any, Any]:
    return DecimalField(max_digits=5, decimal_places=4)


def _nothing() -> Combinable:
    return Value(None, output_field=_probability())


KEYS = 5
"""What is counted by beside the segment: period, stratum, risk band, audit rate, confidence."""

_EVIDENCE_SQL = ", ".join(str(int(stratum)) for stratum in EVIDENCE)


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
    segment : mapping of str to Combinable
        What stands behind each segment key, as text that is never null.
    case_key : str, optional
        Field that names the case (conversation, ticket, lead), blank where it is not known.
    threshold, risk_threshold : Combinable, optional
        The thresholds that were applied, as decimals.
    risk : str, optional
        Field with the risk score.
    audit_rate : Combinable, optional
        Probability with which the decision was drawn for review, null outside of the lottery.
    stratum : Combinable
        A `Stratum` of each decision.
    """

    queryset: QuerySet[Any]
    at: str
    confidence: str
    success: Combinable
    segment: Mapping[str, Combinable]
    case_key: str | None = None
    threshold: Combinable = field(default_factory=_nothing)
    risk_threshold: Combinable = field(default_factory=_nothing)
    risk: str | None = None
    audit_rate: Combinable = field(default_factory=_nothing)
    stratum: Combinable = field(default_factory=lambda: Value(Stratum.GATED.value, output_field=SmallIntegerField()))


class QuerysetSource(ABC):
    """An evidence source whose decisions are the rows of one queryset: say which, the counting is done here."""

    name: str
    policy_keys: frozenset[str]
    segment_keys: tuple[str, ...]
    never_pooled: tuple[str, ...] = ()

    @abstractmethod
    def rows(self, request: EvidenceRequest) -> DecisionRows:
        """Return the decisions of a policy key, with their outcomes as of `request.labels_as_of`."""

    def collect(self, request: EvidenceRequest) -> Iterator[EvidenceCount]:
        """Yield the counts of `rows`."""
        return count(self.rows(request), request)


def count(rows: DecisionRows, request: EvidenceRequest) -> Iterator[EvidenceCount]:
    """Yield the counts of the decisions in `rows` that lie in the window of `request`."""
    statement, parameters = _statement(rows, request)
    width = len(request.segment_by)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        while batch := cursor.fetchmany(FETCH):
            for row in batch:
                period, stratum, band, audit_rate, confidence, decisions, copies, labelled, successes, *strictest = row[
                    width:
                ]
                yield EvidenceCount(
                    tuple(row[:width]),
                    period,
                    Stratum(stratum),
                    band,
                    _lattice(audit_rate),
                    _lattice(confidence),
                    decisions,
                    int(copies),
                    labelled,
                    successes,
                    *(None if threshold is None else float(threshold) for threshold in strictest),
                )


def _statement(rows: DecisionRows, request: EvidenceRequest) -> tuple[str, tuple[Any, ...]]:
    """The counting statement. Names come from this module and from the ORM; values are parameters."""
    columns = _columns(rows, request)
    inside = rows.queryset.filter(
        **{"workspace_id": request.workspace.pk, f"{rows.at}__gte": request.start, f"{rows.at}__lt": request.window_end}
    ).order_by()
    names = ", ".join(columns)
    if rows.case_key is None:
        decisions, parameters = _select(inside, columns)
        decisions = f"SELECT {names}, 1 AS copies FROM ({decisions}) single"  # noqa: S608
    else:
        single, parameters = _select(inside.filter(**{rows.case_key: ""}), columns)
        cases, more = _select(
            inside.exclude(**{rows.case_key: ""}),
            {**columns, "evidence_case": F(rows.case_key), "evidence_at": F(rows.at), "evidence_id": F("pk")},
        )
        parameters += more
        decisions = (
            f"SELECT {names}, 1 AS copies FROM ({single}) single "  # noqa: S608
            f"UNION ALL SELECT {names}, copies FROM ({_first_of_each_case(cases, request)}) first WHERE place = 1"
        )
    keys = len(request.segment_by) + KEYS
    return (
        f"SELECT {', '.join(list(columns)[:keys])}, COUNT(*), SUM(copies), COUNT(evidence_success), "  # noqa: S608
        "COUNT(CASE WHEN evidence_success THEN 1 END), MAX(evidence_threshold), MIN(evidence_risk_threshold) "
        f"FROM ({decisions}) decisions GROUP BY {', '.join(str(place + 1) for place in range(keys))}"
    ), parameters


def _first_of_each_case(cases: str, request: EvidenceRequest) -> str:
    """Number the decisions of each case within its segment, evidence first, then by time."""
    partition = ", ".join([*_segment_names(request), "evidence_case"])
    return (
        "SELECT numbered.*, ROW_NUMBER() OVER "  # noqa: S608
        f"(PARTITION BY {partition} ORDER BY CASE WHEN evidence_stratum IN ({_EVIDENCE_SQL}) THEN 0 ELSE 1 END, "
        f"evidence_at, evidence_id) AS place, COUNT(*) OVER (PARTITION BY {partition}) AS copies "
        f"FROM ({cases}) numbered"
    )


def _select(queryset: QuerySet[Any], columns: Mapping[str, Combinable]) -> tuple[str, tuple[Any, ...]]:
    # Annotated in full first: an annotation must not be named like a field, hence the prefix.
    return queryset.annotate(**columns).values(*columns).query.sql_with_params()


def _segment_names(request: EvidenceRequest) -> list[str]:
    return [f"evidence_segment_{place}" for place in range(len(request.segment_by))]


def _columns(rows: DecisionRows, request: EvidenceRequest) -> dict[str, Combinable]:
    """What the statement counts by (segments, period, stratum, band, audit rate, confidence), then what it counts."""
    stratum = Case(
        When(**{f"{rows.at}__gte": request.mature_end}, then=Value(Stratum.TOO_YOUNG.value)),
        When(**{f"{rows.confidence}__isnull": True}, then=Value(Stratum.NO_CONFIDENCE.value)),
        default=rows.stratum,
        output_field=SmallIntegerField(),
    )
    segments = (rows.segment[key] for key in request.segment_by)
    return {
        **dict(zip(_segment_names(request), segments, strict=True)),
        "evidence_period": _steps(rows.at, request.period_starts),
        "evidence_stratum": stratum,
        "evidence_band": _risk_band(rows, request),
        "evidence_audit_rate": rows.audit_rate,
        "evidence_confidence": F(rows.confidence),
        "evidence_success": rows.success,
        "evidence_threshold": rows.threshold,
        "evidence_risk_threshold": rows.risk_threshold,
    }


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


def _lattice(share: Any) -> int | None:
    return None if share is None else to_lattice(float(share))
