"""What a finding says in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.findings.answer_wording import with_confidence
from calibration.findings.parts import CheapestThreshold, EveryDecision, WindowDrift
from calibration.statistics.budgets import BudgetRecommendation
from confidence_project.foundation.formatting import count, decimals, percent, rate, segment, threshold

NOT_ADDRESSABLE = (
    "The records leave blank what would single this segment out, so no override can be proposed: record provider, "
    "model and task with each decision."
)


def advice(name: str, current: float, recommended: float | None, *, is_material: bool, floor: float | None) -> str:
    """Say what to do about one field; blank where nothing is recommended."""
    if recommended is None:
        return ""
    if recommended == current:
        return f"{name} stays at {decimals(current)}."
    if not is_material:
        return f"{name} stays at {decimals(current)}: {decimals(recommended)} is no material change."
    text = (
        f"{'Raise' if recommended > current else 'Lower'} {name} from {decimals(current)} to {decimals(recommended)}."
    )
    if floor is None:
        return text
    fair = (
        f"Labels below {decimals(floor)}, the strictest threshold of the window, do not count unless the decision was "
        "drawn for audit."
    )
    return f"{text} {fair}"


def collapsed(decisions: int, cases: int) -> str:
    """Say how many decisions were copies of a case; blank where none was."""
    if decisions == cases:
        return ""
    return f"Of {count(decisions)} decisions {count(cases)} count: of each case the earliest."


def every_decision(found: EveryDecision | None, wanted: float) -> str:
    """Say how all decisions of the cases go; blank where they go no worse than wanted, or where each is a case."""
    if found is None or found.failure_rate is None or found.failure_rate > wanted:
        return ""
    return f"{_every_decision(found)}."


def every_decision_fails_too_often(found: EveryDecision | None, wanted: float) -> str:
    """Warn that decisions fail more often than wanted although cases, at their first one, may not; blank otherwise."""
    if found is None or found.failure_rate is None or found.failure_rate <= wanted:
        return ""
    return (
        f"Mind the later decisions of the cases: {_lower_first(_every_decision(found))}, more than the "
        f"{percent(wanted)} that are wanted. What is certified here is the first decision of each case only."
    )


def _every_decision(found: EveryDecision) -> str:
    return (
        f"Counting every decision at or above {decimals(found.threshold)} and not only the first of each case, "
        f"{count(found.failures)} of {count(found.labelled)} with a label failed ({rate(found.failure_rate)})"
    )


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def drift(found: WindowDrift) -> str:
    """Say that the recent part of the window disagrees with the rest; blank where it does not."""
    recent = found.recent if found.recent.flagged else found.halves
    if not recent.flagged:
        return ""
    text = (
        f"Mind the time: of what {decimals(found.threshold)} allows, {rate(recent.recent_failure_rate)} failed "
        f"in the recent part of the window and {rate(recent.earlier_failure_rate)} before (p = {recent.p_value:.2g})."
    )
    again = found.recertified
    if again is None:
        return text
    certified = "no threshold" if again.threshold is None else decimals(again.threshold)
    return f"{text} From the recent part alone {certified} is certified."


def _removed(decisions: int) -> str:
    """Say that what was pruned or erased is missing from the window; nothing where none was."""
    if not decisions:
        return ""
    were = "decision of that time was" if decisions == 1 else "decisions of that time were"
    return (
        f" Up to {count(decisions)} {were} pruned or erased. They are not counted, and what is left may not be like "
        "them, so nothing is loosened by this window."
    )


def calendar(review: Mapping[str, Any]) -> str:
    """Say which review a run held, if any; when the next one is, and how many are left."""
    if "next_on" not in review:
        # A run of a release whose reviews stood in no calendar.
        return ""
    held = ""
    if review["on"]:
        held = (
            f"This is the review of {review['on']}, over decisions from {review['window_from']} to "
            f"{review['window_to']} UTC, {with_confidence(review['delta'])}: its share of what a "
            "year may spend. "
        )
    spent = _removed(review.get("removed", 0))
    spent += f" What 365 days may spend is spent until {review['free_on']}." if review["free_on"] else ""
    if review["next_on"]:
        coming = f"The next review is on {review['next_on']}"
    elif review["opening_decisions"]:
        coming = f"The first review is over the first {count(review['opening_decisions'])} decisions, or one import"
    else:
        return f"{held}No review is in sight: set a calendar.{spent}"
    return f"{held}{coming}; reviews left in its year: {review['left']} of {review['reviews_a_year']}.{spent}"


def only_stricter(current: float, *, is_risk: bool = False) -> str:
    """Say that a run outside of a review asked nothing about anything more lenient."""
    side = "above" if is_risk else "below"
    return f"Nothing {side} the {threshold(current)} in force was judged: a review of the calendar does that."


def statement(certified: str | None, *, may_loosen: bool, of_labelled: bool = False, in_truth: str = "") -> str | None:
    """Add how far a certificate reaches.

    Parameters
    ----------
    may_loosen
        False: any number of runs may give such a certificate, so it reaches to its own run.
    of_labelled
        Some of what is allowed has no label, so that going from the labelled to all takes an assumption.
    in_truth
        What it says of the truth, as `in_truth` has it.
    """
    if certified is None:
        return None
    missing = " For decisions without a label it holds if labels are missing at random at each confidence."
    return (
        f"{certified}{in_truth}{missing if of_labelled else ''}{'' if may_loosen else ' It holds for this run alone.'}"
    )


def costs(found: CheapestThreshold) -> str:
    """Say which confidence threshold costs least for the costs in use, and how sure that is."""
    if found.threshold is None and found.cost is None:
        return ""
    which = "standing costs of the workspace" if found.source == "workspace" else "stated costs"
    text = f"With the {which} {_or_block_everything(found.threshold)} is cheapest"
    if found.lenient is not None and found.lenient != found.strict:
        text += f" (all from {decimals(found.lenient)} to {_or_block_everything(found.strict)} may be)"
    return f"{text}; that certifies no failure rate."


def costs_in_use(costs: Mapping[str, Any]) -> str:
    """Say what was taken to cost what, and who said so."""
    prices = ", ".join(f"{name.replace('_', ' ')} {costs[name]:g}" for name in ("false_allow", "false_block", "review"))
    origin = "standing costs of the workspace" if costs["source"] == "workspace" else "stated for this run"
    return f"{prices} ({origin})"


def budget(name: str, current: float, found: BudgetRecommendation) -> str:
    """Say what a budget is certified for and what to do about it, or why none is."""
    if found.budget is None:
        return _budget_refusal(found)
    step = "stays at" if found.budget == current else "can be" if found.budget < current else "should be"
    return (
        f"{name} {step} {count(found.budget)} tokens (now {threshold(current)}): {found.truncated} of {found.bundles} "
        f"bundles needed more ({rate(found.truncation_rate)})."
    )


def too_young(decisions: int, maturity_days: float) -> str:
    """Say what the maturity lag left out."""
    are, days = "decision is" if decisions == 1 else "decisions are", "day" if maturity_days == 1 else "days"
    return (
        f"{count(decisions)} {are} younger than the maturity period of {maturity_days:g} {days} and left out: they "
        "have had no fair chance of an outcome. Run it again later, or with a shorter --maturity-days."
    )


def not_yet_judged(current: float, risk: float | None) -> str:
    """Say that stricter thresholds of the window leave those in force unjudged."""
    thresholds = f"{decimals(current)}" if risk is None else f"{decimals(current)}, with risks below {decimals(risk)},"
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
    parts = "; ".join(f"{segment(match)}: {decimals(value)}" for match, value in overrides)
    return (
        f"Mind the overrides for a part of this segment ({parts}): the figures take all of it to be under "
        f"{decimals(current)}, and an override for the whole segment may outrank them."
    )


def _budget_refusal(found: BudgetRecommendation) -> str:
    if found.needed is not None:
        return (
            f"Too few bundles: to certify a truncation rate of at most {percent(found.target)} "
            f"{with_confidence(found.delta)} takes at least {found.needed} of them, without a truncation."
        )
    return (
        f"Bundles were truncated too often to certify {with_confidence(found.delta)} that a budget truncates at most "
        f"{percent(found.target)}: what a truncated bundle needed is not known. Raise the budget to learn it."
    )


def _or_block_everything(value: float | None) -> str:
    return "blocking everything" if value is None else decimals(value)
