"""When an evaluation passes: a workspace declares it, evaluator by evaluator, and nothing guesses it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from django.db import transaction

from confidence_project.foundation.errors import InvalidInput, NotFound
from governance.access.permissions import Person, Verb, require
from governance.controls.services import end_control, start_control
from governance.models import Workspace
from governance.texts import clean_text
from governance.vocabulary import identifier_or_blank
from telemetry.models import Evaluator

MOST_LABELS = 50
LONGEST = 200

UNIT_SCALE = (0.0, 1.0)
"""The scale of an evaluator of which none was stated."""

PASSING_WORDS = frozenset({"pass", "passed", "success", "correct"})
FAILING_WORDS = frozenset({"fail", "failed", "failure", "incorrect"})
"""Labels that mean the same whatever was evaluated; those of an evaluator that is declared do not come into it."""


class NotDeclared(InvalidInput):
    """The workspace has not declared when what this evaluator says is a success."""

    code = "evaluator_not_declared"
    title = "The evaluator is not declared"


class NotByRule(InvalidInput):
    """The evaluation lacks what its evaluator's rule goes by, or lies off its scale."""

    code = "not_by_the_evaluators_rule"
    title = "The evaluator's rule does not say what this is"


def evaluators_of(workspace: Workspace) -> dict[str, Evaluator]:
    """Return the evaluators that the workspace has declared, by name: one query."""
    return {each.name: each for each in Evaluator.objects.in_workspace(workspace).in_force()}


def evaluator_by_name(workspace: Workspace, name: str) -> Evaluator:
    """Return what the workspace has declared of an evaluator; raise `NotFound` when it is not declared."""
    evaluator = Evaluator.objects.in_workspace(workspace).in_force().filter(name=name).first()
    if evaluator is None:
        raise NotFound("No evaluator of this name is declared in this workspace.")
    return evaluator


def declare_evaluator(
    *,
    actor: Person,
    workspace: Workspace,
    name: str,
    reason: str,
    passing_labels: Iterable[str] = (),
    failing_labels: Iterable[str] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    scale: tuple[float, float] | None = None,
) -> Evaluator:
    """Say when `name` passes, in place of what was said before; evaluations that arrive later are read by it.

    Parameters
    ----------
    name
        `gen_ai.evaluation.name`, letter by letter.
    passing_labels, failing_labels
        The evaluator gives labels. Without failing ones, every other label is a failure.
    at_least, at_most
        The evaluator gives scores: it passes from the one on, or up to the other, bounds included.
    scale
        Lowest and highest score there can be, 0 to 1 when not stated; a score outside is no outcome.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; there is not exactly one rule, it cannot be met or
        always is, or the reason is empty.
    """
    require(Verb.OPERATE, actor, workspace)
    passing, failing = _labels(passing_labels, "passing labels"), _labels(failing_labels, "failing labels")
    if [bool(passing), at_least is not None, at_most is not None].count(True) != 1:
        raise InvalidInput("State one rule: the labels on which it passes, or the score from which, or up to which.")
    if (scale and passing) or (failing and not passing):
        raise InvalidInput("Failing labels go with passing labels, and a scale with a score.")
    declared = _by_labels(passing, failing) if passing else _by_score(at_least, at_most, scale)
    declared.name = clean_text(name, name="name", max_length=LONGEST, required=True)
    with transaction.atomic():
        # Whoever comes second replaces what the first has declared, and both stay on record.
        workspace.lock()
        before = Evaluator.objects.filter(name=declared.name)
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(declared, actor, workspace, reason)


def withdraw_evaluator(*, actor: Person, evaluator: Evaluator, reason: str) -> Evaluator:
    """Read what the evaluator says as an outcome no longer; outcomes that were read by it stay.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        As `declare_evaluator`.
    Conflict
        It is not in force any more: withdrawn or replaced meanwhile.
    """
    rows = Evaluator.objects.filter(pk=evaluator.pk)
    ended: Evaluator = end_control(rows, actor, evaluator.workspace, reason)
    return ended


def is_success(evaluators: Mapping[str, Evaluator], *, name: str, label: str, score: float | None) -> bool:
    """Return whether an evaluation is a success, by its evaluator's rule and by nothing else.

    An evaluator that is not among `evaluators` is heard only when its label says pass or fail in so many words.

    Raises
    ------
    NotDeclared, NotByRule
        Nothing says whether it is. The message names the evaluator where its name is one word.
    """
    evaluator, word = evaluators.get(name), label.strip().casefold()
    called = identifier_or_blank(name) or "An evaluation whose name is missing or has white space"
    if evaluator is None:
        if word in PASSING_WORDS | FAILING_WORDS:
            return word in PASSING_WORDS
        raise NotDeclared(f"{called}: not declared in this workspace, so nothing says when it passes.")
    if evaluator.rule == Evaluator.Rule.LABEL:
        passing, failing = (
            {each.casefold() for each in labels} for labels in (evaluator.passing_labels, evaluator.failing_labels)
        )
        if not word or (failing and word not in passing | failing):
            raise NotByRule(f"{called}: declared by label, and none came that its declaration knows.")
        return word in passing
    lowest, bound, highest = evaluator.lowest, evaluator.bound, evaluator.highest
    assert lowest is not None and bound is not None and highest is not None  # noqa: S101, PT018 - a constraint says it
    if score is None or not lowest <= score <= highest:
        raise NotByRule(f"{called}: declared by score, and none came that lies on its scale.")
    return score >= bound if evaluator.rule == Evaluator.Rule.AT_LEAST else score <= bound


def _labels(labels: Iterable[str], what: str) -> list[str]:
    cleaned = [clean_text(each, name=what, max_length=LONGEST, required=True) for each in labels]
    if len(cleaned) > MOST_LABELS:
        raise InvalidInput(f"There can be at most {MOST_LABELS} {what}.")
    return cleaned


def _by_labels(passing: list[str], failing: list[str]) -> Evaluator:
    if {label.casefold() for label in passing} & {label.casefold() for label in failing}:
        raise InvalidInput("A label passes or fails, and not both.")
    return Evaluator(rule=Evaluator.Rule.LABEL, passing_labels=passing, failing_labels=failing)


def _by_score(at_least: float | None, at_most: float | None, scale: tuple[float, float] | None) -> Evaluator:
    rule = Evaluator.Rule.AT_MOST if at_least is None else Evaluator.Rule.AT_LEAST
    bound = next(each for each in (at_least, at_most) if each is not None)
    lowest, highest = scale or UNIT_SCALE
    if not all(map(math.isfinite, (bound, lowest, highest))) or not lowest < highest:
        raise InvalidInput("The scale is two numbers, the lower one first.")
    if not lowest <= bound <= highest:
        stated = "" if scale else " It is 0 to 1 when none is stated."
        raise InvalidInput(f"The score from which, or up to which, it passes lies on the scale.{stated}")
    return Evaluator(rule=rule, bound=bound, lowest=lowest, highest=highest)
