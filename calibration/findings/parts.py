"""What a finding is made of beside the results of the statistics themselves."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.parameters import CostsSource
from calibration.statistics.costs import CostRecommendation, Costs
from calibration.statistics.cross_validation import RecalibrationGain
from calibration.statistics.drift import DistributionDrift, RecentComparison
from calibration.statistics.recalibration import RecalibrationMap
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.reliability import ReliabilityCurve
from calibration.statistics.sequential import AnytimeEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The cohort that a finding rests on; see `Cohort`. `kind` is "bundles" for budgets.

    `labels_left_aside` counts those of the source that does not rule: where people label what was drawn, of all else;
    otherwise of what was drawn among what is allowed, as far as events leave gaps beside it. `labels_of_drawn` counts
    those of them that stand beside events.
    """

    kind: str
    threshold_in_force: float | None
    risk_threshold_in_force: float | None
    decisions_before_collapse_by_case: int
    labels_below_threshold_in_force: int
    labels_not_pooled: int
    labels_left_aside: int = 0
    labels_of_drawn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Decisions that are no evidence, by the reason."""

    other_checks: int = 0
    no_confidence: int = 0
    too_young: int = 0
    untold: int = 0
    above_ceiling: int = 0
    blocked_by_risk: int = 0
    without_risk: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryDecision:
    """The labelled decisions at or above `threshold`, each for itself: later decisions of a case included."""

    threshold: float
    labelled: int
    failures: int
    failure_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Decisions with a confidence from `low` on and below `high`, and how many of them are allowed."""

    low: float
    high: float
    decisions: int
    allowed_now: int
    allowed_then: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What flips between the thresholds in force and the recommended ones; coverages are shares of all decisions."""

    block_to_allow: int
    allow_to_block: int
    current_coverage: float
    expected_coverage: float
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDrift:
    """Whether the parts of the window agree, at `threshold`; see `window_drift`."""

    threshold: float
    confidences: DistributionDrift
    recent: RecentComparison
    halves: RecentComparison
    recertified: ThresholdRecommendation | None
    alarm: AnytimeEvidence

    @property
    def is_drifting(self) -> bool | None:
        """None: the window cannot be divided, or there are no labels."""
        return None if self.recent.reason else self.recent.flagged


@dataclass(frozen=True, slots=True, kw_only=True)
class CheapestThreshold(CostRecommendation):
    """The confidence threshold of least cost, for the costs that were stated."""

    stated: Costs
    source: CostsSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Both ways of binning the labelled decisions."""

    equal_width: ReliabilityCurve
    equal_mass: ReliabilityCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One threshold of the operating curve; None where nothing is labelled."""

    threshold: float
    coverage: float | None
    failure_rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """A map from stated to recalibrated confidence, and what it gains on labels that it was not fitted on."""

    map: RecalibrationMap
    cross_validated: RecalibrationGain


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSinceLastRun:
    """One reliability bin, then and now."""

    low: float | None
    high: float | None
    labelled_before: int
    labelled: int
    success_rate_before: float | None
    success_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceLastRun:
    """What the last run that had other inputs said of the same field and segment; see `since_last_run`."""

    inputs_sha256: str
    current_before: float
    recommended_before: float | None
    reason_before: str
    labelled_before: int
    ece_before: float | None
    psi: float | None
    ks_at_least: float | None
    buckets: tuple[BucketSinceLastRun, ...] | None
