"""What a run may do for one policy key: hold the review whose date has come, or tighten."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from calibration.evidence.registry import SOURCES
from calibration.parameters import CalibrationParameters
from calibration.reviews.calendar import Outlook, ReviewDate, outlook
from calibration.runs.readings import Reading, read_policy
from governance.models import Workspace
from ledger.selectors import decisions_removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a run may do for one policy key.

    Parameters
    ----------
    delta : float
        Level of its answers: that of the review; of a run that only tightens, its own delta, for the run alone.
    on, window_from, window_to : str or None
        Date and window of the review that it holds; None: it only tightens.
    next_on : str or None
        Date of the next review; None while nobody knows when the opening will be.
    opening_decisions : int or None
        Decisions that the opening waits for, where that is so.
    left, reviews_a_year : int
        Reviews that are still to come in the year of the next one, and how many a year has.
    free_on : str or None
        Where a review came and nothing was left to spend: when there will be.
    removed : int
        Decisions at most that were pruned or erased from a window that the run was asked about: what is left may not
        be like what went, so nothing is loosened by it.
    """

    delta: float
    on: str | None
    window_from: str | None
    window_to: str | None
    next_on: str | None
    opening_decisions: int | None
    left: int
    reviews_a_year: int
    free_on: str | None = None
    removed: int = 0

    @property
    def may_loosen(self) -> bool:
        return self.on is not None

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        return {**asdict(self), "may_loosen": self.may_loosen}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A reading of a policy key with the question that it answers and what the run may do."""

    reading: Reading
    parameters: CalibrationParameters
    review: Review


def read_and_judge(workspace: Workspace, policy_key: str, parameters: CalibrationParameters, now: datetime) -> Judged:
    """Read the review whose date has come, whenever that was; otherwise what was asked for. Inside of `read_snapshot`.

    A review whose window holds no decision has nothing to look at: it is passed over, and spends nothing. No outcome
    has a say in that. So is one into whose window a prune or an erasure reached.
    """
    ahead = outlook(workspace, policy_key, now)
    free_on: str | None = None
    removed = 0
    for date in () if parameters.dry_run or parameters.tighten_only else ahead.due(again=parameters.again):
        asked = date.question(parameters)
        if missing := _removed(workspace, policy_key, asked):
            removed = max(removed, missing)
            continue
        reading = read_policy(workspace, policy_key, asked, date.at, received_by=date.received_by)
        if reading.evidence is None or not reading.evidence.decisions:
            continue
        level = ahead.level(date)
        if level.level is None:
            free_on = level.free_on.isoformat() if level.free_on else None
            break
        return Judged(reading=reading, parameters=asked, review=review_of(ahead, level.level, date))
    reading = read_policy(workspace, policy_key, parameters, now)
    removed = max(removed, _removed(workspace, policy_key, parameters))
    review = replace(review_of(ahead), delta=parameters.delta, free_on=free_on, removed=removed)
    return Judged(reading=reading, parameters=parameters, review=review)


def _removed(workspace: Workspace, policy_key: str, asked: CalibrationParameters) -> int:
    """Count what was removed from the ledger; evidence that is counted elsewhere is as whole as its keeper says."""
    if asked.engine is not None or policy_key in SOURCES.keys:
        return 0
    return decisions_removed(workspace, policy_key, asked.window_from, asked.window_to)


def review_of(ahead: Outlook, level: float | None = None, held: ReviewDate | None = None) -> Review:
    """Return what a run may do that holds a review at a level, or none; that one at the delta of the calendar."""
    coming = ahead.coming
    return Review(
        delta=ahead.calendar.delta if level is None else level,
        on=held.on.isoformat() if held else None,
        window_from=f"{held.start:%Y-%m-%d %H:%M}" if held else None,
        window_to=f"{held.end:%Y-%m-%d %H:%M}" if held else None,
        next_on=coming.on.isoformat() if coming else None,
        opening_decisions=None if ahead.dates else ahead.calendar.opening_decisions,
        left=ahead.left,
        reviews_a_year=ahead.calendar.reviews_a_year,
    )
