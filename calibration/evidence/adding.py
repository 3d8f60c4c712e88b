"""Rows of daily counts, added up by what a request asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

import numpy as np

from calibration.evidence.contract import ABSENT, DaysCounted, EvidenceCounts, EvidenceRequest, Stratum
from calibration.statistics.lattice import IntArray
from ledger.counts.counting import has_risk
from ledger.counts.packing import Counts
from ledger.counts.statement import PLACES
from ledger.models import DailyCount, DecisionRecord
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.reasons import JUDGED_BY_THRESHOLDS

_MANY = 50_000
"""Entries of one combination that wait to be added up."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What all decisions of a row of daily counts have in common, beside the thresholds."""

    segment: tuple[str | None, ...]
    period: int
    stratum: int
    audit_rate: int


def combination_of(row: DailyCount, at: datetime, request: EvidenceRequest) -> Combination:
    """Return what a request makes of a row of counts of decisions from `at` on, which no edge of it divides."""
    is_too_young = at >= request.mature_end
    return Combination(
        segment=_segment(row, request),
        period=len(request.period_starts) if is_too_young else sum(start <= at for start in request.period_starts),
        stratum=Stratum.TOO_YOUNG if is_too_young else _stratum(row),
        audit_rate=row.audit_rate,
    )


def bands_and_confidences(values: IntArray, request: EvidenceRequest) -> tuple[IntArray, IntArray]:
    """Return the risk bands and the confidences that packed values stand for."""
    if not has_risk(request.policy_key):
        return np.zeros_like(values), values - 1
    place, risk = np.divmod(values, PLACES)
    if not request.risk_edges:
        return np.zeros_like(values), place - 1
    band = np.searchsorted(request.risk_edges, risk - 1, side="right")
    return np.where(risk == 0, ABSENT, band), place - 1


def midnight(day: date) -> datetime:
    """Return when a day begins, in UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


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


class Added:
    """The counts of decisions of no case."""

    def __init__(self, request: EvidenceRequest) -> None:
        self.request = request
        self.sums: dict[Combination, _Sum] = defaultdict(_Sum)

    def add(self, at: datetime, row: DailyCount) -> None:
        """Add a row of decisions from `at` on, which no edge of the request divides."""
        entry = self.sums[combination_of(row, at, self.request)]
        entry.threshold = max(entry.threshold, row.threshold)
        entry.risk_threshold = min({entry.risk_threshold, row.risk_threshold} - {ABSENT}, default=ABSENT)
        counts = Counts.unpack(bytes(row.packed))
        band, confidence = bands_and_confidences(counts.values, self.request)
        values = (band + 1) * PLACES + confidence + 1
        entry.add(np.array([values, counts.decisions, counts.labelled, counts.successes]))

    def counts(self, days: DaysCounted) -> EvidenceCounts:
        """Return the sums as columns."""
        keys, sums = list(self.sums), [entry.columns() for entry in self.sums.values()]
        sizes = [each.shape[1] for each in sums]
        whole = np.concatenate([np.zeros((4, 0), dtype=np.int64), *sums], axis=1)
        band, place = np.divmod(whole[0], PLACES)
        confidence, stratum = place - 1, _repeated([key.stratum for key in keys], sizes)
        stratum[(confidence == ABSENT) & (stratum != Stratum.TOO_YOUNG)] = Stratum.NO_CONFIDENCE
        return EvidenceCounts(
            segments=[key.segment for key in keys],
            segment=_repeated(range(len(keys)), sizes),
            period=_repeated([key.period for key in keys], sizes),
            stratum=stratum,
            risk_band=band - 1,
            audit_rate=_repeated([key.audit_rate for key in keys], sizes),
            confidence=confidence,
            decisions=whole[1],
            rows=whole[1],
            labelled=whole[2],
            successes=whole[3],
            threshold=_repeated([entry.threshold for entry in self.sums.values()], sizes),
            risk_threshold=_repeated([entry.risk_threshold for entry in self.sums.values()], sizes),
            days=days,
        )


def _repeated(values: Sequence[int], sizes: Sequence[int]) -> IntArray:
    return np.repeat(np.array(values, dtype=np.int64), sizes)


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
