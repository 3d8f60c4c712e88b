"""Evidence from a file of labelled decisions, counted in memory: for whoever has no workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.evidence.contract import Stratum
from calibration.evidence.reading import SegmentCounts
from governance.definitions import to_lattice
from ledger.imports.mapper import Mapper
from ledger.imports.records import Record
from ledger.imports.services import read_row
from ledger.imports.source import Rejected

STAND_INS = {
    "external_id": "row", "policy_key": "confidence_gate", "decided_at": "1970-01-01T00:00:00Z",
    "provider": "unnamed", "model": "unnamed",
}  # fmt: skip
"""What a row of the ledger needs and a certificate does not ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """What a file holds: its segments, how many rows have no label, and which rows are no decisions, by reason."""

    segments: Sequence[SegmentCounts]
    rows: int
    unlabelled: int
    rejected: Counter[str]


def count_file(records: Iterable[Record], mapper: Mapper, *, segment_by: Sequence[str]) -> FileCounts:
    """Count the decisions of a file by segment and confidence; of several labels of a row the last one counts."""
    counts: dict[tuple[tuple[str, ...], int, int], list[int]] = {}
    rejected: Counter[str] = Counter()
    rows = unlabelled = 0
    for record in records:
        rows += 1
        try:
            if record.values is None:
                raise Rejected(record.problem)
            row = read_row(record.values, mapper, STAND_INS)
        except Rejected as rejection:
            rejected[rejection.detail] += 1
            continue
        decision = row.decision
        segment = tuple(_named(key, getattr(decision, key)) for key in segment_by)
        stratum = Stratum.COMPLETE if decision.gate_verdict == "allow" else Stratum.HISTORY_BLOCKED
        entry = counts.setdefault((segment, int(stratum), to_lattice(decision.confidence)), [0, 0, 0])
        entry[0] += 1
        if row.labels:
            entry[1] += 1
            entry[2] += row.labels[-1].success
        else:
            unlabelled += 1
    names = sorted({segment for segment, _, _ in counts})
    return FileCounts(
        segments=[_segment(segment, segment_by, counts) for segment in names],
        rows=rows,
        unlabelled=unlabelled,
        rejected=rejected,
    )


def _named(key: str, value: object) -> str:
    return "" if value is None or value == STAND_INS.get(key) else str(value)


def _segment(
    segment: tuple[str, ...], keys: Sequence[str], counts: dict[tuple[tuple[str, ...], int, int], list[int]]
) -> SegmentCounts:
    own = sorted((stratum, value, *entry) for (each, stratum, value), entry in counts.items() if each == segment)
    stratum, confidence, decisions, labelled, successes = np.array(own, dtype=np.int64).T
    zeros = np.zeros_like(confidence)
    return SegmentCounts(
        segment=dict(zip(keys, segment, strict=True)),
        left_out={},
        highest_threshold=None,
        lowest_risk_threshold=None,
        period=zeros,
        stratum=stratum,
        risk_band=zeros,
        audit_rate=zeros - 1,
        confidence=confidence,
        decisions=decisions,
        rows=decisions,
        labelled=labelled,
        successes=successes,
    )
