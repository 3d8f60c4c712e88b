"""What became of the records of one export: told in the reply, and counted for the desk.

Exporters say nothing of a partial success, so what was dropped must be seen here. The counts are one row for each
workspace, day, kind and fate, whatever comes; of the last record stay its ids and the name of its operation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from django.db import connection, transaction
from django.utils import timezone

from governance.models import Workspace
from governance.vocabulary import identifier_or_blank
from telemetry.models import Reception
from telemetry.models.otlp import Fate, Kind

DAYS_KEPT = 90


@dataclass(frozen=True, slots=True)
class Seen:
    """What stays of a record when it is the last of its kind: the ids of its span, and what it calls itself."""

    id: str = ""
    name: str = ""


NOTHING_SEEN = Seen()


class Received:
    """The records of one export, by what became of them."""

    def __init__(self) -> None:
        self.rejected = 0
        self.reasons: set[str] = set()
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], Seen] = {}

    def count(self, kind: Kind, fate: Fate, seen: Seen = NOTHING_SEEN, *, told: str = "", number: int = 1) -> None:
        """Count records of one kind and fate. `told`: a sentence for the reply."""
        self._numbers[kind, fate] += number
        self._last[kind, fate] = seen
        self.reasons |= {told} - {""}

    def reject(self, kind: Kind, fate: Fate, seen: Seen, told: str, *, number: int = 1) -> None:
        """Count records that were not taken, as the reply says, too."""
        self.count(kind, fate, seen, told=told, number=number)
        self.rejected += number

    def keep(self, workspace: Workspace) -> None:
        """Add the counts to those of the day, and forget those of long ago."""
        if not self._numbers:
            return
        now = timezone.now()
        rows = [
            Reception(
                workspace=workspace,
                day=now.date(),
                kind=kind,
                fate=fate,
                number=number,
                last_at=now,
                last_id=self._last[kind, fate].id,
                last_name=identifier_or_blank(self._last[kind, fate].name),
            )
            # In one order, so that two exports wait for each other instead of deadlocking.
            for (kind, fate), number in sorted(self._numbers.items())
        ]
        with transaction.atomic():
            _add(rows)
            long_ago = now.date() - timedelta(days=DAYS_KEPT)
            Reception.objects.in_workspace(workspace).filter(day__lt=long_ago).delete()


def _add(rows: list[Reception]) -> None:
    """Insert rows, or add their numbers to those that stand there: one statement, which the ORM cannot write."""
    meta, quote = Reception._meta, connection.ops.quote_name
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    table, columns = quote(meta.db_table), [quote(str(field.column)) for field in fields]
    values = [field.get_db_prep_save(attrgetter(field.attname)(row), connection) for row in rows for field in fields]
    placeholders = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    newest = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in ("last_at", "last_id", "last_name"))
    statement = f"""
        INSERT INTO {table} ({", ".join(columns)}) VALUES {placeholders}
        ON CONFLICT ("workspace_id", "day", "kind", "fate")
        DO UPDATE SET "number" = {table}."number" + excluded."number", {newest}
    """  # noqa: S608 - names are quoted
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
