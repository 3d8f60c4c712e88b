"""Which decisions of a segment speak for which thresholds: the cohort of a recommendation.

Outcomes exist mostly for what was allowed, so labels below the highest threshold in force are no sample of the
outcomes there. Counting them violated the guarantee in over 90 % of simulated windows. Below it count only decisions
that were drawn for audit, at the rate at which they were drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from calibration.evidence.contract import ABSENT, HISTORY, LOTTERY, Stratum
from calibration.evidence.judged import JudgedCounts
from calibration.evidence.reading import SegmentCounts
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import threshold_to_lattice
from governance.definitions import to_lattice
from ledger.models import LabelSource

CohortKind = Literal["complete_history", "at_or_above_threshold_in_force", "drawn"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The strictest thresholds of the window for decisions that carry none.

    Parameters
    ----------
    confidence : float
        The highest confidence threshold.
    risk : float or None
        The lowest risk threshold; None for a policy without one.
    ceiling : float
        The lowest confidence ceiling; 1 for a policy without one.
    """

    confidence: float
    risk: float | None
    ceiling: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cohort:
    """The decisions that a recommendation rests on.

    Parameters
    ----------
    kind : {"complete_history", "at_or_above_threshold_in_force", "drawn"}
        Fully labelled history, whole; everything, with labels at or above `floor` only; or all decisions of the gate,
        with labels of what was drawn only, of which what has none counts as a failure.
    chosen, labels : ndarray of bool, shape (k,)
        The entries that belong to it, and those whose labels count.
    floor, risk_floor : float or None
        The strictest confidence and risk thresholds in force; None for complete history.
    judged_ceiling : float
        The strictest confidence ceiling in force: above it no label counts. 1 for complete history.
    ceiling : float
        Confidences above it are not looked at.
    """

    kind: CohortKind
    counts: SegmentCounts
    chosen: Mask
    labels: Mask
    floor: float | None
    risk_floor: float | None
    judged_ceiling: float = 1.0
    ceiling: float = 1.0

    def passing(self, bands: int | None) -> Mask:
        """Return the entries up to the ceiling whose risk lies in the first `bands` bands; None: no risk threshold."""
        passing: Mask = self.chosen & ~self.above_ceiling
        if bands is not None:
            passing &= (self.counts.risk_band != ABSENT) & (self.counts.risk_band < bands)
        return passing

    @property
    def above_ceiling(self) -> Mask:
        """The entries that the ceiling blocks."""
        above: Mask = self.counts.confidence > to_lattice(self.ceiling)
        return above

    def under(self, ceiling: float | None) -> Self:
        """Return the cohort under another ceiling; None: as it is."""
        return self if ceiling is None else replace(self, ceiling=ceiling)

    def groups(self, bands: int | None, period: int | None = None) -> Groups:
        """Return the decisions that pass the risk threshold, with the labels that count."""
        return self.counts.groups(self._of_period(bands, period), self.labels)

    def known(self, bands: int | None, period: int | None = None) -> Groups:
        """Return the decisions that pass the risk threshold with every label of the source, fair sample or not."""
        return self.counts.groups(self._of_period(bands, period), self.labels if self.kind == "drawn" else None)

    def draws(self, bands: int | None) -> list[Groups]:
        """Return the decisions that pass the risk threshold by the rate at which they were drawn."""
        passing, rates = self.passing(bands), self.counts.audit_rate
        return [self.counts.groups(passing & (rates == rate), self.labels) for rate in np.unique(rates[passing])]

    def _of_period(self, bands: int | None, period: int | None) -> Mask:
        return self.passing(bands) if period is None else self.passing(bands) & (self.counts.period == period)

    def audited(self, bands: int | None) -> list[Groups]:
        """Return what lies below the threshold in force by rate of auditing, with the labels of drawn decisions only.

        What was drawn and has no label counts as a failure: who could leave one out could choose. History without a gap
        among its labels is an entry of its own.
        """
        if self.floor is None:
            return []
        counts = self.counts
        below = self.passing(bands) & (counts.confidence < threshold_to_lattice(self.floor))
        history = np.isin(counts.stratum, HISTORY)
        drawn = np.isin(counts.stratum, LOTTERY)
        parts = [
            below & ~history & (counts.audit_rate == rate) for rate in np.unique(counts.audit_rate[below & ~history])
        ]
        due = _due(counts)
        found = [due.groups(part, drawn) for part in parts]
        whole = bool(np.all(counts.labelled[below & history] == counts.decisions[below & history]))
        return [*found, counts.groups(below & history, history & whole)] if (below & history).any() else found

    def cut_off(self, confidence: float, risk: float | None) -> Self:
        """Return the cohort without the labels of what these thresholds block."""
        return replace(
            self,
            labels=self.labels & (self.counts.confidence >= threshold_to_lattice(confidence)),
            floor=max(confidence, self.floor or 0.0),
            risk_floor=risk if self.risk_floor is None or risk is None else min(risk, self.risk_floor),
        )

    def is_audited(self, bands: int | None) -> bool:
        """True when labels of drawn decisions exist below the threshold in force."""
        drawn = self.passing(bands) & (self.counts.stratum == Stratum.AUDITED)
        return self.floor is not None and bool(self.counts.labelled[drawn].any())


def _due(counts: SegmentCounts) -> SegmentCounts:
    """Take every decision that was drawn for labelled: one without a label is no success."""
    drawn = np.isin(counts.stratum, LOTTERY)
    return replace(counts, labelled=np.where(drawn, counts.decisions, counts.labelled))


def choose_cohort(counts: SegmentCounts, in_force: InForce, source: LabelSource = LabelSource.EVENTS) -> Cohort:
    """Return the cohort of a segment. Outcomes have no say in the choice, only whether there is a label.

    Where labels come from events, those of decisions that were drawn among what is allowed count only if events label
    all the others: into gaps they would bring labels of another source, at another rate.

    Complete history cannot be pooled with decisions of the gate below the threshold in force: above it both would
    count, below it only the history, and the failure rate of the mixture would come out too low. So it speaks alone,
    and whole, as long as nobody knows how the gate's own decisions went.
    """
    floor = in_force.confidence if counts.highest_threshold is None else counts.highest_threshold
    risk_floor = in_force.risk if counts.lowest_risk_threshold is None else counts.lowest_risk_threshold
    history = np.isin(counts.stratum, HISTORY)
    # Labels of what an earlier gate blocked were picked by somebody, unless they all were.
    reached = (counts.confidence >= threshold_to_lattice(floor)) & (counts.stratum != Stratum.HISTORY_BLOCKED)
    reached &= counts.confidence <= to_lattice(in_force.ceiling)
    gated = reached & (counts.stratum == Stratum.GATED)
    if counts.labelled[gated].sum() < counts.decisions[gated].sum():
        reached &= counts.stratum != Stratum.DRAWN
    has_gaps = counts.labelled[history].sum() < counts.decisions[history].sum()
    is_history = not has_gaps and bool(counts.labelled[history].any()) and not counts.labelled[~history].any()
    if source is LabelSource.DRAWN and not is_history:
        drawn = np.isin(counts.stratum, LOTTERY)
        return Cohort(kind="drawn", counts=_due(counts), chosen=~history, labels=drawn, floor=None, risk_floor=None)
    return Cohort(
        kind="complete_history" if is_history else "at_or_above_threshold_in_force",
        counts=counts,
        chosen=history if is_history else np.ones_like(history),
        labels=history if is_history else reached,
        floor=None if is_history else floor,
        risk_floor=None if is_history else risk_floor,
        judged_ceiling=1.0 if is_history else in_force.ceiling,
    )


def judged_cohort(counts: SegmentCounts, judged: JudgedCounts) -> Cohort:
    """Return what was drawn of a segment where a judge reads it before people."""
    zeros = np.zeros_like(judged.value)
    of_drawn = replace(
        counts,
        period=judged.period,
        stratum=zeros + Stratum.DRAWN,
        risk_band=zeros,
        audit_rate=zeros + judged.rate,
        confidence=judged.value,
        decisions=judged.drawn,
        rows=judged.drawn,
        labelled=judged.drawn,
        successes=judged.drawn - judged.failures,
        later=None,
    )
    every = np.ones_like(zeros, dtype=bool)
    return Cohort(kind="drawn", counts=of_drawn, chosen=every, labels=every, floor=None, risk_floor=None)
