"""What an engine is: where the statement runs. Each kind has a module of its own, loaded when one is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from calibration.engines.mapping import EngineMapping
from calibration.evidence.contract import EvidenceRequest

Row = tuple[Any, ...]

DECISIONS, OUTCOMES = "decisions", "outcomes"
"""Views of the session, by which the statement calls what an engine declares: it names no address."""


class ColumnKind(StrEnum):
    """What may be done with a column."""

    TEXT = "text"
    WHOLE = "whole numbers"
    NUMBER = "numbers"
    BOOLEAN = "true or false"
    INSTANT = "times with a zone"
    WALL_CLOCK = "times without a zone"
    OTHER = "something else"


class Engine(Protocol):
    """A session with an engine in which the views `DECISIONS` and `OUTCOMES` stand."""

    @property
    def snapshot(self) -> str | None:
        """What tells whether the sources were written since: a hash of files; None where nothing does."""

    def columns(self, view: str) -> Mapping[str, ColumnKind]:
        """Return the columns of a view, in its own letters."""

    def text_for(self, mapping: EngineMapping, request: EvidenceRequest, *, are_in_one: bool) -> str:
        """Return the statement for a request in the engine's own dialect; see `statement.written`."""

    def rows(self, text: str) -> Iterator[Sequence[Row]]:
        """Run a statement and yield its rows by the batch; raise `Unavailable` where it fails or takes too long."""

    def close(self) -> None:
        """End the session."""
