"""From long to wide: where each score of a decision is a record of its own, those of one decision become one record."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import Any

from confidence_project.foundation.errors import InvalidInput
from ledger.imports.paths import Path, spelled
from ledger.imports.records import LARGEST_DOCUMENT, Format, Record
from ledger.imports.source import Rejected, Source


class PivotedFormat(Format):
    """Records of another format, one for each decision: under the name of each score stands the record of the score.

    What belongs together is only known at the end of the file, so all of it is held, up to `LARGEST_DOCUMENT` bytes.

    Parameters
    ----------
    by
        Places that name the decision; of a score of a whole trace some are empty.
    names
        The place that names the score.
    """

    def __init__(self, inner: Format, *, by: tuple[str, ...], names: str) -> None:
        self._inner = inner
        self._by = [Path(place) for place in by]
        self._names = Path(names)
        self.name = inner.name
        self.is_text = inner.is_text
        self.rejects = inner.rejects

    def records(self, source: Source) -> Generator[Record, None, None]:
        decisions: dict[tuple[str, ...], list[tuple[str, Record]]] = {}
        size = 0
        with closing(self._inner.records(source)) as records:
            for record in records:
                self.header = self._inner.header
                size += len(record.raw)
                if size > LARGEST_DOCUMENT:
                    raise InvalidInput(
                        f"The file is longer than {LARGEST_DOCUMENT:,} bytes, and what makes one decision may stand "
                        "anywhere in it; export it in parts."
                    )
                try:
                    key, name = self._key(record)
                except Rejected as rejection:
                    yield Record(record.number, record.raw, problem=rejection.detail, is_cut=record.is_cut)
                else:
                    decisions.setdefault(key, []).append((name, record))
        for scores in decisions.values():
            yield self._wide(scores)

    def _key(self, record: Record) -> tuple[tuple[str, ...], str]:
        if record.values is None:
            raise Rejected(record.problem)
        key = tuple(
            "" if value is None else spelled(value) for value in (path.find(record.values) for path in self._by)
        )
        name = self._names.find(record.values)
        if not any(key) or not isinstance(name, str) or not name:
            raise Rejected("the record does not say to which decision it belongs, or under which name (--pivot-by)")
        return key, name

    @staticmethod
    def _wide(scores: list[tuple[str, Record]]) -> Record:
        values: dict[str, Any] = {}
        for name, record in scores:
            values.setdefault(name, []).append(record.values)
        raw = b"".join(record.raw if record.raw.endswith(b"\n") else record.raw + b"\n" for _, record in scores)
        return Record(scores[0][1].number, raw, values)
