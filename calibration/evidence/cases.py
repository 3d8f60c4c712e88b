"""Cases among rows of daily counts: of each case the earliest decision in the window counts, wherever it lies.

The same as `counting.count_cases` does in the ledger, by numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from calibration.evidence.adding import Combination, bands_and_confidences, combination_of
from calibration.evidence.contract import ABSENT, EVIDENCE, HISTORY, EvidenceCounts, EvidenceRequest, Stratum
from calibration.statistics.lattice import IntArray
from ledger.counts.packing import InCases
from ledger.models import DailyCount

MOST = 1_000_000
"""Decisions in cases that are told apart here, each in some 150 bytes; more of them the ledger's database does."""

_PLACES = 1 << 32


class Cases:
    """Decisions in cases, told apart."""

    def __init__(self, request: EvidenceRequest) -> None:
        self.request = request
        self.combinations: list[Combination] = []
        self.rows: list[tuple[datetime, int, int]] = []
        self.parts: list[IntArray] = []
        self.size = 0

    @property
    def are_many(self) -> bool:
        """True once they are too many to be told apart here; what is added then is left out."""
        return self.size > MOST

    def add(self, at: datetime, row: DailyCount) -> None:
        """Add a row of decisions from `at` on, which no edge of the request divides; in any order."""
        if self.are_many:
            self.parts.clear()
            return
        found = InCases.unpack(bytes(row.packed))
        self.size += found.places.size
        self.parts.append(
            np.array(
                [np.full_like(found.places, len(self.rows)), found.cases, found.places, found.values, found.labels]
            )
        )
        self.combinations.append(combination_of(row, at, self.request))
        self.rows.append((at, row.threshold, row.risk_threshold))

    def counts(self) -> EvidenceCounts | None:
        """Return an entry for each decision that counts, or is shown beside what counts; None where `are_many`."""
        if self.are_many:
            return None
        owner, case, place, value, label = np.concatenate([np.zeros((5, 0), dtype=np.int64), *self.parts], axis=1)
        began, threshold, risk_threshold = zip(*self.rows, strict=True) if self.rows else ((), (), ())
        numbers = {at: number for number, at in enumerate(sorted(set(began)))}
        place += _picked([numbers[at] * _PLACES for at in began], owner)
        named = dict.fromkeys(each.segment for each in self.combinations)
        segments = {segment: number for number, segment in enumerate(named)}
        segment = _picked([segments[each.segment] for each in self.combinations], owner)
        stratum = _picked([each.stratum for each in self.combinations], owner)
        band, confidence = bands_and_confidences(value, self.request)
        is_evidence = np.isin(stratum, EVIDENCE) & (confidence != ABSENT)
        stratum[(confidence == ABSENT) & (stratum != Stratum.TOO_YOUNG)] = Stratum.NO_CONFIDENCE

        order = np.lexsort([place, ~is_evidence, case, segment])
        is_first = np.ones(order.size, dtype=bool)
        is_first[1:] = (np.diff(segment[order]) != 0) | (np.diff(case[order]) != 0)
        starts, kept = np.flatnonzero(is_first), is_evidence[order]
        copies = np.zeros_like(order)
        copies[starts] = np.add.reduceat(kept.astype(np.int64), starts) if starts.size else 0
        later = np.where(np.isin(stratum, HISTORY), Stratum.LATER_OF_HISTORY, Stratum.LATER)
        is_shown = is_first | kept
        shown = order[is_shown]
        return EvidenceCounts(
            segments=list(segments),
            segment=segment[shown],
            period=_picked([each.period for each in self.combinations], owner[shown]),
            stratum=np.where(is_first, stratum[order], later[order])[is_shown],
            risk_band=band[shown],
            audit_rate=_picked([each.audit_rate for each in self.combinations], owner[shown]),
            confidence=confidence[shown],
            decisions=np.ones_like(shown),
            rows=copies[is_shown],
            labelled=(label[shown] > 0).astype(np.int64),
            successes=(label[shown] > 1).astype(np.int64),
            threshold=_picked(threshold, owner[shown]),
            risk_threshold=_picked(risk_threshold, owner[shown]),
        )


def _picked(values: Sequence[int], places: IntArray) -> IntArray:
    return np.array(values, dtype=np.int64)[places]
