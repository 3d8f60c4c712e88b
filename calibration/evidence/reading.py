"""Reading the evidence of a policy key: the counts of its source, as columns per segment, with their hash."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.evidence.contract import EVIDENCE, EvidenceCount, EvidenceRequest, EvidenceSource, Stratum
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, IntArray
from governance.evidence import canonical_json

ABSENT = -1
"""Risk band of decisions without a risk score, and audit rate of those outside of the lottery."""

_KEYS = ("period", "stratum", "risk_band", "audit_rate", "confidence")
_COLUMNS = (*_KEYS, "decisions", "rows", "labelled", "successes")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentCounts:
    """The counts of one segment: columns with one entry for each period, stratum, band, audit rate and confidence.

    Parameters
    ----------
    left_out : mapping of Stratum to int
        Decisions that are no evidence.
    highest_threshold, lowest_risk_threshold : float or None
        The strictest thresholds on record for decisions of the gate.
    period, stratum, risk_band, audit_rate, confidence : ndarray of int64, shape (k,)
        What the entries stand for, in canonical order; audit rate and confidence 0…10,000. Evidence only.
    decisions, rows, labelled, successes : ndarray of int64, shape (k,)
        The counts, as in `EvidenceCount`.
    """

    segment: Mapping[str, str]
    left_out: Mapping[Stratum, int]
    highest_threshold: float | None
    lowest_risk_threshold: float | None
    period: IntArray
    stratum: IntArray
    risk_band: IntArray
    audit_rate: IntArray
    confidence: IntArray
    decisions: IntArray
    rows: IntArray
    labelled: IntArray
    successes: IntArray

    def groups(self, chosen: NDArray[np.bool_], labels: NDArray[np.bool_] | None = None) -> Groups:
        """Return the groups of the chosen entries; labels count only where `labels` says so."""
        usable = chosen if labels is None else chosen & labels
        keep = usable[chosen]
        return Groups.from_arrays(
            self.confidence[chosen] / LATTICE,
            self.labelled[chosen] * keep,
            self.successes[chosen] * keep,
            self.decisions[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvidence:
    """Everything that a source counted for one policy key."""

    policy_key: str
    source: str
    request: EvidenceRequest
    segments: tuple[SegmentCounts, ...]

    @property
    def decisions(self) -> int:
        return sum(int(segment.decisions.sum()) for segment in self.segments)

    def sha256(self, context: Mapping[str, Any]) -> str:
        """Return the hash that names this evidence together with the parameters and the config in `context`."""
        digest = hashlib.sha256(
            canonical_json({**context, "policy_key": self.policy_key, "source": self.source}).encode()
        )
        for counts in self.segments:
            head = {
                "segment": dict(counts.segment),
                "left_out": {stratum.name: number for stratum, number in counts.left_out.items()},
                "thresholds": [counts.highest_threshold, counts.lowest_risk_threshold],
                "entries": counts.confidence.size,
            }
            digest.update(canonical_json(head).encode())
            for name in _COLUMNS:
                digest.update(getattr(counts, name).astype("<i8").tobytes())
        return digest.hexdigest()


@dataclass(slots=True)
class _Growing:
    """Columns of a segment while they are read: 64-bit arrays, since there may be ten thousand confidences a period."""

    columns: list[array[int]] = field(default_factory=lambda: [array("q") for _ in _COLUMNS])
    left_out: dict[Stratum, int] = field(default_factory=dict)
    highest_threshold: float | None = None
    lowest_risk_threshold: float | None = None

    def add(self, count: EvidenceCount) -> None:
        if count.stratum not in EVIDENCE or count.confidence is None:
            self.left_out[count.stratum] = self.left_out.get(count.stratum, 0) + count.decisions
            return
        for column, name in zip(self.columns, _COLUMNS, strict=True):
            entry = getattr(count, name)
            column.append(ABSENT if entry is None else entry)
        if count.stratum is not Stratum.COMPLETE:
            self._note_thresholds(count)

    def _note_thresholds(self, count: EvidenceCount) -> None:
        if count.threshold is not None:
            self.highest_threshold = max(count.threshold, self.highest_threshold or 0.0)
        if count.risk_threshold is not None:
            known = self.lowest_risk_threshold
            self.lowest_risk_threshold = count.risk_threshold if known is None else min(known, count.risk_threshold)

    def finished(self, segment: Mapping[str, str]) -> SegmentCounts:
        columns = [np.frombuffer(column, dtype=np.int64) for column in self.columns]
        order = np.lexsort(columns[len(_KEYS) - 1 :: -1])
        return SegmentCounts(
            segment=segment,
            left_out=dict(sorted(self.left_out.items())),
            highest_threshold=self.highest_threshold,
            lowest_risk_threshold=self.lowest_risk_threshold,
            **{name: column[order] for name, column in zip(_COLUMNS, columns, strict=True)},
        )


def read_evidence(source: EvidenceSource, request: EvidenceRequest) -> KeyEvidence:
    """Read the counts of one policy key from its source."""
    return KeyEvidence(
        policy_key=request.policy_key,
        source=source.name,
        request=request,
        segments=_by_segment(source.collect(request), request.segment_by),
    )


def _by_segment(counts: Iterable[EvidenceCount], keys: tuple[str, ...]) -> tuple[SegmentCounts, ...]:
    growing: dict[tuple[str, ...], _Growing] = {}
    for count in counts:
        growing.setdefault(count.segment, _Growing()).add(count)
    return tuple(growing[segment].finished(dict(zip(keys, segment, strict=True))) for segment in sorted(growing))
