"""What engines behind a driver have in common: tables that one statement reads, and nothing that is created there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, ClassVar

from sqlglot import exp

from calibration.engines.arithmetic import check_answer, question
from calibration.engines.column_types import kind_of
from calibration.engines.engine import DECISIONS, OUTCOMES, ColumnKind, Row
from calibration.engines.mapping import EngineMapping
from calibration.engines.places import table_in
from calibration.engines.statement import written
from calibration.evidence.contract import EvidenceRequest
from confidence_project.foundation.errors import Unavailable

FETCH = 5_000
"""Counts that are fetched at a time."""


class ServerEngine(ABC):
    """A session with a server, which only reads: what was declared is named in front of the statement."""

    product: ClassVar[str]
    dialect: ClassVar[str]
    failures: ClassVar[tuple[type[Exception], ...]]
    depth: ClassVar[int] = 3
    """Parts of a table's full name."""

    def __init__(self, above: Sequence[str], decisions: str, outcomes: str) -> None:
        self._places = {DECISIONS: self._place(above, decisions), OUTCOMES: self._place(above, outcomes)}

    @property
    def snapshot(self) -> str | None:
        """A server has none: what changed is seen by its counts."""
        return None

    def columns(self, view: str) -> Mapping[str, ColumnKind]:
        with self._told():
            return {name: kind_of(kind, self.dialect) for name, kind in self._described(self._places[view])}

    def text_for(self, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> str:
        return self._in_dialect(written(self, mapping, request, are_in_one=are_in_one))

    def rows(self, text: str) -> Iterator[Sequence[Row]]:
        sources = ", ".join(f"{view} AS (SELECT * FROM {place})" for view, place in self._places.items())  # noqa: S608
        with self._told():
            check_answer(self.product, chain.from_iterable(self._counted(self._in_dialect(question()))))
            yield from self._counted(f"WITH {sources}, {text.removeprefix('WITH ')}")

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _described(self, place: str) -> Iterable[tuple[str, str]]:
        """The columns of a table with the names of their types."""

    @abstractmethod
    def _counted(self, statement: str) -> Iterator[Sequence[Row]]: ...

    def _in_dialect(self, statement: exp.Expr) -> str:
        return statement.sql(dialect=self.dialect)

    def _place(self, above: Sequence[str], table: str) -> str:
        full = table_in(above, table, depth=self.depth)
        return ".".join(exp.to_identifier(part, quoted=True).sql(dialect=self.dialect) for part in full)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Its messages may hold values, so only their kind is told."""
        try:
            yield
        except self.failures as error:
            raise Unavailable(
                f"{self.product} could not read the declared sources ({type(error).__name__})."
            ) from error


def fetched(cursor: Any) -> Iterator[Sequence[Row]]:
    """Yield what a cursor of the Python Database API holds, by the batch."""
    while batch := cursor.fetchmany(FETCH):
        yield [tuple(row) for row in batch]
