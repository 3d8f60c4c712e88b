"""A finding, in the one form in which it is computed, stored, proposed, compared and shown.

What is stored is JSON, and `from_json` reads what any earlier release has stored. Whoever changes a type of this tree,
those of the statistics included, so that a stored finding would no longer be read, writes `version: 2` and reads both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from calibration.findings.parts import (
    Basis,
    Change,
    CheapestThreshold,
    CurvePoint,
    EveryDecision,
    LeftOut,
    Recalibration,
    Reliability,
    SinceLastRun,
    WindowDrift,
)
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.bands import BandRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.calibration_error import CalibrationError, NoiseFloor
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.drift import PeriodRate
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.judges import JudgedRecommendation
from calibration.statistics.operating_points import OperatingPoint
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.scores import Auroc, BrierScore, ConfidenceBias, LogLoss
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
        stored: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return stored

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
            wrong = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
            raise InvalidInput(f"This is no {cls.__name__}: see {', '.join(wrong[:5])}.") from None

    @classmethod
    @cache
    def _reader(cls) -> TypeAdapter[Self]:
        return TypeAdapter(cls)


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
    """The figures of a finding that fit in a line; rates are those of what is recommended."""

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
class Finding(Brief):
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
    method : {"walk", "draws", "audits", "pair", "band", "judge", "budget"}
        How the answer was found.
    answer
        Everything that the method returned; None where a run that may not loosen does not say it.
    at_current, at_recommended : OperatingPoint
        What the thresholds in force allow, and what the recommended ones would. Coverage is of the whole cohort.
    every_decision : EveryDecision or None
        How all decisions of the cases go at the threshold that is recommended, else in force; None where no case has
        a second one.
    reliability to periods
        What a reviewer looks at besides; None where nothing was tested.
    """

    policy_key: str
    is_material: bool
    is_proposable: bool
    is_tested: bool
    decisions: int
    successes: int
    label_coverage: float | None
    label_coverage_by_tenth: tuple[float | None, ...] | None = None
    cohort: Basis
    left_out: LeftOut
    method: str
    statement: str | None
    answer: (
        ThresholdRecommendation
        | DrawnRecommendation
        | AuditedRecommendation
        | JointRecommendation
        | BandRecommendation
        | JudgedRecommendation
        | BudgetRecommendation
        | None
    )
    at_current: OperatingPoint
    at_recommended: OperatingPoint | None = None
    change: Change | None = None
    every_decision: EveryDecision | None = None
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
        """Which share of the cohort's decisions the operating curve is about: those that ceiling and risk let pass."""
        left_out = self.left_out
        everything = self.decisions + left_out.above_ceiling + left_out.blocked_by_risk + left_out.without_risk
        return self.decisions / everything if everything else 1.0

    def brief(self) -> Brief:
        """Return what a proposal keeps of it where it leaves things as they are."""
        return Brief(**{each.name: getattr(self, each.name) for each in fields(Brief)})

    def headline(self) -> Headline:
        """Return the figures that fit in a line."""
        point = self.at_recommended
        derived: dict[str, Any] = {
            "coverage": point.coverage if point else None,
            "failure_rate": point.failure_rate if point else None,
            "failure_rate_interval": point.interval if point else None,
            "success_rates": tuple(period.success_rate for period in self.periods or ()),
            "is_drifting": self.drift.is_drifting if self.drift else None,
        }
        own = [each.name for each in fields(Headline) if each.name not in derived]
        return Headline(**derived, **{name: getattr(self, name) for name in own})
