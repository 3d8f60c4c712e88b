"""A plan of labels in words, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calibration.planning.planning import Band, Plan
from calibration.planning.question import Target
from calibration.statistics.label_planning import SURE_ENOUGH, Option
from confidence_project.foundation.formatting import count, percent, segment, threshold
from ledger.models import LabelSource


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as one object; `docs/labels.md` describes its keys."""
    question = plan.question
    return {
        "workspace": plan.workspace,
        "policy_key": question.policy_key,
        "segment": dict(plan.segment),
        "target": {"name": question.target.value, "to": question.to, "alpha": plan.alpha, "level": plan.delta},
        "in_force": {"threshold": plan.in_force, "coverage": plan.coverage_in_force},
        "labels_from": plan.label_source.value,
        "pilot_labels": plan.pilot,
        "decisions_a_week": plan.decisions_a_week,
        "plan": {
            **_option(plan.chosen, plan),
            "cost": plan.cost,
            "weeks": plan.weeks,
            "until": plan.until.isoformat(),
            "window_from": plan.made_on.isoformat(),
        },
        "rules": [plan.rule.as_json()],
        "bands": [
            {
                "side": band.side,
                "from": band.confidence_from,
                "below": band.confidence_below,
                "decisions_a_week": band.decisions,
                "labels_a_week": band.labels,
            }
            for band in plan.bands
        ],
        "options": [_option(option, plan) for option in plan.options],
    }


def _option(option: Option, plan: Plan) -> dict[str, Any]:
    figures = {
        "labels": option.labels,
        "confidence_from": option.confidence_from,
        "share": option.share,
        "chance": option.chance,
    }
    if plan.question.target is Target.WATCH:
        return figures
    return {**figures, "coverage": option.coverage, "coverage_range": [option.low, option.high]}


def plan_in_words(plan: Plan) -> list[str]:
    """Return what a plan says, in plain sentences: what to do, what to expect, what to mind."""
    chosen, question = plan.chosen, plan.question
    where = "the whole scale" if chosen.share == 1 else f"a confidence of {threshold(chosen.confidence_from)} upwards"
    goal = {
        Target.CERTIFY: "certify a threshold",
        Target.CONFIRM: f"certify the threshold in force, {threshold(plan.in_force)}",
        Target.LOOSEN: f"certify {threshold(question.to)} or lower",
        Target.WATCH: f"tell by then, if {percent(question.to)} fail from now on",
    }[question.target]
    said = [
        f"{segment(plan.segment)}: label {count(chosen.labels)} decisions from {where}, drawn at random: "
        f"{percent(float(plan.rate))} of them for {plan.weeks} {'week' if plan.weeks == 1 else 'weeks'}, until "
        f"{plan.until:%Y-%m-%d}. That costs {plan.cost:,.10g}.",
        f"Chance that they {goal}, with at most {percent(plan.alpha)} failing: {_chance(chosen.chance)}.",
    ]
    if question.target is Target.WATCH:
        return [*said, _others(plan)] if plan.others else said
    said.append("Measured on real models, about half of such a chance has come: read it as the most to hope for.")
    if chosen.chance < SURE_ENOUGH:
        said.append("So it may well end without a certificate; more labels are no promise either.")
    if question.target is Target.CERTIFY:
        said.append(
            f"Expected: {percent(chosen.coverage)} of all decisions allowed, in eight of ten cases between "
            f"{percent(chosen.low)} and {percent(chosen.high)}; in force are {percent(plan.coverage_in_force)}. As "
            f"many labels from the whole scale: {percent(chosen.evenly)}."
        )
        if chosen.share == 1:
            said.append("Choosing where to label would gain little here.")
    said += [
        f"Planned from {count(plan.pilot)} labels, which chose the region. So they must have no part in the "
        f"certificate: let the window that judges begin on {plan.made_on:%Y-%m-%d} or later.",
        "What is drawn and has no label counts as a failure.",
        f"The certificate would hold with {percent(1 - plan.delta)} confidence.",
    ]
    if plan.label_source is not LabelSource.DRAWN:
        said.append(
            "Calibration counts labels of events under this policy. For these ones, its labelling rules have to take "
            "labels from what was drawn; set them before the first is."
        )
    return [*said, _others(plan)] if plan.others else said


def _others(plan: Plan) -> str:
    return (
        f"The policy has {plan.others} more {'segment' if plan.others == 1 else 'segments'}; name one to plan for it."
    )


def _chance(chance: float) -> str:
    """A chance is known to a few percent; one that none of the draws met is not 0."""
    if chance < 0.01:
        return "less than 1 in 100"
    return "more than 99 in 100" if chance > 0.99 else f"about {round(chance * 100)} in 100"


def table_of_options(plan: Plan) -> list[tuple[str, ...]]:
    """Return the head and the rows of what fewer and more labels would give."""
    watches = plan.question.target is Target.WATCH
    head = ("Labels", "Cost", "From confidence", "Chance", *(() if watches else ("Allowed, expected", "Range")))
    return [head, *(_row(option, plan, watches=watches) for option in _few(plan.options, plan.chosen))]


def _row(option: Option, plan: Plan, *, watches: bool) -> tuple[str, ...]:
    row = (
        count(option.labels),
        f"{option.labels * plan.question.cost:,.10g}",
        threshold(option.confidence_from),
        percent(option.chance, 2),
    )
    if watches:
        return row
    return (*row, percent(option.coverage, 2), f"{percent(option.low, 2)} to {percent(option.high, 2)}")


_ROWS = 5


def _few(options: Sequence[Option], chosen: Option) -> list[Option]:
    """Every so many of them, the largest and the chosen one."""
    step = max(len(options) // _ROWS, 1)
    kept = {*range(len(options) - 1, -1, -step), options.index(chosen)}
    return [options[place] for place in sorted(kept)]


def table_of_bands(plan: Plan) -> list[tuple[str, ...]]:
    """Return the head and the rows of what is drawn on each side of the threshold in force."""
    return [("Side", "Confidence", "Rate", "Decisions a week", "Labels a week"), *(_band(b, plan) for b in plan.bands)]


def _band(band: Band, plan: Plan) -> tuple[str, ...]:
    below = "" if band.side == "allowed" else f" to below {threshold(band.confidence_below)}"
    return (
        "allowed" if band.side == "allowed" else "not allowed",
        f"{threshold(band.confidence_from)}{below or ' upwards'}",
        percent(float(plan.rate)),
        f"{band.decisions:,.0f}",
        f"{band.labels:,.1f}",
    )
