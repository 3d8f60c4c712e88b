"""A finding, in the one form in which it is computed, stored, proposed, compared and shown.

What is stored is JSON, and `from_json` reads what any earlier release has stored. Whoever changes a type of this tree,
those of the statistics included, so that a stored finding would no longer be read, writes `version: 2` and reads both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from calibration.parameters import CostsSource
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.calibration_error import CalibrationError, NoiseFloor
from calibration.statistics.costs import CostRecommendation, Costs
from calibration.statistics.cross_validation import RecalibrationGain
from calibration.statistics.drift import DistributionDrift, PeriodRate, RecentComparison
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.operating_points import OperatingPoint
from calibration.statistics.recalibration import RecalibrationMap
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.reliability import ReliabilityCurve
from calibration.statistics.scores import Auroc, BrierScore, ConfidenceBias, LogLoss
from calibration.statistics.sequential import AnytimeEvidence
from confidence_project.foundation.errors import InvalidInput

VERSION = 1
"""Of the stored form; the first is told by having no field `version`."""

BUDGET = "budget"
"""Method of findings about token budgets."""


class Stored:
    """What is kept as JSON."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Return what was stored; what this release does not know is left out.

        Raises
        ------
        InvalidInput
            It is of another form, or of a version that this release does not read.
        """
        version = stored.get("version", VERSION) if isinstance(stored, Mapping) else None
        if version != VERSION:
            raise InvalidInput(f"This is no {cls.__name__} of version {VERSION}: only what wrote it can read it.")
        try:
            return cls._reader().validate_python(stored)
        except ValidationError as error:
            fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
            raise InvalidInput(f"This is no {cls.__name__}: see {', '.join(fields[:5])}.") from None

    @classmethod
    @cache
    def _reader(cls) -> TypeAdapter[Self]:
        return TypeAdapter(cls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The cohort that a finding rests on; see `Cohort`. `kind` is "bundles" for budgets."""

    kind: str
    threshold_in_force: float | None
    risk_threshold_in_force: float | None
    decisions_before_collapse_by_case: int
    labels_below_threshold_in_force: int
    labels_not_pooled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Decisions that are no evidence, by the reason."""

    other_checks: int = 0
    no_confidence: int = 0
    too_young: int = 0
    blocked_by_risk: int = 0
    without_risk: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief(Stored):
    """The part of a finding that a proposal keeps of what it leaves as it is."""

    field: str
    segment: Mapping[str, str]
    current: float
    recommended: float | None
    reason: str
    explanation: str
    labelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline(Stored):
    """The figures of a finding that fit in a line; rates and errors are those of the finding's own fields."""

    policy_key: str
    field: str
    segment: Mapping[str, str]
    current: float
    recommended: float | None
    reason: str
    labelled: int
    label_coverage: float | None
    coverage: float | None
    failure_rate: float | None
    failure_rate_interval: tuple[float, float] | None
    ece: float | None
    ece_noise_q95: float | None
    at_current: OperatingPoint
    success_rates: tuple[float | None, ...]
    is_drifting: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Stored):
    """What a run says about one field for one segment.

    Parameters
    ----------
    recommended : float or None
        The certified value; None for a refusal.
    reason : str
        "OK", or why nothing is recommended: that of the answer, or one of the constants of `thresholds`.
    explanation, statement : str
        The same in plain words, and the only words for what is certified.
    is_material, is_proposable : bool
        Whether the value differs from the current one by enough to be proposed, and whether an override can, besides,
        single the segment out.
    is_tested : bool
        Whether the segment had labels enough to share δ.
    label_coverage, label_coverage_by_tenth
        Shares of the decisions that have a label: of all, and by tenth of confidence.
    method : {"walk", "audits", "pair", "budget"}
        How the answer was found.
    answer
        Everything that the method returned; None where a run that may not loosen does not say it.
    at_current, at_recommended : OperatingPoint
        What the thresholds in force allow, and what the recommended ones would. Coverage is of the whole cohort.
    reliability to periods
        What a reviewer looks at besides; None where nothing was tested.
    """

    policy_key: str
    field: str
    segment: Mapping[str, str]
    current: float
    recommended: float | None
    reason: str
    explanation: str
    is_material: bool
    is_proposable: bool
    is_tested: bool
    decisions: int
    labelled: int
    successes: int
    label_coverage: float | None
    label_coverage_by_tenth: tuple[float | None, ...] | None = None
    cohort: Basis
    left_out: LeftOut
    method: str
    statement: str | None
    answer: ThresholdRecommendation | AuditedRecommendation | JointRecommendation | BudgetRecommendation | None
    at_current: OperatingPoint
    at_recommended: OperatingPoint | None = None
    change: Change | None = None
    drift: WindowDrift | None = None
    costs: CheapestThreshold | None = None
    reliability: Reliability | None = None
    operating_curve: tuple[CurvePoint, ...] | None = None
    calibration_error: CalibrationError | None = None
    noise_floor: NoiseFloor | None = None
    brier_score: BrierScore | None = None
    log_loss: LogLoss | None = None
    auroc: Auroc | None = None
    confidence_bias: ConfidenceBias | None = None
    recalibration: tuple[Recalibration, ...] | None = None
    periods: tuple[PeriodRate, ...] | None = None
    since_last_run: SinceLastRun | None = None

    @property
    def match(self) -> dict[str, str]:
        """What an override for the segment matches on; empty: the policy's own values."""
        return {key: value for key, value in self.segment.items() if value}

    @property
    def is_of_budget(self) -> bool:
        return self.method == BUDGET

    @property
    def ece(self) -> float | None:
        return self.calibration_error.ece if self.calibration_error else None

    @property
    def ece_noise_q95(self) -> float | None:
        return self.noise_floor.q95 if self.noise_floor else None

    @property
    def fair_curve(self) -> Sequence[CurvePoint]:
        """The operating curve down to the threshold that was in force: labels below it are no fair sample."""
        floor = self.cohort.threshold_in_force
        return [point for point in self.operating_curve or () if floor is None or point.threshold >= floor]

    @property
    def share_of_all(self) -> float:
        """Which share of the cohort's decisions the operating curve is about: those that the risk lets pass."""
        everything = self.decisions + self.left_out.blocked_by_risk + self.left_out.without_risk
        return self.decisions / everything if everything else 1.0

    def brief(self) -> Brief:
        """Return what a proposal keeps of it where it leaves things as they are."""
        return Brief(
            field=self.field,
            segment=self.segment,
            current=self.current,
            recommended=self.recommended,
            reason=self.reason,
            explanation=self.explanation,
            labelled=self.labelled,
        )

    def headline(self) -> Headline:
        """Return the figures that fit in a line."""
        point = self.at_recommended
        return Headline(
            policy_key=self.policy_key,
            field=self.field,
            segment=self.segment,
            current=self.current,
            recommended=self.recommended,
            reason=self.reason,
            labelled=self.labelled,
            label_coverage=self.label_coverage,
            coverage=point.coverage if point else None,
            failure_rate=point.failure_rate if point else None,
            failure_rate_interval=point.interval if point else None,
            ece=self.ece,
            ece_noise_q95=self.ece_noise_q95,
            at_current=self.at_current,
            success_rates=tuple(period.success_rate for period in self.periods or ()),
            is_drifting=self.drift.is_drifting if self.drift else None,
        )
