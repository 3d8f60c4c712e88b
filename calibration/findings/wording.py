"""What a finding says in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.findings.parts import Basis, CheapestThreshold, EveryDecision, WindowDrift
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.bands import BandRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.judges import JudgedRecommendation
from calibration.statistics.label_error import KnownAnswers, LabelError
from calibration.statistics.recommendation import ThresholdRecommendation
from confidence_project.foundation.formatting import count, decimals, percent, rate, segment, threshold

NOT_ADDRESSABLE = (
    "The records leave blank what would single this segment out, so no override can be proposed: record provider, "
    "model and task with each decision."
)


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


def source_of_labels(cohort: Basis) -> str:
    """Say whose labels count, where it is people's, and how many of the other source do not."""
    aside = cohort.labels_left_aside
    if cohort.kind == "drawn":
        left = f" {count(aside)} labels of what was not drawn were left aside." if aside else ""
        return (
            "People label what was drawn: only drawn decisions count, and one without a label counts as a failure."
            f"{left}"
        )
    if aside:
        return (
            f"Labels come from events, which leave gaps: {count(aside)} labels of drawn decisions were left aside. The "
            "labelling rules can have them rule instead."
        )
    if cohort.labels_of_drawn:
        return (
            f"Labels come from events; {count(cohort.labels_of_drawn)} of these decisions were drawn, too, and what a "
            "person said of one rules."
        )
    return ""


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
            f"{review['window_to']} UTC, {_with_confidence(review['delta'])}: its share of what a "
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


LABELS_TAKEN_AS_RIGHT = (
    "What people labelled is taken as right: nobody has answered about a known failure yet, which would tell how many "
    "failures they miss."
)


def tested_at(error: LabelError | None, alpha: float) -> str:
    """Say at which rate labels are tested in place of the wanted one, and what would bring it nearer."""
    if error is None:
        return ""
    answers = error.answers
    return (
        f"Labels are tested at {percent(error.tested_rate(alpha))} in place of {percent(alpha)}: reviewers"
        f"{_confirmed(answers)} missed {answers.missed} of {answers.failures} known failures, and may miss up to "
        f"{percent(error.missed)}. "
        "Answers about more known cases narrow that."
    )


def in_truth(error: LabelError | None, alpha: float, delta: float) -> str:
    """Say what a certificate of labels says of the truth, where those who label may err."""
    if error is None:
        return ""
    answers = error.answers
    return (
        f" That is of labels. Reviewers{_confirmed(answers)} missed {answers.missed} of {answers.failures} known "
        f"failures and called {answers.accused} of {answers.successes} known successes wrong, so at most "
        f"{percent(alpha)} fail in truth; both together are wrong with a probability of at most {delta:.3g}, if others "
        "are labelled as known cases are."
    )


def _confirmed(answers: KnownAnswers) -> str:
    return ", each failure confirmed by a second one," if answers.are_confirmed else ""


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
            f"{_with_confidence(found.delta)} takes at least {found.needed} of them, without a truncation."
        )
    return (
        f"Bundles were truncated too often to certify {_with_confidence(found.delta)} that a budget truncates at most "
        f"{percent(found.target)}: what a truncated bundle needed is not known. Raise the budget to learn it."
    )


def _failed(answer: ThresholdRecommendation) -> str:
    return (
        f"At {decimals(answer.threshold)} and above, {answer.failures} of {answer.decisions} labelled decisions failed "
        f"({rate(answer.failure_rate)})"
    )


def _refusal(answer: ThresholdRecommendation) -> str:
    alpha, sure = percent(answer.alpha), _with_confidence(answer.delta)
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


def _with_confidence(delta: float) -> str:
    """Write 1 - δ with as many digits as tell it from 1. Where reviews or segments share δ, it is their share."""
    return f"with {percent(1 - delta, 4)} confidence"


def _or_block_everything(value: float | None) -> str:
    return "blocking everything" if value is None else decimals(value)
