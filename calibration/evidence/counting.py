"""Counting decisions in SQL, from a queryset that says where they are.

The queryset gives one row for each decision; the statements around it tell the earliest decision of each case from the
later ones and count. The rows stay in the database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.expressions import Combinable

from calibration.evidence.contract import ABSENT, HISTORY, LOTTERY, EvidenceCounts, EvidenceRequest, Stratum
from calibration.evidence.rows import KEY_NAMES, DecisionRows, bit, columns_of, segment_names, select
from ledger.counts.statement import as_lattice, grouped_by_hashing

FETCH = 5_000
"""Counts that are fetched at a time."""

_LABELLED = ("COUNT(evidence_success)", "COUNT(CASE WHEN evidence_success THEN 1 END)")
_USUAL = ("COUNT(evidence_usual)", "COUNT(CASE WHEN evidence_usual THEN 1 END)")
_COUNTS = ("COUNT(*)", "COUNT(*)", *_LABELLED)
_COUNTS_OF_CASES = ("COUNT(*)", "CAST(SUM(copies) AS bigint)", *_LABELLED)
_CORRECTIONS = ("0", "0", *(f"{right} - {usual}" for right, usual in zip(_LABELLED, _USUAL, strict=True)))
"""Decisions, rows, labelled, successes; of the rare decisions only by how much their labels were counted wrong."""

_FENCE = {"postgresql": " OFFSET '0'"}
"""Keeps PostgreSQL from looking into a sub-query: the columns of one whose inside it does not know it takes to have few
values. Otherwise it takes the number of a period to have as many as there are times, and counts alone what it could
count in parallel. In quotes: a bare 0 has to be cast, and a sub-query with an offset to be computed is not parallel."""


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
    the way: hence a statement of their own for those, with the rare ones among them as if they were none; one that puts
    the labels of the rare ones right; and one that collapses cases.
    """
    yield from count_alone(rows, request, [(request.start, request.window_end)])
    yield from count_cases(rows, request)


Stretches = Sequence[tuple[datetime, datetime]]
"""Parts of a window, each from its start up to and without its end."""


def count_alone(rows: DecisionRows, request: EvidenceRequest, stretches: Stretches) -> Iterator[EvidenceCounts]:
    """Yield the counts of the decisions of no case that lie in stretches of the window."""
    inside = [Q(**{f"{rows.at}__gte": start, f"{rows.at}__lt": end}) for start, end in stretches]
    alone = _in_window(rows, request).filter(reduce(or_, inside))
    if rows.case_key is not None:
        alone = alone.filter(**{rows.case_key: ""})
    with grouped_by_hashing():
        yield from _fetch(*select(alone, columns_of(rows, rows.success, request)), request, _COUNTS)
        for condition, success in rows.rare:
            columns = {**columns_of(rows, success, request), "evidence_usual": rows.success}
            yield from _fetch(*select(alone.filter(condition), columns), request, _CORRECTIONS)


def count_cases(rows: DecisionRows, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
    """Yield the counts of the decisions in cases: of each the earliest in the window, and the later ones."""
    if rows.case_key is not None:
        of_cases = _in_window(rows, request).exclude(**{rows.case_key: ""})
        yield from _fetch(*_collapsed(of_cases, rows, request), request, _COUNTS_OF_CASES)


def count_out(rows: DecisionRows, condition: Q, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
    """Yield what takes drawn decisions without a label that meet a condition out of the evidence: they are `UNTOLD`.

    Of a case it is the first decision that is taken out, and the later ones stay later ones.
    """
    decisions = _in_window(rows, request)
    meeting = decisions.filter(condition)
    if rows.case_key is not None:
        cases = meeting.exclude(**{rows.case_key: ""}).values(rows.case_key)
        of_cases = decisions.filter(**{f"{rows.case_key}__in": cases})
        collapsed, parameters = _collapsed(of_cases, rows, request, {"evidence_is_out": bit(condition)})
        out = f"{_UNLABELLED.format(collapsed)} AND evidence_is_out"
        yield from _taken_out(out, parameters, request, _COUNTS_OF_CASES)
        meeting = meeting.filter(**{rows.case_key: ""})
    alone, parameters = select(meeting, columns_of(rows, _success(rows), request))
    yield from _taken_out(_UNLABELLED.format(alone), parameters, request, _COUNTS)


_UNLABELLED = "SELECT * FROM ({}) counted WHERE evidence_success IS NULL"


def _taken_out(
    decisions: str, parameters: tuple[Any, ...], request: EvidenceRequest, counts: Sequence[str]
) -> Iterator[EvidenceCounts]:
    for batch in _fetch(decisions, parameters, request, counts):
        drawn = np.isin(batch.stratum, LOTTERY)
        number, copies = batch.decisions * drawn, batch.rows * drawn
        yield replace(batch, decisions=-number, rows=-copies)
        yield replace(batch, decisions=number, rows=copies, stratum=np.full_like(batch.stratum, Stratum.UNTOLD))


def _success(rows: DecisionRows) -> Combinable:
    return Case(*(When(condition, then=then) for condition, then in rows.rare), default=rows.success)


def _in_window(rows: DecisionRows, request: EvidenceRequest) -> QuerySet[Any]:
    return rows.queryset.filter(
        **{"workspace_id": request.workspace.pk, f"{rows.at}__gte": request.start, f"{rows.at}__lt": request.window_end}
    ).order_by()


def _fetch(
    decisions: str, parameters: tuple[Any, ...], request: EvidenceRequest, counts: Sequence[str]
) -> Iterator[EvidenceCounts]:
    """Count a query of decisions. Names come from this module and from the ORM; values are parameters."""
    segments = segment_names(request)
    keys = ["evidence_period", "evidence_stratum", _or_absent("evidence_band")]
    lattice = ["evidence_audit_rate", "evidence_confidence", "MAX(evidence_threshold)", "MIN(evidence_risk_threshold)"]
    columns = [*segments, *keys, *counts, *(_or_absent(as_lattice(name)) for name in lattice)]
    statement = (
        f"SELECT {', '.join(columns)} FROM ({decisions}{_FENCE.get(connection.vendor, '')}) decisions "  # noqa: S608
        f"GROUP BY {', '.join([*segments, *KEY_NAMES])}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        while batch := cursor.fetchmany(FETCH):
            yield counts_of_rows(batch, len(segments), len(request.period_starts) + 1)


def counts_of_rows(batch: Sequence[tuple[Any, ...]], width: int, periods: int) -> EvidenceCounts:
    """Return the rows of a counting statement as columns.

    Parameters
    ----------
    batch : sequence of tuple
        `width` segment values; then period, stratum, band, decisions, rows, labelled, successes, audit rate, confidence
        and the two thresholds.
    periods : int
        How many there are; this number itself stands for decisions that are too young.
    """
    columns = list(zip(*batch, strict=True))
    named = list(zip(*columns[:width], strict=True)) if width else [()] * len(batch)
    numbers = {segment: number for number, segment in enumerate(dict.fromkeys(named))}
    period, stratum, band, decisions, copies, labelled, successes, rate, confidence, threshold, risk_threshold = (
        np.array(columns[width:], dtype=np.int64)
    )
    is_too_young = period == periods
    stratum[confidence == ABSENT] = Stratum.NO_CONFIDENCE
    stratum[is_too_young] = Stratum.TOO_YOUNG
    return EvidenceCounts(
        segments=list(numbers),
        segment=np.array([numbers[segment] for segment in named], dtype=np.int64),
        period=np.where(is_too_young, periods - 1, period),
        stratum=stratum,
        risk_band=band,
        audit_rate=rate,
        confidence=confidence,
        decisions=decisions,
        rows=copies,
        labelled=labelled,
        successes=successes,
        threshold=threshold,
        risk_threshold=risk_threshold,
    )


def _collapsed(
    decisions: QuerySet[Any],
    rows: DecisionRows,
    request: EvidenceRequest,
    also: Mapping[str, Combinable] = MappingProxyType({}),
) -> tuple[str, tuple[Any, ...]]:
    assert rows.case_key is not None  # noqa: S101 - narrows the type; otherwise there are no cases
    is_evidence = Q(**{f"{rows.at}__lt": request.mature_end, f"{rows.confidence}__isnull": False}) & (
        rows.complete | rows.history_blocked | rows.drawn | rows.audited | ~rows.other_checks
    )
    of_case = {
        "evidence_kept": bit(is_evidence),
        "evidence_case": F(rows.case_key),
        "evidence_at": F(rows.at),
        "evidence_id": F("pk"),
    }
    columns = {**columns_of(rows, _success(rows), request), **also}
    statement, parameters = select(decisions, {**columns, **of_case})
    others = ", ".join(name for name in columns if name != "evidence_stratum")
    history = ", ".join(str(int(stratum)) for stratum in HISTORY)
    return (
        f"SELECT {others}, CASE WHEN place = 1 THEN evidence_stratum "  # noqa: S608
        f"WHEN evidence_stratum IN ({history}) THEN {int(Stratum.LATER_OF_HISTORY)} ELSE {int(Stratum.LATER)} END "
        f"AS evidence_stratum, CASE WHEN place = 1 THEN copies ELSE 0 END AS copies "
        f"FROM ({_numbered(statement, request)}) numbered WHERE place = 1 OR evidence_kept"
    ), parameters


def _numbered(cases: str, request: EvidenceRequest) -> str:
    """Number the decisions of each case within its segment, evidence first, then by time."""
    partition = ", ".join([*segment_names(request), "evidence_case"])
    return (
        "SELECT decisions.*, ROW_NUMBER() OVER "  # noqa: S608
        f"(PARTITION BY {partition} ORDER BY CASE WHEN evidence_kept THEN 0 ELSE 1 END, "
        f"evidence_at, evidence_id) AS place, "
        f"COUNT(CASE WHEN evidence_kept THEN 1 END) OVER (PARTITION BY {partition}) AS copies "
        f"FROM ({cases}) decisions"
    )


def _or_absent(name: str) -> str:
    return f"COALESCE({name}, {ABSENT})"
