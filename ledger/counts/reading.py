"""Reading the daily counts: only of days whose counts hold, and only as long as their checksum does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import F, QuerySet

from ledger.counts.counting import digest_of, shape_of
from ledger.counts.following import days_since_the_marks
from ledger.models import CountedDay, DailyCount


@dataclass(frozen=True, slots=True)
class Day:
    """A counted day. `rows` is None where it is not what was written: its checksum differs."""

    day: date
    in_cases: int
    rows: list[DailyCount] | None


def days_that_hold(
    workspace_id: int, policy_key: str, first: date, last: date, *, recorded_by: datetime, labelled_by: datetime
) -> list[CountedDay]:
    """Return the days of `first <= day <= last` whose counts hold what the ledger holds now; call it in a snapshot.

    Parameters
    ----------
    recorded_by, labelled_by
        Days that hold a decision that was recorded later, or an outcome or a void that came later, are left out.
    """
    touched = days_since_the_marks(workspace_id, policy_key)
    if touched is None:
        return []
    days = CountedDay.objects.filter(
        workspace=workspace_id, policy_key=policy_key, day__gte=first, day__lte=last,
        counted=F("touched"), shape=shape_of(policy_key),
    ).order_by("day")  # fmt: skip
    return [
        day
        for day in days
        if day.day not in touched
        and (day.last_record_at is None or day.last_record_at <= recorded_by)
        and (day.last_label_at is None or day.last_label_at <= labelled_by)
    ]


def latest_counts(workspace_ids: Sequence[int], *, since: date) -> QuerySet[CountedDay]:
    """Return the days from `since` on that were counted and have decisions, whether or not they changed since."""
    days = CountedDay.objects.filter(workspace__in=workspace_ids, day__gte=since, decisions__gt=0)
    return days.filter(counted_at__isnull=False)


def counts_of(days: list[CountedDay]) -> Iterator[Day]:
    """Yield the counts of days, each checked, one day after the other."""
    heads = {day.pk: day for day in days}
    rows = DailyCount.objects.filter(counted_day__in=heads).order_by("counted_day__day", "pk").iterator(chunk_size=500)
    found = set()
    for key, group in groupby(rows, key=lambda row: row.counted_day_id):
        found.add(key)
        yield _checked(heads[key], list(group))
    for key in heads.keys() - found:
        yield _checked(heads[key], [])


def _checked(day: CountedDay, rows: list[DailyCount]) -> Day:
    return Day(day.day, day.in_cases, rows if digest_of(day, rows) == bytes(day.sha256) else None)
