"""A part of a pack: a table with a few sentences, written as CSV and JSON, and shown on the page."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from confidence_project.foundation.formatting import DASH, said
from confidence_project.foundation.spreadsheets import harmless

Row = Mapping[str, Any]
"""Values by key of their column: JSON types, and times as `moment` writes them."""

SHOWN = 200
"""So many rows of a table are on the page; the files have them all."""


def moment(at: datetime | None) -> str | None:
    """Write a time: RFC 3339, UTC, to the microsecond."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> str:
    match value:
        case None | "":
            return DASH
        case bool():
            return said(value)
    return str(value)


def as_time(value: str | None) -> str:
    """Write what `moment` wrote for people."""
    return DASH if value is None else f"{value[:10]} {value[11:16]}"


def as_digest(value: str | None) -> str:
    """Write the beginning of a hash."""
    return f"{value[:12]}…" if value else DASH


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in the files, its head on the page, and how its values are shown there."""

    key: str
    title: str
    show: Callable[[Any], str] = _plain
    kind: Literal["", "number", "tight", "long", "files"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture in two themes, with words for those who cannot see it."""

    name: str
    words: str
    light: bytes
    dark: bytes

    @property
    def light_uri(self) -> str:
        """The address that holds the picture itself, so that the page needs no other file."""
        return _data_uri(self.light)

    @property
    def dark_uri(self) -> str:
        return _data_uri(self.dark)


def _data_uri(picture: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table. `name` is that of its files, `says` what there is to say before it; no rows: `says` says why."""

    name: str
    title: str
    says: Sequence[str]
    columns: Sequence[Column]
    rows: Sequence[Row]
    pictures: Sequence[Picture] = ()

    @property
    def files(self) -> list[str]:
        return [f"{self.name}.csv", f"{self.name}.json"]

    @property
    def shown(self) -> Iterator[list[tuple[Column, Any]]]:
        """The cells of the rows on the page: the column, and the text, or paths of files with the ends of them."""
        for row in self.rows[:SHOWN]:
            yield [(each, _cell(each, row.get(each.key))) for each in self.columns]

    @property
    def not_shown(self) -> int:
        return max(0, len(self.rows) - SHOWN)

    def as_json(self) -> str:
        rows = [{each.key: row.get(each.key) for each in self.columns} for row in self.rows]
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"

    def as_csv(self) -> Iterator[str]:
        return csv_of(self.columns, self.rows)


def _cell(column: Column, value: Any) -> Any:
    if column.kind == "files":
        return [(file, file.rsplit("/", 1)[-1]) for file in value or ()]
    return column.show(value)


def csv_of(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """Write rows as CSV, a line at a time; no spreadsheet takes a cell for a formula."""
    keys = [each.key for each in columns]
    yield _line(keys)
    for row in rows:
        yield _line([harmless(_in_csv(row.get(key))) for key in keys])


def _in_csv(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return " ".join(map(str, value))
        case dict():
            return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
