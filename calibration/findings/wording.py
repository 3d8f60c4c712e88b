"""What a finding says in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.reviews import ReviewSpending
from ledger.models import ConfidenceKind

NOT_ADDRESSABLE = (
    "The records leave blank what would single this segment out, so no override can be proposed: record provider, "
    "model and task with each decision."
)

UNSPECIFIED = ConfidenceKind.UNSPECIFIED.value


def segment(values: Mapping[str, str]) -> str:
    """Name a segment: provider and model first, and nothing for what the host did not say."""
    order = ["provider", "model"]
    keys = sorted(values, key=lambda key: (order.index(key) if key in order else len(order), key))
    return " · ".join(values[key] for key in keys if values[key] not in ("", UNSPECIFIED)) or "every decision"


def walk(answer: ThresholdRecommendation) -> str:
    """Say what is seen at the certified threshold, or why there is none."""
    if answer.threshold is None:
        return _refusal(answer)
    return f"{_failed(answer)}; {_share(answer.coverage)} of all decisions are allowed."


def audits(answer: AuditedRecommendation, floor: float) -> str:
    """Say what is seen at a threshold that audits may have reached.

    Its coverage is of the decisions that passed the risk threshold, where the policy has one.
    """
    if answer.threshold is None:
        return f"At or above {floor:.4f}, which was in force: {_refusal(answer.above)}"
    allowed = f"{_share(answer.coverage)} of the decisions that passed the other checks are allowed."
    if answer.threshold >= floor:
        reached = f" Audits below {floor:.4f} do not bear a lower one out yet." if answer.steps else ""
        return f"{_failed(answer.above)}; {allowed}{reached}"
    step = next(step for step in reversed(answer.steps) if step.certified)
    return (
        f"Audits reach below the {floor:.4f} that was in force: at {answer.threshold:.4f} and above the failure rate, "
        f"weighted by all decisions, is {_rate(answer.failure_rate)} and at most {step.upper:.2%}; {allowed}"
    )


def pair(answer: JointRecommendation, best: ThresholdRecommendation | None) -> str:
    """Say what is seen at a pair of thresholds, or why there is none."""
    if best is not None:
        return (
            f"With risks below {answer.risk_threshold:.4f}: {_failed(best)}; {_share(answer.coverage)} of all "
            "decisions with a risk score are allowed."
        )
    risk, first = answer.grid[0]
    return f"No pair of a risk and a confidence threshold is certified. With risks below {risk:.4f}: {_refusal(first)}"


def advice(name: str, current: float, recommended: float | None, *, is_material: bool, floor: float | None) -> str:
    """Say what to do about one field; blank where nothing is recommended."""
    if recommended is None:
        return ""
    if recommended == current:
        return f"{name} stays at {current:.4f}."
    if not is_material:
        return f"{name} stays at {current:.4f}: {recommended:.4f} is no material change."
    text = f"{'Raise' if recommended > current else 'Lower'} {name} from {current:.4f} to {recommended:.4f}."
    if floor is None:
        return text
    return f"{text} Labels below {floor:.4f}, which was in force, do not count unless the decision was drawn for audit."


def collapsed(decisions: int, cases: int) -> str:
    """Say how many decisions were copies of a case; blank where none was."""
    if decisions == cases:
        return ""
    return f"Of {decisions:,} decisions {cases:,} count: of each case the earliest."


def drift(found: Mapping[str, Any]) -> str:
    """Say that the recent part of the window disagrees with the rest; blank where it does not."""
    recent = found["recent"] if found["recent"]["flagged"] else found["halves"]
    if not recent["flagged"]:
        return ""
    text = (
        f"Mind the time: of what {found['threshold']:.4f} allows, {_rate(recent['recent_failure_rate'])} failed in the "
        f"recent part of the window and {_rate(recent['earlier_failure_rate'])} before (p = {recent['p_value']:.2g})."
    )
    again = found["recertified"]
    if again is None:
        return text
    if again["threshold"] is None:
        return f"{text} From the recent part alone no threshold is certified."
    return f"{text} From the recent part alone {again['threshold']:.4f} is certified."


def spending(found: Mapping[str, Any]) -> str:
    """Say how much of the error probability of the period is spent."""
    return (
        f"{found['spent']} of {found['declared']} loosening reviews of the period are spent, and with them "
        f"{found['spent_delta']:.4g} of the error probability of {found['delta']:.4g}."
    )


def costs(found: Mapping[str, Any]) -> str:
    """Say which confidence threshold costs least for the costs in use, and how sure that is."""
    if found["threshold"] is None and found["cost"] is None:
        return ""
    best = "blocking everything" if found["threshold"] is None else f"{found['threshold']:.4f}"
    which = "standing costs of the workspace" if found["source"] == "workspace" else "stated costs"
    text = f"With the {which} {best} is cheapest"
    if found["lenient"] is not None and found["lenient"] != found["strict"]:
        strict = "blocking everything" if found["strict"] is None else f"{found['strict']:.4f}"
        text += f" (all from {found['lenient']:.4f} to {strict} may be)"
    return f"{text}; that certifies no failure rate."


def costs_in_use(costs: Mapping[str, Any]) -> str:
    """Say what was taken to cost what, and who said so."""
    prices = ", ".join(f"{name.replace('_', ' ')} {costs[name]:g}" for name in ("false_allow", "false_block", "review"))
    origin = "standing costs of the workspace" if costs["source"] == "workspace" else "stated for this run"
    return f"{prices} ({origin})"


def withheld(current: float, spending: ReviewSpending | None) -> str:
    """Say why a run does not name a more lenient threshold."""
    text = (
        f"The evidence would bear out more than the {current:.4f} in force allows. This run does not name it: looking "
        "again and again until a more lenient threshold passes makes the promise wrong."
    )
    if spending is None:
        return f"{text} Run it without --dry-run and without --tighten-only to spend a loosening review."
    return f"{text} {spending.spent} of {spending.declared} loosening reviews of the period are spent."


def budget(name: str, current: float, found: BudgetRecommendation) -> str:
    """Say what a budget is certified for and what to do about it, or why none is."""
    if found.budget is None:
        return _budget_refusal(found)
    step = "stays at" if found.budget == current else "can be" if found.budget < current else "should be"
    return (
        f"{name} {step} {found.budget:,} tokens (now {current:,.0f}): {found.truncated} of {found.bundles} bundles "
        f"needed more ({_rate(found.truncation_rate)})."
    )


def withheld_budget(current: float) -> str:
    """Say why a run does not name a smaller budget."""
    return (
        f"The evidence would bear out a budget below the {current:,.0f} tokens in force. This run is no loosening "
        "review and does not name it."
    )


def too_young(decisions: int, maturity_days: float) -> str:
    """Say what the maturity lag left out."""
    are, days = "decision is" if decisions == 1 else "decisions are", "day" if maturity_days == 1 else "days"
    return (
        f"{decisions:,} {are} younger than the maturity period of {maturity_days:g} {days} and left out: they have had "
        "no fair chance of an outcome. Run it again later, or with a shorter --maturity-days."
    )


def not_yet_judged(current: float, risk: float | None) -> str:
    """Say that stricter thresholds of the window leave those in force unjudged."""
    thresholds = f"{current:.4f}" if risk is None else f"{current:.4f}, with risks below {risk:.4f},"
    return (
        f"The {thresholds} in force cannot be judged yet: stricter thresholds were in force in a part of the window, "
        "so what they blocked has no fair labels. Nothing that can be judged speaks against it. Take a window that "
        "begins after the change."
    )


def out_of_bounds(problems: Sequence[str]) -> str:
    """Say that a certified value is none that may be set."""
    return f"The certified threshold cannot be set: {'; '.join(problems)}."


def finer_overrides(current: float, overrides: Sequence[tuple[Mapping[str, str], float]]) -> str:
    """Say that a part of a segment is under other values; blank where none is."""
    if not overrides:
        return ""
    parts = "; ".join(f"{segment(match)}: {value:.4f}" for match, value in overrides)
    return (
        f"Mind the overrides for a part of this segment ({parts}): the figures take all of it to be under "
        f"{current:.4f}, and an override for the whole segment may outrank them."
    )


def _budget_refusal(found: BudgetRecommendation) -> str:
    if found.needed is not None:
        return (
            f"Too few bundles: a truncation rate of at most {found.target:.3g} takes at least {found.needed} of them, "
            f"without a truncation, to be {1 - found.delta:.4g} sure."
        )
    return (
        f"Bundles were truncated too often for any budget to be {1 - found.delta:.4g} sure to truncate at most "
        f"{found.target:.3g}: what a truncated bundle needed is not known. Raise the budget to learn it."
    )


def _failed(answer: ThresholdRecommendation) -> str:
    return (
        f"At {answer.threshold:.4f} and above, {answer.failures} of {answer.decisions} labelled decisions failed "
        f"({answer.failure_rate:.2%})"
    )


def _refusal(answer: ThresholdRecommendation) -> str:
    alpha, sure = f"{answer.alpha:.3g}", f"{1 - answer.delta:.4g}"
    if answer.reason == "INSUFFICIENT_DATA":
        return (
            f"{answer.labelled} labelled decisions are too few: a failure rate of at most {alpha} takes at least "
            f"{answer.needed} of them, without a failure, to be {sure} sure."
        )
    assert answer.start_decisions is not None and answer.start_failures is not None  # noqa: S101, PT018 - narrow types
    start = (
        f"No threshold is {sure} sure to keep the failure rate at or below {alpha}. Where the tests begin, at the "
        f"{answer.start_decisions} most confident of the {answer.labelled} labelled decisions, {answer.start_failures} "
        f"failed ({answer.start_failures / answer.start_decisions:.2%})"
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


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.1%}"


def _rate(rate: float | None) -> str:
    return "unknown" if rate is None else f"{rate:.2%}"
