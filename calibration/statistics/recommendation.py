"""What a threshold recommendation holds; what it certifies is said by `claims`."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal["OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRecommendation:
    """A certified threshold, or a refusal with its reason.

    Parameters
    ----------
    threshold : float or None
        Value for the gate, with four decimals; None where nothing is certified.
    reason : {"OK", "INSUFFICIENT_DATA", "NOT_CERTIFIABLE"}
        Why there is a threshold or why there is none.
    decisions, failures : int or None
        Labelled decisions that the threshold allows, and the failures among them.
    coverage : float or None
        Share of all decisions, labelled or not, that the threshold allows.
    failure_rate : float or None
        Failures per labelled decision that the threshold allows.
    failure_rate_upper : float or None
        One-sided Clopper–Pearson limit at `level`. It describes this one threshold as if it had been chosen
        without looking, so it is *not* what is certified: never print it as a promise.
    p_value : float or None
        Probability of so few failures if the failure rate were α.
    level : float or None
        Level at which that was rejected.
    needed : int or None
        With too few data, the labelled decisions that α and δ call for at least; where nothing is
        certifiable, the *further* labelled decisions after which the first start would be, at the failure
        rate seen there; None where that rate is at or above α.
    start_decisions, start_failures : int or None
        Where nothing is certifiable, the labelled decisions at the first start and the failures among them.
    labelled : int
        Labelled decisions that were tested, after `floor`.
    alpha, delta : float
        Failure rate to stay below, and accepted probability of being wrong.
    """

    threshold: float | None
    reason: Reason
    decisions: int | None = None
    failures: int | None = None
    coverage: float | None = None
    failure_rate: float | None = None
    failure_rate_upper: float | None = None
    p_value: float | None = None
    level: float | None = None
    needed: int | None = None
    start_decisions: int | None = None
    start_failures: int | None = None
    labelled: int
    alpha: float
    delta: float
