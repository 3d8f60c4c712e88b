"""Levels of reviews and candidates: what one may spend so that no 365 days hold more than delta."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import fsum

from calibration.statistics.checks import check_at_least, check_delta

PERIOD_DAYS = 365
"""Length of the period in which delta holds: any so many days, whichever the first."""

_NOTHING_LEFT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """An entry of the ledger of levels.

    Parameters
    ----------
    on : date
        The date of the review, or of the registration of the candidate.
    level : float
        What it spends, at least 0.
    until : date or None
        The last day on which it may still loosen: `date.max` for a candidate that is open, the day on which it passed
        or was withdrawn for another. None for a review, which loosens as of its date only.
    index : int or None
        The j of a candidate.
    """

    on: date
    level: float
    until: date | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a review or a candidate of a date may spend.

    Parameters
    ----------
    level : float or None
        Its level; None where nothing is left.
    left : float
        What is left of the budget for this date, before it.
    index : int or None
        The j of a candidate, to be kept with its entry.
    reason : str or None
        Why the level is None.
    free_on : date or None
        Where the level is None or less than a full share: the first date on which entries that are spent now leave
        room for a full one; None where it is full, or where an open candidate stands in its way.
    """

    level: float | None
    left: float
    index: int | None = None
    reason: str | None = None
    free_on: date | None = None


def review_level(
    spent: Sequence[Spent], on: date, *, reviews: int, delta: float, candidate_delta: float = 0.0
) -> Level:
    """Work out what a review of a date may spend: delta_R / K, or what is left of delta_R.

    delta_R = delta - candidate_delta. Whatever K was before, and wherever a year begins, the levels of the reviews in
    any 365 days sum to at most delta_R; by the union bound a wrong loosening happens in them with at most that
    probability.

    Parameters
    ----------
    spent : sequence of Spent
        The reviews on record, in any order, also those of later dates.
    on : date
        Date of the review.
    reviews : int
        Reviews a year (K), at least 1.
    delta : float
        Accepted probability of any wrong loosening in 365 days, in (0, 0.25].
    candidate_delta : float
        What of it is kept for candidates, from 0 and below delta.

    Returns
    -------
    Level
        The level, or None with a reason.

    Raises
    ------
    ValueError
        When a number is impossible.
    """
    check_at_least("reviews", reviews, 1)
    check_delta(delta)
    if not 0.0 <= candidate_delta < delta:
        raise ValueError(f"candidate_delta must be at least 0 and below delta; got {candidate_delta!r}.")
    budget = delta - candidate_delta
    return _granted(spent, on, on, budget, budget / reviews, None)


def candidate_level(spent: Sequence[Spent], on: date, *, candidate_delta: float) -> Level:
    """Work out what a candidate that is registered on a date may spend: delta' / ((j+1)(j+2)), or what is left.

    j is the smallest number that no candidate uses that was open in the 364 days before: 0 for the first of a year,
    1 for the second. As all these levels together sum to delta', those of the candidates that are open at any time in
    any 365 days do too.

    Parameters
    ----------
    spent : sequence of Spent
        The candidates on record with their `index` and `until`, in any order.
    on : date
        Date of the registration.
    candidate_delta : float
        The share of delta that is kept for candidates (delta'), in (0, 0.25].

    Returns
    -------
    Level
        The level with its j, or None with a reason.

    Raises
    ------
    ValueError
        When `candidate_delta` is outside (0, 0.25].
    """
    check_delta(candidate_delta)
    near = {entry.index for entry in spent if _last(entry) > on.toordinal() - PERIOD_DAYS}
    j = next(index for index in range(len(near) + 1) if index not in near)
    return _granted(spent, on, date.max, candidate_delta, candidate_delta / ((j + 1) * (j + 2)), j)


def _granted(spent: Sequence[Spent], on: date, until: date, budget: float, share: float, index: int | None) -> Level:
    left = _left(spent, on, until, budget)
    if left >= share * (1.0 - _NOTHING_LEFT):
        return Level(level=min(share, left), left=left, index=index)
    ends = sorted({_last(entry) + PERIOD_DAYS for entry in spent if _last(entry) < date.max.toordinal() - PERIOD_DAYS})
    later = [date.fromordinal(day) for day in ends if day > on.toordinal()]
    open_ended = until - on
    free_on = next(
        (day for day in later if _left(spent, day, _plus(day, open_ended), budget) >= share * (1.0 - _NOTHING_LEFT)),
        None,
    )
    if left <= budget * _NOTHING_LEFT:
        return Level(level=None, left=0.0, reason="what 365 days may spend is spent", free_on=free_on)
    return Level(level=left, left=left, index=index, free_on=free_on)


def _plus(day: date, length: timedelta) -> date:
    return date.max if date.max - day < length else day + length


def _last(entry: Spent) -> int:
    return (entry.until or entry.on).toordinal()


def _left(spent: Sequence[Spent], on: date, until: date, budget: float) -> float:
    """Return what the fullest of all 365 days that hold some of [on, until] leaves of the budget."""
    lowest, highest = on.toordinal() - PERIOD_DAYS + 1, until.toordinal()
    # As a window moves, its sum only changes where an entry comes in or goes out.
    edges = {edge for entry in spent for edge in (entry.on.toordinal() - PERIOD_DAYS + 1, _last(entry))}
    firsts = {lowest, highest, *(edge for edge in edges if lowest <= edge <= highest)}

    def room(first: int) -> float:
        inside = [e.level for e in spent if e.on.toordinal() < first + PERIOD_DAYS and _last(e) >= first]
        return fsum([budget, *(-level for level in inside)])

    return max(min(map(room, firsts)), 0.0)
