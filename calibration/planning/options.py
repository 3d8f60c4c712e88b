"""What labels would give, target by target: from a question and the counts of a policy to options."""

from __future__ import annotations

from calibration.planning.question import PlanQuestion, Target
from calibration.statistics.fixed_sequence import minimum_sample
from calibration.statistics.groups import Groups
from calibration.statistics.label_planning import Option, labels_until_alarm, plan_labels
from confidence_project.foundation.errors import InvalidInput, WrongState

PILOT = 100
"""Labels of a pilot that is worth its cost."""

LEAST_PILOT = 50
"""Fewer labels say nothing of where to look."""


def options_of(
    question: PlanQuestion, groups: Groups, in_force: float, alpha: float, delta: float, a_week: float
) -> tuple[Option, ...]:
    """Return what growing numbers of labels would give for a target.

    Parameters
    ----------
    groups : Groups
        All decisions of the window, and the labels of the pilot.
    in_force, alpha, delta : float
        The threshold, the failure rate, and the level at which labels will be tested or watched.
    a_week : float
        Decisions of a week.

    Raises
    ------
    InvalidInput
        What is asked for does not go with what is in force.
    WrongState
        There are too few labels for a pilot, or budget and traffic certify nothing.
    """
    decisions = int(a_week * question.weeks)
    if question.target is Target.WATCH:
        return _watching(question, groups, in_force, alpha, delta, decisions)
    if groups.labelled < LEAST_PILOT:
        share = min(PILOT / max(a_week, 1.0), 1.0)
        raise WrongState(
            f"A plan needs a pilot: {groups.labelled} labels are a fair sample, and at least {LEAST_PILOT} are needed. "
            f"Label {PILOT} decisions from the whole scale first: {share:.2%} of those of a week."
        )
    reach = {Target.CONFIRM: in_force, Target.LOOSEN: question.to}.get(question.target)
    if question.target is Target.LOOSEN and (reach is None or reach >= in_force):
        raise InvalidInput("The threshold to loosen to lies below the one in force.")
    if reach is not None and not groups.allowed_by(reach).decisions:
        raise WrongState("No decision of the window lies at or above this threshold, so nothing can be labelled there.")
    options = plan_labels(groups, most=question.most, decisions=decisions, alpha=alpha, delta=delta, reach=reach)
    if not options:
        raise WrongState(
            f"Nothing can be certified: it takes {minimum_sample(alpha, delta):,} labels at least, and budget and "
            f"traffic give {min(question.most, decisions):,} in {question.weeks} weeks."
        )
    return options


def _watching(
    question: PlanQuestion, groups: Groups, in_force: float, alpha: float, delta: float, decisions: int
) -> tuple[Option, ...]:
    assert question.to is not None  # noqa: S101 - narrows the type; the question was checked
    if question.to <= alpha:
        raise InvalidInput("The failure rate to watch for lies above the one that is promised.")
    share = groups.allowed_by(in_force).decisions / groups.decisions if groups.decisions else 0.0
    most = min(question.most, int(decisions * share))
    if not most:
        raise WrongState("The threshold in force allows nothing, so there is nothing to watch.")
    return tuple(
        Option(labels=labels, confidence_from=in_force, share=share, chance=chance)
        for labels, chance in labels_until_alarm(question.to, most=most, alpha=alpha, delta=delta)
    )
