"""What an evidence source is: where the decisions of a policy key and their outcomes are, counted.

A source serves some policy keys. Asked about one of them, it counts decisions per segment, period and 4-decimal
confidence in the database and yields the counts; no row of a single decision ever leaves the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple, Protocol

from governance.models import Workspace


class Stratum(IntEnum):
    """How a decision came by its label, or why it is no evidence."""

    GATED = 0
    """Labels arrive mostly for what was allowed: no evidence below the threshold that was in force."""
    AUDITED = 1
    """Blocked, and drawn at random for review: evidence below the threshold in force, too."""
    COMPLETE = 2
    """History that is labelled whatever a gate would have said of it."""
    OTHER_CHECKS = 3
    """Blocked by something that is no threshold (a switch, a broken contract): no evidence."""
    NO_CONFIDENCE = 4
    """Without a confidence: no evidence."""
    TOO_YOUNG = 5
    """Younger than the maturity lag: no evidence yet."""


EVIDENCE = (Stratum.GATED, Stratum.AUDITED, Stratum.COMPLETE)
"""The strata that make up a cohort."""

LEFT_OUT = (Stratum.OTHER_CHECKS, Stratum.NO_CONFIDENCE, Stratum.TOO_YOUNG)
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
    segment_by : tuple of str
        What to split by: some of the source's `segment_keys`, in their order.
    risk_edges : tuple of int
        Ascending risks, 0…10,000, that divide risk bands: band b holds `edges[b - 1] <= risk < edges[b]`.
        Empty for a policy without a risk threshold.
    """

    workspace: Workspace
    policy_key: str
    start: datetime
    window_end: datetime
    mature_end: datetime
    period_starts: tuple[datetime, ...]
    labels_as_of: datetime
    segment_by: tuple[str, ...]
    risk_edges: tuple[int, ...] = ()


class EvidenceCount(NamedTuple):
    """Exact counts of the decisions that agree in segment, period, stratum, risk band and confidence.

    Parameters
    ----------
    segment : tuple of str
        The values of `EvidenceRequest.segment_by`.
    risk_band : int or None
        None where no risk was recorded, 0 for a policy without a risk threshold.
    audit_rate : int or None
        Ten thousand times the probability with which the decisions were drawn for review; None where they took no
        part in the lottery.
    confidence : int or None
        Ten thousand times the confidence; None where the decision has none.
    decisions : int
        Decisions, one for each case where cases are known.
    rows : int
        Decisions before they were collapsed to one for each case.
    labelled, successes : int
        Decisions with an outcome, and those whose ruling outcome is a success.
    threshold, risk_threshold : float or None
        The strictest thresholds that were in force for one of them: the highest on confidence, the lowest on risk;
        None where none is on record.
    """

    segment: tuple[str, ...]
    period: int
    stratum: Stratum
    risk_band: int | None
    audit_rate: int | None
    confidence: int | None
    decisions: int
    rows: int
    labelled: int
    successes: int
    threshold: float | None
    risk_threshold: float | None


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
        """What it can split by: some of `governance.config.SEGMENT_KEYS`."""

    @property
    def never_pooled(self) -> tuple[str, ...]:
        """Those of `segment_keys` that it always splits by, whatever was asked for."""

    def collect(self, request: EvidenceRequest) -> Iterator[EvidenceCount]:
        """Yield the counts, each combination once; one aggregate statement, no rows."""
