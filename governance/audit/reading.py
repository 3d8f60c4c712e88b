"""Reading the lines of a workspace, the newest first: the heads of all histories, merged, and never a count.

A place in the merged order is a line's time, then its history, then its key. Each history is asked for what comes after
that place, as many rows as a page has, so a page costs as many short queries as there are histories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Model, Q

from governance.access.permissions import Person, may
from governance.audit.sources import SOURCES, Source
from governance.models import Workspace


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that somebody did. `who` is "" where the system did it; `row` has a page that says more."""

    at: datetime
    who: str
    what: str
    about: str
    title: str
    row: Model
    place: Place


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a line stands in the order of all."""

    at: datetime
    source: str
    key: Any

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.source}~{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines: of one title, of one account, from `since` on, before `until`; what is blank narrows nothing."""

    title: str = ""
    who: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: Place | None = None


def titles() -> list[str]:
    """Return what histories are called, each once."""
    return sorted({source.title for source in SOURCES.all()})


def place_of(text: str) -> Place | None:
    """Read a place from an address; None when it is none."""
    at, _, rest = text.partition("~")
    source, _, key = rest.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return Place(moment, source, int(key)) if moment.tzinfo and key.isascii() and key.isdigit() else None


def page_of_lines(*, actor: Person, workspace: Workspace, wanted: Wanted, size: int) -> tuple[list[Line], Place | None]:
    """Return the newest `size` lines that `actor` may see, and the place after which there are older ones, or None."""
    found: list[Line] = []
    for key in SOURCES.keys:
        source = SOURCES.things[key]
        if wanted.title in ("", source.title) and may(source.verb, actor, workspace):
            found += _head(key, source, workspace, wanted, size + 1)
    found.sort(key=lambda line: line.place, reverse=True)
    return found[:size], found[size - 1].place if len(found) > size else None


def every_line(*, actor: Person, workspace: Workspace, wanted: Wanted, chunk: int = 500) -> Iterator[Line]:
    """Give all lines that `actor` may see, a chunk at a time."""
    while True:
        lines, after = page_of_lines(actor=actor, workspace=workspace, wanted=wanted, size=chunk)
        yield from lines
        if after is None:
            return
        wanted = replace(wanted, after=after)


def _head(key: str, source: Source, workspace: Workspace, wanted: Wanted, size: int) -> Iterator[Line]:
    rows = source.rows(workspace)
    if wanted.who:
        rows = rows.filter(**{source.who: wanted.who})
    if wanted.since:
        rows = rows.filter(**{f"{source.at}__gte": wanted.since})
    if wanted.until:
        rows = rows.filter(**{f"{source.at}__lt": wanted.until})
    if wanted.after:
        rows = rows.filter(_older(key, source, wanted.after))
    for row in rows.order_by(f"-{source.at}", "-pk")[:size]:
        at = getattr(row, source.at)
        who = getattr(row, source.who)
        page = source.page(row)
        yield Line(at, who, source.what(row), source.about(row), source.title, page, Place(at, key, row.pk))


def _older(key: str, source: Source, place: Place) -> Q:
    older = Q(**{f"{source.at}__lt": place.at})
    if key > place.source:
        return older
    same = Q(**{source.at: place.at})
    return older | same if key < place.source else older | (same & Q(pk__lt=place.key))
