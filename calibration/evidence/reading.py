"""Reading the evidence of a policy key: the counts of its source, as columns per segment, with their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.evidence.contract import (
    ABSENT,
    EVIDENCE,
    HISTORY,
    LATER,
    DaysCounted,
    EvidenceCounts,
    EvidenceRequest,
    EvidenceSource,
    Stratum,
)
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, IntArray
from governance.workflow.evidence import canonical_json

_KEYS = ("period", "stratum", "risk_band", "audit_rate", "confidence")
_COLUMNS = (*_KEYS, "decisions", "rows", "labelled", "successes")
_THRESHOLDS = ("threshold", "risk_threshold")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaterDecisions:
    """The decisions of cases after the earliest, which alone counts: columns as in `SegmentCounts`."""

    is_history: NDArray[np.bool_]
    risk_band: IntArray
    confidence: IntArray
    labelled: IntArray
    successes: IntArray


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
        The counts, as in `EvidenceCounts`.
    later : LaterDecisions or None
        None where no case has a second decision.
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
    later: LaterDecisions | None = None

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
class CountedIn:
    """Where counts come from that were not made in the database, so that the owner of the place can repeat them.

    Parameters
    ----------
    engine, kind : str
        The name under which the workspace declared it, and what it is.
    declaration : int
        Id of the declaration.
    statement, statement_sha256 : str
        What was asked, in the dialect of the engine, and its hash.
    snapshot_sha256 : str or None
        Hash of names, sizes and times of the files; None for tables.
    read_at : str
        When.
    groups : int
        Rows that came back.
    counts_sha256 : str
        Their hash, see `engines.reading.counts_sha256`.
    """

    engine: str
    declaration: int
    kind: str
    statement: str
    statement_sha256: str
    snapshot_sha256: str | None
    read_at: str
    groups: int
    counts_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvidence:
    """Everything that a source counted for one policy key.

    `counted_in` and `days` have no part in the hash: counts have, and they are the same wherever they come from.
    """

    policy_key: str
    source: str
    request: EvidenceRequest
    segments: tuple[SegmentCounts, ...]
    counted_in: CountedIn | None = None
    days: DaysCounted | None = None

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
            columns = [getattr(counts, name) for name in _COLUMNS]
            if counts.later is not None:
                columns += [getattr(counts.later, name) for name in LaterDecisions.__slots__]
            for column in columns:
                digest.update(column.astype("<i8").tobytes())
        return digest.hexdigest()


def read_evidence(source: EvidenceSource, request: EvidenceRequest) -> KeyEvidence:
    """Read the counts of one policy key from its source."""
    told: list[DaysCounted] = []
    return KeyEvidence(
        policy_key=request.policy_key,
        source=source.name,
        request=request,
        segments=by_segment(_noting_days(source.collect(request), told), request.segment_by),
        days=told[0] if told else None,
    )


def _noting_days(batches: Iterable[EvidenceCounts], told: list[DaysCounted]) -> Iterator[EvidenceCounts]:
    for batch in batches:
        if batch.days is not None:
            told.append(batch.days)
        yield batch


def by_segment(batches: Iterable[EvidenceCounts], keys: tuple[str, ...]) -> tuple[SegmentCounts, ...]:
    """Add up the counts of batches, segment by segment, in canonical order."""
    numbers: dict[tuple[str | None, ...], int] = {}
    owners, columns = [], []
    for batch in batches:
        places = [numbers.setdefault(each, len(numbers)) for each in batch.segments]
        owners.append(np.array(places, dtype=np.int64)[batch.segment])
        columns.append(np.array([getattr(batch, name) for name in (*_COLUMNS, *_THRESHOLDS)]))
    if not columns:
        return ()
    owner, whole = np.concatenate(owners), np.concatenate(columns, axis=1)
    return tuple(
        _counts_of(named(keys, segment), whole[:, owner == numbers[segment]])
        for segment in sorted(numbers, key=lambda segment: [(value is not None, value) for value in segment])
    )


def named(keys: tuple[str, ...], segment: tuple[str | None, ...]) -> dict[str, str]:
    """Return the keys by which decisions are split, with their values."""
    return {key: value for key, value in zip(keys, segment, strict=True) if value is not None}


def _counts_of(segment: Mapping[str, str], whole: IntArray) -> SegmentCounts:
    stratum, confidence, decisions = (whole[_COLUMNS.index(name)] for name in ("stratum", "confidence", "decisions"))
    is_evidence = np.isin(stratum, EVIDENCE) & (confidence != ABSENT)
    is_later = np.isin(stratum, LATER)
    left_out = np.unique(stratum[~is_evidence & ~is_later])
    # History that was imported went through no threshold of a policy.
    thresholds, risk_thresholds = whole[len(_COLUMNS) :, is_evidence & ~np.isin(stratum, HISTORY)]
    return SegmentCounts(
        segment=segment,
        left_out={Stratum(each): int(decisions[~is_evidence & (stratum == each)].sum()) for each in left_out},
        highest_threshold=max((thresholds[thresholds != ABSENT] / LATTICE).tolist(), default=None),
        lowest_risk_threshold=min((risk_thresholds[risk_thresholds != ABSENT] / LATTICE).tolist(), default=None),
        **dict(zip(_COLUMNS, _added_up(whole[: len(_COLUMNS), is_evidence]), strict=True)),
        later=_later(whole[: len(_COLUMNS), is_later]) if is_later.any() else None,
    )


def _later(columns: IntArray) -> LaterDecisions:
    kept = dict(zip(_COLUMNS, _added_up(columns), strict=True))
    return LaterDecisions(
        is_history=kept["stratum"] == Stratum.LATER_OF_HISTORY,
        **{name: kept[name] for name in ("risk_band", "confidence", "labelled", "successes")},
    )


def _added_up(columns: IntArray) -> list[IntArray]:
    """Sort by the keys and add up what agrees in them: the same combination may come from several statements."""
    columns = columns[:, np.lexsort(columns[len(_KEYS) - 1 :: -1])]
    is_new = np.any(np.diff(columns[: len(_KEYS)], axis=1, prepend=-2) != 0, axis=0)
    starts = np.flatnonzero(is_new)
    sums = np.add.reduceat(columns[len(_KEYS) :], starts, axis=1) if starts.size else columns[len(_KEYS) :]
    # Nothing is left of what was taken back whole.
    is_left = sums[_COLUMNS.index("decisions") - len(_KEYS)] > 0
    return [*columns[: len(_KEYS), starts[is_left]], *sums[:, is_left]]
