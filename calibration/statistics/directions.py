"""Both directions of a threshold on one scale, on which a decision is allowed at or above a score.

A confidence threshold t allows ``confidence >= t``; a risk threshold t allows ``risk < t``, since the gate
blocks a risk at or above it. A risk of lattice value r gets the score 9999 − r: then ``risk < t`` is the same
as ``score >= 1 − t``, and the lowest score that is certified turns back into a value that the gate can use as
it stands. A risk of 1.0 gets no score, because no risk threshold in [0, 1] would ever allow it.
"""

from typing import Literal, get_args

from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, threshold_to_lattice

Direction = Literal["at_least", "below"]
"""Which decisions a threshold t allows: "at_least" values of at least t, "below" values below t."""


def to_scores(groups: Groups, direction: Direction) -> Groups:
    """Put groups on the scale on which the threshold is a lower bound.

    Parameters
    ----------
    groups : Groups
        Groups by confidence ("at_least") or by risk ("below").
    direction : {"at_least", "below"}
        Which decisions the threshold allows.

    Returns
    -------
    Groups
        The groups by score; those that no threshold could allow are left out.

    Raises
    ------
    ValueError
        When the direction is unknown.
    """
    if direction not in get_args(Direction):
        raise ValueError(f"direction must be one of {', '.join(get_args(Direction))}; got {direction!r}.")
    if direction == "at_least":
        return groups
    reachable = groups.below(LATTICE)
    return Groups(
        value=(LATTICE - 1 - reachable.value)[::-1],
        n=reachable.n[::-1],
        successes=reachable.successes[::-1],
        total=reachable.total[::-1],
    )


def score_of(threshold: float, direction: Direction) -> int:
    """Return the lowest score that a threshold allows.

    Parameters
    ----------
    threshold : float
        A threshold as the gate uses it.
    direction : {"at_least", "below"}
        Which decisions it allows.

    Returns
    -------
    int
        A decision is allowed exactly when its score is at least this number.
    """
    step = threshold_to_lattice(threshold)
    return step if direction == "at_least" else LATTICE - step


def above_floor(groups: Groups, direction: Direction, floor: float | None) -> Groups:
    """Put groups on the score scale and drop what the strictest threshold in force did not allow.

    Parameters
    ----------
    groups : Groups
        Groups by confidence ("at_least") or by risk ("below").
    direction : {"at_least", "below"}
        Which decisions the threshold allows.
    floor : float or None
        The strictest threshold in force; None where labels are complete without one.

    Returns
    -------
    Groups
        The groups by score.

    Raises
    ------
    ValueError
        When the direction is unknown or the floor is not finite.
    """
    scores = to_scores(groups, direction)
    return scores if floor is None else scores.at_or_above(score_of(floor, direction))


def divide(groups: Groups, threshold: float, direction: Direction) -> tuple[Groups, Groups]:
    """Divide groups into what a threshold allows and what it blocks.

    Parameters
    ----------
    groups : Groups
        Groups by confidence ("at_least") or by risk ("below").
    threshold : float
        A threshold as the gate uses it.
    direction : {"at_least", "below"}
        Which decisions it allows.

    Returns
    -------
    allowed, blocked : Groups
        Both parts, by confidence or by risk.

    Raises
    ------
    ValueError
        When the threshold is not finite.
    """
    step = threshold_to_lattice(threshold)
    high, low = groups.at_or_above(step), groups.below(step)
    return (high, low) if direction == "at_least" else (low, high)


def threshold_of(score: int, direction: Direction) -> float:
    """Return the threshold that allows exactly the scores from `score` upwards.

    Parameters
    ----------
    score : int
        The lowest score to allow, 0…10,000.
    direction : {"at_least", "below"}
        Which decisions the threshold allows.

    Returns
    -------
    float
        A threshold with four decimals, as the gate uses it.
    """
    return (score if direction == "at_least" else LATTICE - score) / LATTICE
