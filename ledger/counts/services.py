"""Writes of the daily counts: follow the ledger, and count anew what was touched."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from ledger.counts.counting import TOTALS, count_days, shape_of
from ledger.counts.following import Touched, follow
from ledger.models import CountedDay, DailyCount

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a round did: the days that something had touched, and those that it counted."""

    touched: int
    counted: int


BUSY = timedelta(days=1)
"""So long a day of which something comes in every round keeps the counts that it has."""


def keep_counts(*, busy_days_wait: bool = False) -> Kept:
    """Follow the ledger to where it is, and count every day anew of which something came or went.

    Each day is written in a transaction, so a break loses no day that was written. Several at once do the same work
    twice, and no harm.

    Parameters
    ----------
    busy_days_wait
        Leave days for later that something touched in this very round and that were counted within `BUSY`: they would
        be counted in every round, and no count of them would hold until a run reads it.
    """
    touched = follow()
    for policy_key in CountedDay.objects.order_by().values_list("policy_key", flat=True).distinct():
        _touch_other_shapes(policy_key)
    waiting = list(CountedDay.objects.filter(NOT_COUNTED).order_by("workspace", "policy_key", "day"))
    if busy_days_wait:
        waiting = [day for day in waiting if not _is_busy(day, touched)]
    return Kept(len(touched), sum(_count_anew(days) for days in in_a_row(waiting)))


def _is_busy(day: CountedDay, touched: frozenset[Touched]) -> bool:
    is_touched = (day.workspace_id, day.policy_key, day.day) in touched
    return is_touched and day.counted_at is not None and day.counted_at > timezone.now() - BUSY


AT_ONCE = 31
"""Days in a row that one statement counts: a month of their decisions passes the memory as short numbers."""


def in_a_row(days: Iterable[CountedDay]) -> Iterator[list[CountedDay]]:
    """Part sorted days into days of one policy key that follow each other, at most `AT_ONCE`."""
    row: list[CountedDay] = []
    for day in days:
        key = (day.workspace_id, day.policy_key, day.day - timedelta(days=1))
        if row and (len(row) == AT_ONCE or key != (row[-1].workspace_id, row[-1].policy_key, row[-1].day)):
            yield row
            row = []
        row.append(day)
    if row:
        yield row


OUT_OF_TIME = "57014"
"""What PostgreSQL calls a statement that it cancels."""

NOT_COUNTED = Q(counted=None) | ~Q(counted=F("touched"))
"""The days that wait to be counted."""


def _touch_other_shapes(policy_key: str) -> None:
    others = CountedDay.objects.filter(policy_key=policy_key, counted__isnull=False).exclude(shape=shape_of(policy_key))
    others.update(touched=F("touched") + 1)


def _count_anew(days: Sequence[CountedDay]) -> int:
    # What touches a day from here on raises `touched` above what is written as counted, whatever was seen of it.
    at = timezone.now()
    try:
        fresh = count_days(days[0].workspace_id, days[0].policy_key, days[0].day, days[-1].day)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != OUT_OF_TIME:
            raise
        return _count_in_parts(days)
    return sum(_write(day, *fresh[day.day], at=at) for day in days)


def _count_in_parts(days: Sequence[CountedDay]) -> int:
    """Count by halves what took too long at once; a day that does so alone waits, and holds up no other."""
    half = len(days) // 2
    if half:
        return _count_anew(days[:half]) + _count_anew(days[half:])
    log.error(
        "Counting %s of %s took longer than CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS: runs count that day in the ledger.",
        days[0].day,
        days[0].policy_key,
    )
    return 0


def _write(day: CountedDay, fresh: CountedDay, rows: list[DailyCount], *, at: datetime) -> bool:
    with transaction.atomic():
        # Locked: of two that count the same day one writes after the other.
        if not CountedDay.objects.select_for_update().filter(pk=day.pk).exists():
            return False
        DailyCount.objects.filter(counted_day=day.pk).delete()
        for row in rows:
            row.counted_day_id = day.pk
        DailyCount.objects.bulk_create(rows)
        written = {name: getattr(fresh, name) for name in (*TOTALS, "shape", "sha256")}
        CountedDay.objects.filter(pk=day.pk).update(counted=day.touched, counted_at=at, **written)
    return True
