"""Which days decisions, outcomes and voids touched since the marks, in the order of commits.

Amendments touch none: what they may correct is no part of the counts. A row is found by the number that its database
gave it at the commit (`transparency.commit_order`), so that no clock has a say, and the write path does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import F

from ledger.counts.statement import DAY, as_date
from ledger.models import CountedDay, CountMark, DecisionOutcome, DecisionRecord, OutcomeVoid
from ledger.transparency.commit_order import horizon, order_column
from ledger.transparency.sequencing import windows

Touched = tuple[int, str, date]
"""Workspace, policy key and day."""

_DECISIONS, _OUTCOMES, _VOIDS = (model._meta.db_table for model in (DecisionRecord, DecisionOutcome, OutcomeVoid))

_SOURCES: Mapping[str, tuple[str, str, Sequence[str]]] = {
    _DECISIONS: (f"{_DECISIONS} t{{found_by}}", "t", ()),
    _OUTCOMES: (f"{_OUTCOMES} t{{found_by}} CROSS JOIN {_DECISIONS} d", "d", ("d.decision_id = t.decision_id",)),
    _VOIDS: (
        f"{_VOIDS} t{{found_by}} CROSS JOIN {_OUTCOMES} o CROSS JOIN {_DECISIONS} d",
        "d",
        ("o.id = t.outcome_id", "d.decision_id = o.decision_id"),
    ),
}
"""The rows `t` of each table that is followed, what the decision is called that each is about, and how they meet.

CROSS JOIN has SQLite begin with `t`; it would begin with all decisions of the policy.
"""

_BY_NUMBER = {"sqlite": " NOT INDEXED", "postgresql": ""}
"""SQLite finds `t` by its number, and not in an index of all decisions of the policy."""


def follow() -> frozenset[Touched]:
    """Touch the days of what was committed since the marks, move the marks, and return the days.

    Without marks, or with marks of another server (this database was restored from there), the whole ledger is followed
    from its beginning.
    """
    marks, ends = _marks(), _horizons()
    if not _hold(marks, ends):
        return _from_the_beginning(ends)
    with transaction.atomic():
        found = frozenset(each for table in _SOURCES for each in _touched(table, marks[table], until=ends[table]))
        touch_days(found)
        _set_marks(ends)
    return found


def touch_days(days: Iterable[Touched]) -> None:
    """Say of days that their counts hold no more: they are counted anew, and until then from the ledger.

    Nothing that is gone can be followed: see `rows_are_gone`.
    """
    ordered = sorted(set(days))
    missing = [CountedDay(workspace_id=workspace, policy_key=key, day=day) for workspace, key, day in ordered]
    CountedDay.objects.bulk_create(missing, ignore_conflicts=True)
    for (workspace, key), group in groupby(ordered, key=lambda each: each[:2]):
        same = CountedDay.objects.filter(workspace=workspace, policy_key=key, day__in=[each[2] for each in group])
        same.update(touched=F("touched") + 1)


def rows_are_gone(days: Iterable[Touched]) -> None:
    """Say of which days decisions were deleted, with all that was about them; call it in the same transaction."""
    touch_days(days)
    # SQLite gives the number of a last row that is gone to the next one, which would lie before the mark.
    for table, end in _horizons().items():
        CountMark.objects.filter(table=table, mark__gt=end).update(mark=end)


def days_since_the_marks(workspace_id: int, policy_key: str) -> frozenset[date] | None:
    """Return the days of a policy key that something touched since the marks; None where no mark holds here."""
    marks = _marks()
    if not _hold(marks, _horizons()):
        return None
    return frozenset(
        day for table in _SOURCES for _, _, day in _touched(table, marks[table], of=(workspace_id, policy_key))
    )


def _marks() -> Mapping[str, int]:
    """The marks that count this server's commits: a database that was restored from another one keeps its numbers."""
    return dict(CountMark.objects.filter(server=_server()).values_list("table", "mark"))


def _server() -> int:
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        return 0
    with database.cursor() as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return int(cursor.fetchone()[0])


def _horizons() -> Mapping[str, int]:
    return {table: horizon(connections[DEFAULT_DB_ALIAS], table) for table in _SOURCES}


def _hold(marks: Mapping[str, int], ends: Mapping[str, int]) -> bool:
    return all(table in marks and marks[table] <= ends[table] for table in _SOURCES)


def _set_marks(ends: Mapping[str, int]) -> None:
    server = _server()
    for table, end in ends.items():
        CountMark.objects.update_or_create(table=table, defaults={"mark": end, "server": server})


def _from_the_beginning(ends: Mapping[str, int]) -> frozenset[Touched]:
    CountedDay.objects.update(touched=F("touched") + 1)
    found = frozenset(days_of_the_ledger())
    with transaction.atomic():
        touch_days(found)
        _set_marks(ends)
    return found


def days_of_the_ledger() -> Iterator[Touched]:
    """Yield every day on which there are decisions, once; all of the ledger is read."""
    found: set[Touched] = set()
    for conditions, parameters in windows(DecisionRecord):
        new = set(_days(_DECISIONS, conditions, parameters)) - found
        yield from sorted(new)
        found |= new


def _touched(
    table: str, mark: int, *, until: int | None = None, of: tuple[int, str] | None = None
) -> Iterable[Touched]:
    vendor, decision = connections[DEFAULT_DB_ALIAS].vendor, _SOURCES[table][1]
    order = order_column(vendor)
    conditions: list[str] = [f"{order} >= %s"]
    parameters: list[Any] = [mark]
    if until is not None:
        conditions, parameters = [*conditions, f"{order} < %s"], [*parameters, until]
    if of is not None:
        conditions += [f"{decision}.workspace_id = %s", f"{decision}.policy_key = %s"]
        parameters += of
    return _days(table, conditions, parameters, found_by=_BY_NUMBER[vendor])


def _days(table: str, conditions: Sequence[str], parameters: Sequence[Any], *, found_by: str = "") -> list[Touched]:
    database, (rows, decision, meeting) = connections[DEFAULT_DB_ALIAS], _SOURCES[table]
    rows = rows.format(found_by=found_by)
    where = f"WHERE {' AND '.join((*meeting, *conditions))}" if meeting or conditions else ""
    with database.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {decision}.workspace_id, {decision}.policy_key, "  # noqa: S608
            f"{DAY[database.vendor].format(f'{decision}.occurred_at')} FROM {rows} {where}",
            parameters,
        )
        return [(workspace, key, as_date(day)) for workspace, key, day in cursor.fetchall()]
