"""Counting days anew and comparing them with their daily counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from governance.models import Workspace
from ledger.counts.counting import TOTALS, count_days, digest_of, key_of
from ledger.counts.following import days_of_the_ledger, days_since_the_marks
from ledger.counts.services import NOT_COUNTED, in_a_row
from ledger.models import CountedDay, DailyCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A day that was counted anew.

    Parameters
    ----------
    differences : tuple of str
        What its counts say and the ledger does not.
    waits : bool
        Something touched it since it was counted, so it is counted anew and not compared.
    """

    day: CountedDay
    differences: tuple[str, ...] = ()
    waits: bool = False


def verify_counts(
    *, workspace: Workspace | None = None, policy_key: str | None = None, day: date | None = None
) -> Iterator[Verified]:
    """Count days anew in the ledger, and say how their daily counts differ; None: all."""
    chosen = _chosen(None if workspace is None else workspace.pk, policy_key, day)
    for row in in_a_row(CountedDay.objects.filter(**chosen).order_by("workspace", "policy_key", "day")):
        stored = {each.pk: list(DailyCount.objects.filter(counted_day=each.pk)) for each in row}
        anew = count_days(row[0].workspace_id, row[0].policy_key, row[0].day, row[-1].day)
        for each in row:
            differences = tuple(_differences(each, stored[each.pk], *anew[each.day]))
            waits = bool(differences) and _waits(each)
            yield Verified(day=each, waits=waits, differences=() if waits else differences)
    # Afterwards: a day that came while the others were counted anew is touched since the marks, or has its row.
    for workspace_id, key, on in list(days_of_the_ledger()):
        if chosen.items() <= _chosen(workspace_id, key, on).items():
            yield from _missing(CountedDay(workspace_id=workspace_id, policy_key=key, day=on))


def _chosen(workspace_id: int | None, policy_key: str | None, day: date | None) -> dict[str, Any]:
    chosen = {"workspace": workspace_id, "policy_key": policy_key, "day": day}
    return {name: value for name, value in chosen.items() if value is not None}


def _missing(day: CountedDay) -> Iterator[Verified]:
    touched = days_since_the_marks(day.workspace_id, day.policy_key)
    if touched is None or day.day in touched:
        return
    if not CountedDay.objects.filter(**_chosen(day.workspace_id, day.policy_key, day.day)).exists():
        yield Verified(day=day, differences=("there are decisions, and nothing says that the day is to be counted",))


def _waits(day: CountedDay) -> bool:
    """Whether something touched the day since it was read here; asked after it was counted."""
    touched = days_since_the_marks(day.workspace_id, day.policy_key)
    as_read = CountedDay.objects.filter(pk=day.pk, touched=day.touched, counted=day.counted).exclude(NOT_COUNTED)
    return touched is None or day.day in touched or not as_read.exists()


def _differences(day: CountedDay, rows: list[DailyCount], fresh: CountedDay, anew: list[DailyCount]) -> Iterator[str]:
    for name in TOTALS:
        if (had := getattr(day, name)) != (has := getattr(fresh, name)):
            yield f"{name}: counted {had}, in the ledger {has}"
    stored, counted = ({_named(row): bytes(row.packed) for row in each} for each in (rows, anew))
    for name in sorted(stored.keys() | counted.keys()):
        if name not in counted:
            yield f"counts of what the ledger does not hold ({name})"
        elif name not in stored:
            yield f"no counts of what the ledger holds ({name})"
        elif stored[name] != counted[name]:
            yield f"other confidences or labels than in the ledger ({name})"
    if bytes(day.sha256) != digest_of(day, rows):
        yield "the checksum is not that of the counts"


def _named(row: DailyCount) -> str:
    """What stands before the packed integers, without what is blank, so that one finds it."""
    return ", ".join(f"{name} {value}" for name, value in key_of(row).items() if value not in ("", -1))
