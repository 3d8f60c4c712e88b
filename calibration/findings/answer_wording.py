"""What the answer of each method says in plain words, and each refusal."""

from __future__ import annotations

from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.bands import BandRecommendation
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.judges import JudgedRecommendation
from calibration.statistics.recommendation import ThresholdRecommendation
from confidence_project.foundation.formatting import count, decimals, percent, rate


def walk(answer: ThresholdRecommendation) -> str:
    """Say what is seen at the certified threshold, or why there is none."""
    if answer.threshold is None:
        return _refusal(answer)
    return f"{_failed(answer)}; {rate(answer.coverage, 1)} of all decisions are allowed."


def draws(answer: DrawnRecommendation) -> str:
    """Say what the drawn decisions show at the certified threshold, or why there is none."""
    if answer.reason == "INSUFFICIENT_DATA":
        return (
            f"{count(answer.labelled)} drawn decisions are too few, or too few for their share of what is allowed: "
            f"at one rate for all it takes at least {count(answer.needed)}."
        )
    rate_seen = rate(answer.failure_rate, unknown="unknown, as some of it is in no draw")
    labelled = sum(stratum.labelled for stratum in answer.strata)
    if answer.threshold is None:
        further = "" if answer.needed is None else f" Some {count(answer.needed)} more drawn decisions would do."
        return (
            f"Of the most confident decisions {count(labelled)} were drawn; their failure rate, weighted by all "
            f"decisions, is {rate_seen}: nothing can be certified.{further}"
        )
    return (
        f"{count(labelled)} drawn decisions lie at or above it; the failure rate, weighted by all decisions, is "
        f"{rate_seen} and at most {rate(answer.failure_rate_upper)}; {rate(answer.coverage, 1)} of the decisions that "
        "passed the other checks are allowed."
    )


def audits(answer: AuditedRecommendation, floor: float) -> str:
    """Say what is seen at a threshold that audits may have reached.

    Its coverage is of the decisions that passed the risk threshold, where the policy has one.
    """
    if answer.threshold is None:
        return f"At or above {decimals(floor)}, the strictest of the window: {_refusal(answer.above)}"
    allowed = f"{rate(answer.coverage, 1)} of the decisions that passed the other checks are allowed."
    if answer.threshold >= floor:
        reached = f" Audits below {decimals(floor)} do not bear a lower one out yet." if answer.steps else ""
        return f"{_failed(answer.above)}; {allowed}{reached}"
    step = next(step for step in reversed(answer.steps) if step.certified)
    return (
        f"Audits reach below {decimals(floor)}, the strictest of the window: at {decimals(answer.threshold)} and above "
        f"the failure rate, weighted by all decisions, is {rate(answer.failure_rate, unknown='unknown')} and at most "
        f"{rate(step.upper)}; {allowed}"
    )


def band(answer: BandRecommendation) -> str:
    """Say what is seen in a band, or at a threshold without an upper bound, or why there is neither."""
    top = ""
    if answer.top_decisions:
        top = (
            f"The most confident fail too often: {count(answer.top_failures)} of the {count(answer.top_decisions)} "
            "labelled decisions at the top. "
        )
    if answer.ceiling is None:
        return top + walk(answer.above)
    assert answer.decisions and answer.failures is not None  # noqa: S101, PT018 - narrow types
    return (
        f"{top}From {decimals(answer.threshold)} to {decimals(answer.ceiling)}, {answer.failures} of "
        f"{answer.decisions} labelled decisions failed ({rate(answer.failures / answer.decisions)}); "
        f"{rate(answer.coverage, 1)} of all decisions are allowed."
    )


def judge(answer: JudgedRecommendation) -> str:
    """Say what is seen at a threshold that people certify by a judge's verdicts, or why there is none."""
    drawn = f"People label all that a judge calls wrong and {rate(answer.share)} of what it calls right."
    if answer.threshold is None:
        return f"{drawn} Of {count(answer.judged)} drawn decisions nothing can be certified."
    assert answer.caught is not None and answer.slipped is not None  # noqa: S101, PT018 - narrow types
    return (
        f"{drawn} At {decimals(answer.threshold)} and above, {count(answer.caught)} of {count(answer.decisions)} drawn "
        f"decisions failed that it did not call right, and {count(answer.slipped)} of those that it did and people "
        f"looked at: {rate(answer.failure_rate)} together; {rate(answer.coverage, 1)} of what was drawn is allowed."
    )


def pair(answer: JointRecommendation, best: ThresholdRecommendation | None) -> str:
    """Say what is seen at a pair of thresholds, or why there is none."""
    if best is not None:
        return (
            f"With risks below {decimals(answer.risk_threshold)}: {_failed(best)}; {rate(answer.coverage, 1)} of "
            "all decisions with a risk score are allowed."
        )
    risk, first = answer.grid[0]
    refusal = f"With risks below {decimals(risk)}: {_refusal(first)}"
    return f"No pair of a risk and a confidence threshold is certified. {refusal}"


def _failed(answer: ThresholdRecommendation) -> str:
    return (
        f"At {decimals(answer.threshold)} and above, {answer.failures} of {answer.decisions} labelled decisions failed "
        f"({rate(answer.failure_rate)})"
    )


def _refusal(answer: ThresholdRecommendation) -> str:
    alpha, sure = percent(answer.alpha), with_confidence(answer.delta)
    if answer.reason == "INSUFFICIENT_DATA":
        return (
            f"{answer.labelled} labelled decisions are too few: to certify a failure rate of at most {alpha} {sure} "
            f"takes at least {answer.needed} of them, without a failure."
        )
    assert answer.start_decisions is not None and answer.start_failures is not None  # noqa: S101, PT018 - narrow types
    start = (
        f"No threshold keeps the failure rate at or below {alpha} {sure}. Where the tests begin, at the "
        f"{answer.start_decisions} most confident of the {answer.labelled} labelled decisions, {answer.start_failures} "
        f"failed ({rate(answer.start_failures / answer.start_decisions)})"
    )
    if answer.needed is not None:
        return (
            f"{start}. If that rate stays, about {answer.needed} further labelled decisions may do: an estimate, no "
            "promise."
        )
    is_below = answer.start_failures < answer.alpha * answer.start_decisions
    return (
        f"{start}, {'hardly below' if is_below else 'at or above'} {alpha}: while that rate stays, more labels certify "
        "nothing there. It is not shown that no threshold would do."
    )


def with_confidence(delta: float) -> str:
    """Write 1 - δ with as many digits as tell it from 1. Where reviews or segments share δ, it is their share."""
    return f"with {percent(1 - delta, 4)} confidence"
