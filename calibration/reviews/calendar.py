"""The calendar of a policy's reviews: dates, windows and questions that were fixed before their windows began.

To look every week and loosen whenever a lower threshold passes is wrong in a third of all years, and a free look before
a review is as bad. So nothing that is seen can move a review: its date, its sample, its labels and its question stand
before its window begins, and a ledger of levels keeps what all of them spend at or below delta in any 365 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import fsum
from typing import Any

from django.db.models import F, Max, Min, QuerySet

from calibration.models import Candidate, HeldReview, ReviewCalendar
from calibration.parameters import CalibrationParameters
from calibration.statistics.levels import PERIOD_DAYS, Level, Spent, review_level
from governance.definitions import family_of, get_definition
from governance.models import Workspace
from ledger.models import DecisionImport, DecisionRecord
from ledger.selectors import recorded_between, removed_since

OPENING_DECISIONS = 1_000
"""The first review of a policy whose calendar nobody has set is over so many decisions, or over the first import."""

_HORIZON = timedelta(days=2 * PERIOD_DAYS)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDate:
    """One review of the calendar.

    Parameters
    ----------
    calendar : ReviewCalendar
        What it asks, as it was set before the window began.
    at : datetime
        Labels that were received later do not count; its day names the review.
    start, end : datetime
        Its window, by the time of decisions.
    received_by : datetime
        Decisions that were received later do not count.
    maturity_days : float
        Decisions of the window's end that are left out; 0 where `at` has waited for them.
    year_ends : date
        Where the year of the calendar ends that it lies in.
    """

    calendar: ReviewCalendar
    at: datetime
    start: datetime
    end: datetime
    received_by: datetime
    maturity_days: float
    year_ends: date

    @property
    def on(self) -> date:
        return self.at.astimezone(UTC).date()

    def question(self, asked: CalibrationParameters) -> CalibrationParameters:
        """Return the question of the review; only the costs are those that a run was told."""
        return replace(
            asked,
            window_from=self.start,
            window_to=self.end,
            target_failure_rate=self.calendar.target_failure_rate,
            risk_confidence=self.calendar.risk_confidence,
            segment_by=tuple(self.calendar.segment_by),
            maturity_days=self.maturity_days,
            band=self.calendar.looks_for_band,
            engine=self.calendar.engine,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The calendar as it stands at a moment.

    Parameters
    ----------
    dates : sequence of ReviewDate
        Past and coming reviews as far as they are known, in order; empty before the opening is known.
    calendar : ReviewCalendar
        The newest setting.
    now : datetime
        The moment.
    held : mapping of date to float
        Levels that were spent, by the date of the review.
    candidates : sequence of Spent
        What candidates have spent, those of related keys included.
    related : mapping of str to sequence of Spent
        By related key, the levels that its reviews spend, at most. Keys of which one parted from the other share delta.
    delta : float
        The error probability that they share: the least that is set for any of them.
    """

    dates: Sequence[ReviewDate]
    calendar: ReviewCalendar
    now: datetime
    held: dict[date, float]
    candidates: Sequence[Spent]
    related: Mapping[str, Sequence[Spent]]
    delta: float

    def due(self, *, again: bool = False) -> Iterator[ReviewDate]:
        """Yield the reviews whose date has come since the last one that was held, the newest first.

        Parameters
        ----------
        again
            The last one that was held, too: computed again it finds the same, and spends nothing.
        """
        for review in reversed([each for each in self.dates if each.at <= self.now]):
            if review.on in self.held:
                if again:
                    yield review
                return
            yield review

    def level(self, review: ReviewDate) -> Level:
        """Return what a review may spend, or has spent already."""
        if review.on in self.held:
            return Level(level=self.held[review.on], left=self.held[review.on])
        return self._granted(self.spent_before(review.on), review)

    def spent_before(self, day: date) -> list[Spent]:
        """Return what the reviews before a day spend, held or not.

        Who sees figures every day could hold the best of many: so each date has its level, whether it is used or not.
        """
        dates = {each.on for each in self.dates}
        spent = [Spent(on=on, level=level) for on, level in self.held.items() if on not in dates]
        own = self.calendar.policy_key
        spent += [each for key, levels in self.related.items() for each in levels if (each.on, key) < (day, own)]
        for review in self.dates:
            level = self.held.get(review.on)
            if review.on < day and level is None:
                level = self._granted(spent, review).level
            if review.on < day and level is not None:
                spent.append(Spent(on=review.on, level=level))
        return spent

    def _granted(self, spent: Sequence[Spent], review: ReviewDate) -> Level:
        calendar, year = review.calendar, timedelta(days=PERIOD_DAYS - 1)
        candidates = [c.level for c in self.candidates if c.on <= review.on and (c.until or c.on) >= review.on - year]
        delta = min(calendar.delta, self.delta)
        kept = max(delta * calendar.candidate_share, fsum(candidates))
        if kept >= delta:
            return Level(level=None, left=0.0, reason="what 365 days may spend is spent")
        reviews = calendar.reviews_a_year * (1 + len(self.related))
        return review_level(spent, review.on, reviews=reviews, delta=delta, candidate_delta=kept)

    @property
    def coming(self) -> ReviewDate | None:
        """The next review, None while nobody knows when the opening will be."""
        return next((each for each in self.dates if each.at > self.now), None)

    @property
    def left(self) -> int:
        """Reviews that are still to come until the year of the next one ends; all of a year before the opening."""
        coming = self.coming
        if coming is None:
            return self.calendar.reviews_a_year
        return sum(each.at > self.now and each.year_ends == coming.year_ends for each in self.dates)


def outlook(workspace: Workspace, policy_key: str, now: datetime) -> Outlook:
    """Return the calendar of a policy."""
    family = family_of(policy_key)
    calendars = {key: calendars_of(workspace, key) for key in family}
    held: dict[str, dict[date, float]] = {key: {} for key in family}
    for key, on, level in _in_family(HeldReview.objects, workspace, family).values_list("policy_key", "on", "level"):
        held[key][on] = level
    dates = {key: _dates(calendars[key], now) for key in family}
    return Outlook(
        dates=dates[policy_key],
        calendar=calendars[policy_key][-1],
        now=now,
        held=held[policy_key],
        candidates=[_spent(each) for each in _in_family(Candidate.objects, workspace, family).select_related("end")],
        related={
            key: _at_most(dates[key], held[key], members=len(family)) for key in sorted(family) if key != policy_key
        },
        delta=min(of_key[-1].delta for of_key in calendars.values()),
    )


def _in_family(objects: Any, workspace: Workspace, family: set[str]) -> Any:
    return objects.in_workspace(workspace).filter(policy_key__in=family)


def _at_most(dates: Sequence[ReviewDate], held: Mapping[date, float], *, members: int) -> list[Spent]:
    """What the reviews of a key spend: what is on record, and for a date that nobody held its whole share."""
    shares = {
        each.on: (each.calendar.delta - each.calendar.candidate_delta) / (each.calendar.reviews_a_year * members)
        for each in dates
    }
    return [Spent(on=on, level=level) for on, level in {**shares, **held}.items()]


def _spent(candidate: Candidate) -> Spent:
    return Spent(
        on=candidate.registered_at.astimezone(UTC).date(),
        level=candidate.level,
        until=candidate.end.ended_at.astimezone(UTC).date() if hasattr(candidate, "end") else date.max,
        index=candidate.number,
    )


def calendars_of(workspace: Workspace, policy_key: str) -> list[ReviewCalendar]:
    """Return the default calendar, as old as the workspace, and what was set since, in order."""
    unset = ReviewCalendar(workspace=workspace, policy_key=policy_key, set_at=workspace.created_at)
    if get_definition(policy_key).gates_decisions:
        unset.opening_decisions = OPENING_DECISIONS
    else:
        unset.opening_on = (unset.set_at + timedelta(days=unset.window_days + 1)).astimezone(UTC).date()
    rows = ReviewCalendar.objects.in_workspace(workspace).filter(policy_key=policy_key)
    return [unset, *rows.select_related("engine").order_by("pk")]


def _dates(calendars: Sequence[ReviewCalendar], now: datetime) -> list[ReviewDate]:
    """Every review whose window began while its calendar held."""
    found: list[ReviewDate] = []
    opening: ReviewDate | None = None
    for calendar, successor in pairwise([*calendars, None]):
        assert calendar is not None  # noqa: S101 - narrows the type; only the last is None
        until = successor.set_at if successor else now + _HORIZON
        own = _opening(calendar, until)
        opening = own or opening
        if own:
            found.append(own)
        if opening:
            found += _in_steps(calendar, opening, until, is_own=own is not None)
    # Of two on one day that whose window began first stands: nobody replaces what has begun.
    return sorted({each.on: each for each in reversed(found)}.values(), key=lambda each: each.at)


def _in_steps(calendar: ReviewCalendar, opening: ReviewDate, until: datetime, *, is_own: bool) -> Iterator[ReviewDate]:
    number = 0
    while True:
        number += 1
        year = (number // calendar.reviews_a_year + 1) * PERIOD_DAYS
        at = midnight(opening.on + timedelta(days=PERIOD_DAYS * number // calendar.reviews_a_year))
        start = at - timedelta(days=calendar.window_days)
        if start >= until:
            return
        if start >= calendar.set_at or is_own:
            yield ReviewDate(
                calendar=calendar,
                at=at,
                start=start,
                end=at,
                received_by=at,
                maturity_days=calendar.maturity_days,
                year_ends=opening.on + timedelta(days=year),
            )


def _opening(calendar: ReviewCalendar, until: datetime) -> ReviewDate | None:
    """The opening of a calendar, None where it has none of its own, or as long as nobody knows when it will be."""
    if calendar.opening_on:
        at = midnight(calendar.opening_on)
        start = at - timedelta(days=calendar.window_days)
        return _opened(calendar, at, start, at, at, calendar.maturity_days) if start < until else None
    if removed_since(calendar.workspace, calendar.policy_key, calendar.set_at):
        return _held_first(calendar, until)
    decisions = received(calendar, after=calendar.set_at).order_by("pk")
    first = decisions.first()
    if calendar.opening_decisions is None or first is None or first.timestamp >= until:
        return None
    imports = DecisionImport.objects.in_workspace(calendar.workspace)
    if first.origin == DecisionRecord.Origin.IMPORT and imports.exists():
        # One declared file, whole. It says what came of its decisions: there is nothing to wait for.
        whole = imports.filter(finished_at__gte=first.timestamp).order_by("finished_at").first()
        if whole is None or whole.finished_at is None:
            return None
        received_by = at = whole.finished_at
    else:
        last = decisions[calendar.opening_decisions - 1 : calendar.opening_decisions].first()
        if last is None:
            return None
        received_by = last.timestamp
        at = _matured(decisions.filter(timestamp__lte=received_by), timedelta(days=calendar.maturity_days))
    ends = decisions.filter(timestamp__lte=received_by).order_by().aggregate(Min("occurred_at"), Max("occurred_at"))
    return _opened(calendar, at, ends["occurred_at__min"], ends["occurred_at__max"] + _MOMENT, received_by, 0)


def _held_first(calendar: ReviewCalendar, until: datetime) -> ReviewDate | None:
    """The opening by what is on record of it: once decisions were removed, those that are left would move it."""
    held = HeldReview.objects.in_workspace(calendar.workspace).filter(
        policy_key=calendar.policy_key, on__gte=calendar.set_at.date(), on__lt=until.date()
    )
    on = held.order_by("on").values_list("on", flat=True).first()
    at = midnight(on) if on else None
    return _opened(calendar, at, calendar.set_at, at, at, 0) if at else None


def _matured(decisions: QuerySet[DecisionRecord], lag: timedelta) -> datetime:
    """When each decision had its first label or was older than the lag; in the future, the latest that this may be."""
    labelled = decisions.order_by().filter(outcomes__sequence=1, outcomes__recorded_at__lte=F("timestamp") + lag)
    waited_for = decisions.order_by().exclude(pk__in=labelled.values("pk")).aggregate(last=Max("timestamp"))["last"]
    last_label = labelled.aggregate(last=Max("outcomes__recorded_at"))["last"]
    moments: list[datetime] = [] if last_label is None else [last_label]
    return max([*moments, waited_for + lag] if waited_for else moments)


def _opened(
    calendar: ReviewCalendar, at: datetime, start: datetime, end: datetime, received_by: datetime, maturity_days: float
) -> ReviewDate:
    year_ends = at.astimezone(UTC).date() + timedelta(days=PERIOD_DAYS)
    return ReviewDate(
        calendar=calendar,
        at=at,
        start=start,
        end=end,
        received_by=received_by,
        maturity_days=maturity_days,
        year_ends=year_ends,
    )


def received(calendar: ReviewCalendar, after: datetime | None = None) -> QuerySet[DecisionRecord]:
    """Return the decisions of the policy with a confidence, those that came in after a moment or all."""
    decisions = DecisionRecord.objects.in_workspace(calendar.workspace).filter(
        policy_key=calendar.policy_key, llm_confidence__isnull=False
    )
    return recorded_between(decisions, after, None).filter(timestamp__gt=after) if after else decisions


def midnight(day: date) -> datetime:
    """Return the beginning of a day, UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)
