"""What an evidence source is: where the decisions of a policy key and their outcomes are, counted.

A source serves some policy keys. Asked about one of them, it counts decisions per segment, period and 4-decimal
confidence in the database and yields the counts; no row of a single decision ever leaves the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any, Protocol

from calibration.statistics.lattice import IntArray
from governance.models import Workspace

_DAY = timedelta(days=1)

ABSENT = -1
"""Stands in columns of counts for what is not on record."""


class Stratum(IntEnum):
    """How a decision came by its label, or why it is no evidence."""

    GATED = 0
    """Labels arrive mostly for what was allowed: no evidence below the threshold that was in force."""
    AUDITED = 1
    """Blocked, and drawn at random for review: evidence below the threshold in force, too."""
    COMPLETE = 2
    """History that was allowed, so that it is labelled whatever a gate would have said of it."""
    OTHER_CHECKS = 3
    """Blocked by something that is no threshold (a switch, a broken contract): no evidence."""
    NO_CONFIDENCE = 4
    """Without a confidence: no evidence."""
    TOO_YOUNG = 5
    """Younger than the maturity lag: no evidence yet."""
    HISTORY_BLOCKED = 6
    """History that was blocked, so that its labels may be picked: evidence only where all of history is labelled."""
    LATER = 7
    """A later decision of a case, of which the earliest counts: no evidence, but shown beside it."""
    LATER_OF_HISTORY = 8
    """The same, imported."""
    DRAWN = 9
    """Allowed, and drawn at random for review: its label stands for others where people label what is drawn."""
    UNTOLD = 10
    """Drawn, and nobody could tell: no evidence where the labelling rules leave such out, else without a label."""


HISTORY = (Stratum.COMPLETE, Stratum.HISTORY_BLOCKED)
"""The strata of imported history, which went through no threshold of a policy."""

LOTTERY = (Stratum.AUDITED, Stratum.DRAWN)
"""The strata of decisions that were drawn, on either side of the thresholds."""

EVIDENCE = (Stratum.GATED, Stratum.AUDITED, Stratum.DRAWN, *HISTORY)
"""The strata that make up a cohort."""

LATER = (Stratum.LATER, Stratum.LATER_OF_HISTORY)
"""The strata of later decisions of cases."""

LEFT_OUT = (Stratum.OTHER_CHECKS, Stratum.NO_CONFIDENCE, Stratum.TOO_YOUNG, Stratum.UNTOLD)
"""The strata that are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRequest:
    """What a source is asked for.

    Parameters
    ----------
    start, window_end : datetime
        Decisions of `start <= time < window_end` are counted.
    mature_end : datetime
        Decisions at or after it are `TOO_YOUNG`.
    period_starts : tuple of datetime
        Ascending starts of the periods after the first; the period of a decision counts from 0.
    labels_as_of : datetime
        Outcomes recorded later are not read.
    received_by : datetime
        Decisions that were recorded later are not read.
    segment_by : tuple of str
        What to split by: some of the source's `segment_keys`, in their order.
    asked_for : frozenset of str
        Those of `segment_by` that split every decision; by the others the source splits what it never pools.
    risk_edges : tuple of int
        Ascending risks, 0…10,000, that divide risk bands: band b holds `edges[b - 1] <= risk < edges[b]`.
        Empty for a policy without a risk threshold.
    leaves_out_untold : bool
        Drawn decisions without a label of which a person could not tell are `UNTOLD`.
    """

    workspace: Workspace
    policy_key: str
    start: datetime
    window_end: datetime
    mature_end: datetime
    period_starts: tuple[datetime, ...]
    labels_as_of: datetime
    received_by: datetime
    segment_by: tuple[str, ...]
    asked_for: frozenset[str]
    risk_edges: tuple[int, ...] = ()
    leaves_out_untold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysCounted:
    """Which days (UTC) of a window came from the daily counts, and which from the ledger.

    Parameters
    ----------
    days, damaged : tuple of date
        Days from the daily counts; days whose daily counts are not what was written, so that they came from the ledger.
    in_ledger : tuple of tuple of datetime
        Stretches that were counted in the ledger, each from its start up to and without its end.
    """

    days: tuple[date, ...]
    damaged: tuple[date, ...]
    in_ledger: tuple[tuple[datetime, datetime], ...]

    def as_json(self) -> dict[str, list[Any]]:
        """Return it in JSON types, days as the first and the last of each row of them."""
        firsts = [day for place, day in enumerate(self.days) if not place or self.days[place - 1] < day - _DAY]
        lasts = [day for place, day in enumerate(self.days, 1) if self.days[place : place + 1] != (day + _DAY,)]
        return {
            "counted": [[first.isoformat(), last.isoformat()] for first, last in zip(firsts, lasts, strict=True)],
            "damaged": [day.isoformat() for day in self.damaged],
            "in_ledger": [[start.isoformat(), end.isoformat()] for start, end in self.in_ledger],
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvidenceCounts:
    """Exact counts, as columns: each entry stands for the decisions that agree in all that is not counted.

    Parameters
    ----------
    segments : sequence of tuple of str or None
        Values of `EvidenceRequest.segment_by`; None for decisions that are not split by the key.
    segment : ndarray of int64, shape (k,)
        Places in `segments`.
    period, stratum : ndarray of int64, shape (k,)
        Number of the period, and a `Stratum`.
    risk_band : ndarray of int64, shape (k,)
        `ABSENT` where no risk was recorded, 0 for a policy without a risk threshold.
    audit_rate : ndarray of int64, shape (k,)
        Ten thousand times the probability with which the decisions were drawn for review; `ABSENT` where they took
        no part in the lottery.
    confidence : ndarray of int64, shape (k,)
        Ten thousand times the confidence; `ABSENT` where the decisions have none.
    decisions : ndarray of int64, shape (k,)
        Decisions, one for each case where cases are known.
    rows : ndarray of int64, shape (k,)
        Decisions that are evidence before they were collapsed to one for each case.
    labelled, successes : ndarray of int64, shape (k,)
        Decisions with an outcome, and those whose ruling outcome is a success.
    threshold, risk_threshold : ndarray of int64, shape (k,)
        Ten thousand times the strictest thresholds that were in force for one of them: the highest on confidence,
        the lowest on risk; `ABSENT` where none is on record.
    days : DaysCounted, optional
        Of counts that come from daily counts: of which days.
    """

    segments: Sequence[tuple[str | None, ...]]
    segment: IntArray
    period: IntArray
    stratum: IntArray
    risk_band: IntArray
    audit_rate: IntArray
    confidence: IntArray
    decisions: IntArray
    rows: IntArray
    labelled: IntArray
    successes: IntArray
    threshold: IntArray
    risk_threshold: IntArray
    days: DaysCounted | None = None


class EvidenceSource(Protocol):
    """One place where the decisions of some policy keys and their outcomes are."""

    @property
    def name(self) -> str:
        """What findings call the source."""

    @property
    def policy_keys(self) -> frozenset[str]:
        """The policy keys that it serves; one source for each key, so that nothing is counted twice."""

    @property
    def segment_keys(self) -> tuple[str, ...]:
        """What it can split by: some of `governance.policies.config.SEGMENT_KEYS`."""

    @property
    def never_pooled(self) -> tuple[str, ...]:
        """Those of `segment_keys` that it splits by whatever was asked for, if only some of its decisions."""

    def collect(self, request: EvidenceRequest) -> Iterator[EvidenceCounts]:
        """Yield the counts by the batch, aggregated by the database.

        Counts of the same combination add up; a batch may take back what another one has counted.
        """
