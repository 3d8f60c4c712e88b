"""Reads of telemetry, one workspace at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db.models import QuerySet

from governance.admin_kit.keyset import narrowed_to
from governance.models import Workspace
from telemetry.models import AIInteraction, HostRecord, InboundMessage, Reception, SameCall
from telemetry.models.otlp import Fate, Kind

HostRecordT = TypeVar("HostRecordT", bound=HostRecord)


def records_of(model: type[HostRecordT], workspace: Workspace) -> QuerySet[HostRecordT]:
    """Return the records of one kind that belong to the workspace, for pages of them."""
    rows: Any = narrowed_to(model.objects.all(), "workspace_id", workspace.pk)
    return cast("QuerySet[HostRecordT]", rows.select_related("draft") if model is InboundMessage else rows)


def interactions_named(workspace: Workspace, names: Collection[str]) -> dict[str, int]:
    """Return the keys of AI calls by what hosts name them by: their external id, or another span that watches them."""
    own = AIInteraction.objects.in_workspace(workspace).order_by().filter(external_id__in=names)
    found = {str(external_id): pk for external_id, pk in own.values_list("external_id", "pk")}
    missing = set(names) - found.keys()
    if missing:
        spans = SameCall.objects.in_workspace(workspace).filter(external_id__in=missing)
        found |= dict(spans.values_list("external_id", "interaction_id"))
    return found


@dataclass(frozen=True, slots=True)
class ReceivedEnd:
    """How many records came to one end, and the last of them."""

    words: str
    number: int
    last_at: datetime
    last_id: str
    last_name: str


@dataclass(frozen=True, slots=True)
class ReceivedKind:
    """The records of one kind that came by OTLP. What is not stored was dropped."""

    kind: str
    name: str
    came: int
    stored: int
    ends: Sequence[ReceivedEnd]

    @property
    def dropped(self) -> int:
        return self.came - self.stored


def received_by_kind(rows: QuerySet[Reception]) -> list[ReceivedKind]:
    """Add up the counts of `rows` by kind, and by what became of them, the most frequent first: one query."""
    counts: dict[Kind, dict[Fate, ReceivedEnd]] = defaultdict(dict)
    for row in rows.order_by("last_at"):
        ends, fate = counts[Kind(row.kind)], Fate(row.fate)
        before = ends[fate].number if fate in ends else 0
        ends[fate] = ReceivedEnd(fate.label, before + row.number, row.last_at, row.last_id, row.last_name)
    return [
        ReceivedKind(
            kind=kind,
            name=kind.label,
            came=sum(end.number for end in counts[kind].values()),
            stored=counts[kind][Fate.STORED].number if Fate.STORED in counts[kind] else 0,
            ends=sorted(counts[kind].values(), key=lambda end: -end.number),
        )
        for kind in Kind
        if kind in counts
    ]
