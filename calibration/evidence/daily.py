"""Evidence from the daily counts of the ledger (`ledger.counts`): of the days that have some that hold."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from calibration.evidence.contract import ABSENT, DaysCounted, EvidenceCounts, EvidenceRequest, Stratum
from calibration.statistics.lattice import IntArray
from ledger.counts.counting import PLACES, has_risk
from ledger.counts.packing import Counts
from ledger.counts.reading import counts_of, days_that_hold
from ledger.models import DailyCount, DecisionRecord
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.reasons import JUDGED_BY_THRESHOLDS

log = logging.getLogger(__name__)

NOT_KEPT = frozenset({"channel", "prompt_hash"})
"""What daily counts are not split by: who asks for it has the whole window counted in the ledger."""

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_MANY = 50_000
"""Entries of one combination that wait to be added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyEvidence:
    """What daily counts hold of a window. What lies `in_ledger`, and cases, have to be counted there."""

    counts: EvidenceCounts
    in_ledger: Sequence[tuple[datetime, datetime]]
    has_cases: bool


def daily_counts(request: EvidenceRequest) -> DailyEvidence | None:
    """Read the daily counts of a window; None where no day of it has some that hold. Inside of `read_snapshot`.

    A day counts whole: one in which the window, a period or the maturity lag begins or ends is counted in the ledger.
    """
    if request.asked_for & NOT_KEPT:
        return None
    days = days_that_hold(
        request.workspace.pk,
        request.policy_key,
        request.start.astimezone(UTC).date(),
        (request.window_end - _MOMENT).astimezone(UTC).date(),
        recorded_by=request.received_by,
        labelled_by=request.labels_as_of,
    )
    whole = [day for day in days if _is_whole(day.day, request)]
    if not whole:
        return None
    added, read, damaged, has_cases = _Added(request), [], [], False
    for each in counts_of(whole):
        if each.rows is None:
            log.error("The daily counts of %s, %s, are damaged; see verify_counts.", request.policy_key, each.day)
            damaged.append(each.day)
            continue
        read.append(each.day)
        has_cases |= each.in_cases > 0
        for row in each.rows:
            added.add(each.day, row)
    in_ledger = tuple(_between(sorted(read), request))
    told = DaysCounted(days=tuple(sorted(read)), damaged=tuple(sorted(damaged)), in_ledger=in_ledger)
    return DailyEvidence(counts=added.counts(told), in_ledger=in_ledger, has_cases=has_cases)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _is_whole(day: date, request: EvidenceRequest) -> bool:
    start, end = _midnight(day), _midnight(day) + _DAY
    ends = (request.start, request.window_end, request.mature_end, *request.period_starts)
    return request.start <= start and end <= request.window_end and not any(start < each < end for each in ends)


def _between(days: Sequence[date], request: EvidenceRequest) -> Iterator[tuple[datetime, datetime]]:
    """What is left of the window without these days, as few stretches."""
    start = request.start
    for day in days:
        if start < _midnight(day):
            yield start, _midnight(day)
        start = _midnight(day) + _DAY
    if start < request.window_end:
        yield start, request.window_end


_Key = tuple[tuple[str | None, ...], int, int, int]
"""Segment, period, stratum, audit rate."""


@dataclass(slots=True)
class _Sum:
    """The counts of one combination: columns of values, decisions, labelled, successes; and its thresholds."""

    parts: list[IntArray] = field(default_factory=list)
    size: int = 0
    threshold: int = ABSENT
    risk_threshold: int = ABSENT

    def add(self, part: IntArray) -> None:
        self.parts.append(part)
        self.size += part.shape[1]
        if self.size > _MANY:
            self.parts, self.size = [self.columns()], 0

    def columns(self) -> IntArray:
        values, *counts = np.concatenate(self.parts, axis=1)
        sums = [np.bincount(values, each) for each in counts]
        found = np.flatnonzero(sums[0])
        return np.array([found, *(each[found] for each in sums)]).astype(np.int64)


class _Added:
    """Daily counts, added up by what a request asks for."""

    def __init__(self, request: EvidenceRequest) -> None:
        self.request = request
        self.has_risk = has_risk(request.policy_key)
        self.sums: dict[_Key, _Sum] = defaultdict(_Sum)

    def add(self, day: date, row: DailyCount) -> None:
        """Add a row of a day; decisions of cases are counted apart."""
        if row.in_case:
            return
        at, last = _midnight(day), len(self.request.period_starts)
        is_too_young = at >= self.request.mature_end
        period = last if is_too_young else sum(start <= at for start in self.request.period_starts)
        stratum = Stratum.TOO_YOUNG if is_too_young else _stratum(row)
        entry = self.sums[_segment(row, self.request), period, stratum, row.audit_rate]
        entry.threshold = max(entry.threshold, row.threshold)
        entry.risk_threshold = min({entry.risk_threshold, row.risk_threshold} - {ABSENT}, default=ABSENT)
        counts = Counts.unpack(bytes(row.packed))
        values = self._banded(counts.values)
        entry.add(np.array([values, counts.decisions, counts.labelled, counts.successes]))

    def _banded(self, values: IntArray) -> IntArray:
        """Replace risks by their bands, counted from 1; what has no risk is in band 0."""
        if not self.has_risk:
            return values
        confidence, risk = np.divmod(values, PLACES)
        if not self.request.risk_edges:
            return confidence
        band = np.searchsorted(self.request.risk_edges, risk - 1, side="right") + 1
        return np.where(risk == 0, 0, band) * PLACES + confidence

    def counts(self, days: DaysCounted) -> EvidenceCounts:
        """Return the sums as columns."""
        keys, sums = list(self.sums), [entry.columns() for entry in self.sums.values()]
        sizes = [each.shape[1] for each in sums]
        whole = np.concatenate([np.zeros((4, 0), dtype=np.int64), *sums], axis=1)
        band, place = np.divmod(whole[0], PLACES)
        confidence, (period, stratum, audit_rate) = place - 1, (self._repeated(place, sizes) for place in (1, 2, 3))
        stratum[(confidence == ABSENT) & (stratum != Stratum.TOO_YOUNG)] = Stratum.NO_CONFIDENCE
        thresholds = [(entry.threshold, entry.risk_threshold) for entry in self.sums.values()]
        return EvidenceCounts(
            segment=[key[0] for key, size in zip(keys, sizes, strict=True) for _ in range(size)],
            period=period,
            stratum=stratum,
            risk_band=band - 1 if self.has_risk and self.request.risk_edges else np.zeros_like(band),
            audit_rate=audit_rate,
            confidence=confidence,
            decisions=whole[1],
            rows=whole[1],
            labelled=whole[2],
            successes=whole[3],
            threshold=np.repeat([each[0] for each in thresholds], sizes).astype(np.int64),
            risk_threshold=np.repeat([each[1] for each in thresholds], sizes).astype(np.int64),
            days=days,
        )

    def _repeated(self, place: int, sizes: Sequence[int]) -> NDArray[np.int64]:
        return np.repeat(np.array([key[place] for key in self.sums], dtype=np.int64), sizes)


def _segment(row: DailyCount, request: EvidenceRequest) -> tuple[str | None, ...]:
    """As `decision_ledger` says it in SQL: ordinary kinds are split by what was asked for, others by all."""
    is_pooled = row.confidence_kind in POOLED_AS_ASKED
    return tuple(
        getattr(row, key) if not is_pooled or key in request.asked_for or key == "confidence_kind" else None
        for key in request.segment_by
    )


def _stratum(row: DailyCount) -> Stratum:
    """As `decision_ledger` says it in SQL."""
    is_allowed = row.gate_verdict == DecisionRecord.Verdict.ALLOW
    if row.origin == DecisionRecord.Origin.IMPORT:
        return Stratum.COMPLETE if is_allowed else Stratum.HISTORY_BLOCKED
    if row.audit_selected:
        return Stratum.DRAWN if is_allowed else Stratum.AUDITED
    return Stratum.GATED if row.gate_reason in JUDGED_BY_THRESHOLDS else Stratum.OTHER_CHECKS
