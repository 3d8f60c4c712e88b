"""The columns of a view as expressions: numbers on the lattice, times against moments, words as labels.

All are texts in the dialect of DuckDB, from which the statement is put into the engine's. Names and values of whoever
declared them get in quoted, by sqlglot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlglot import exp

from calibration.engines.engine import ColumnKind
from calibration.engines.mapping import EngineMapping
from confidence_project.foundation.errors import InvalidInput
from governance.definitions import LATTICE
from ledger.imports.mapping import COMPARISONS, Condition

WRONG = -2
"""Stands for a label that is none."""

NUMBERS = (ColumnKind.WHOLE, ColumnKind.NUMBER)
TRUTHS = (ColumnKind.BOOLEAN, ColumnKind.WHOLE)
TIMES = (ColumnKind.INSTANT, ColumnKind.WALL_CLOCK, ColumnKind.WHOLE)
_ANY = (*NUMBERS, *TRUTHS, *TIMES, ColumnKind.TEXT, ColumnKind.OTHER)

_MICROSECONDS = {"s": 10**6, "ms": 10**3, "us": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def quoted(value: str) -> str:
    """Return a value as a literal."""
    return exp.Literal.string(value).sql("duckdb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of one view.

    Parameters
    ----------
    names : mapping of str to str
        From our names to those of the view.
    kinds : mapping of str to ColumnKind
        What the columns of the view hold.
    """

    mapping: EngineMapping
    names: Mapping[str, str]
    kinds: Mapping[str, ColumnKind]

    def has(self, name: str) -> bool:
        return name in self.names

    def reference(self, name: str, allowed: tuple[ColumnKind, ...] = _ANY) -> str:
        """Return the column that holds `name`; raise `InvalidInput` where it is absent or holds none of `allowed`."""
        return self._column(self.names[name], f"The column for {name}", allowed)

    def _column(self, column: str, what: str, allowed: tuple[ColumnKind, ...]) -> str:
        if column not in self.kinds:
            raise InvalidInput(f"{what} is not there. Names are compared letter by letter; declare the engine anew.")
        if self.kinds[column] not in allowed:
            raise InvalidInput(
                f"{what} holds {self.kinds[column].value}; it must hold {' or '.join(kind.value for kind in allowed)}. "
                "Cast it in a view, and declare that."
            )
        # Qualified: in ClickHouse the name of an expression hides a column of the same name.
        return f"source.{exp.to_identifier(column, quoted=True).sql('duckdb')}"

    def text(self, name: str) -> str:
        """Return what stands there as text, blank where nothing does: a constant, if there is one."""
        constant = quoted(self.mapping.constants.get(name, ""))
        if not self.has(name):
            return constant
        return f"COALESCE(NULLIF(CAST({self.reference(name)} AS TEXT), ''), {constant})"

    def number(self, name: str) -> str:
        """Return a number as a double; a confidence by its scale."""
        double = f"CAST({self.reference(name, NUMBERS)} AS DOUBLE)"
        return f"({double} / {self.mapping.scale}.0)" if name == "confidence" and self.mapping.scale else double

    def lattice(self, name: str) -> str:
        """Return a probability as `governance.definitions.to_lattice` does, null where there is none in [0, 1]."""
        if not self.has(name):
            return "CAST(NULL AS BIGINT)"
        number = self.number(name)
        is_one = _is_probability(number)
        # The 0 inside: ClickHouse casts what lies under a null, too, and NaN to a whole number is an error.
        steps = f"FLOOR(CASE WHEN {is_one} THEN {number} ELSE 0.0 END * {LATTICE}.0 + 0.5)"
        return f"CASE WHEN {is_one} THEN CAST({steps} AS BIGINT) END"

    def is_no_probability(self, name: str) -> str:
        """Return a condition that holds for numbers outside of [0, 1], NaN among them."""
        if not self.has(name):
            return "FALSE"
        return f"({self.reference(name)} IS NOT NULL AND NOT ({_is_probability(self.number(name))}))"

    def truth(self, name: str) -> str:
        """Return 1 or 0, null where nothing is known, `WRONG` for any other number."""
        column = self.reference(name, TRUTHS)
        if self.kinds[self.names[name]] is ColumnKind.BOOLEAN:
            return f"CASE WHEN {column} THEN 1 WHEN NOT {column} THEN 0 END"
        return f"CASE WHEN {column} IN (0, 1) THEN {column} WHEN {column} IS NOT NULL THEN {WRONG} END"

    def before(self, name: str, at: datetime) -> str:
        """Return the condition that a time lies before a moment."""
        return f"{self.reference(name, TIMES)} < {self._moment(name, at)}"

    def by(self, name: str, at: datetime) -> str:
        """Return the condition that a time lies before a moment or on it, to the microsecond."""
        return self.before(name, at + timedelta(microseconds=1))

    def within(self, name: str, start: datetime, end: datetime) -> str:
        """Return the condition that a time lies in `start <= time < end`."""
        return f"({self.reference(name, TIMES)} >= {self._moment(name, start)} AND {self.before(name, end)})"

    def _moment(self, name: str, at: datetime) -> str:
        """A moment in the form of the column, so that the column stands bare and its statistics leave out files."""
        kind, declared = self.kinds[self.names[name]], self.mapping.times
        if kind is ColumnKind.INSTANT:
            return f"CAST('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00:00' AS TIMESTAMPTZ)"
        if kind is ColumnKind.WALL_CLOCK and declared == "utc":
            return f"CAST('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP)"
        if kind is ColumnKind.WHOLE and declared not in (None, "utc"):
            microseconds = (at - _EPOCH) // timedelta(microseconds=1)
            unit = _MICROSECONDS.get(str(declared))
            # Upwards: of whole numbers, those below the moment are those below the next whole one.
            return str(microseconds * 1000 if unit is None else -(-microseconds // unit))
        raise InvalidInput(
            f"The column for {name} holds {kind.value}: the mapping must say under times how they are meant, as utc or "
            "as s, ms, us or ns since 1970."
        )

    def success(self) -> str:
        """Return 1 or 0, null where nothing is known, `WRONG` where it is undeclared or both."""
        if self.has("success"):
            return self.truth("success")
        wins, losses = self.mapping.success_when, self.mapping.failure_when
        named = sorted({column for column, _ in (*wins, *losses)})
        is_blank = " AND ".join(self._is_blank(column) for column in named)
        win, loss = self._any(wins), self._any(losses)
        misses = [column for column, wanted in wins if wanted.startswith(COMPARISONS)] if not losses else []
        missed = " AND ".join(f"NOT {self._is_blank(column)}" for column in misses) or "FALSE"
        return (
            f"CASE WHEN {win} AND {loss} THEN {WRONG} WHEN {win} THEN 1 WHEN {loss} THEN 0 WHEN {is_blank} THEN NULL "
            f"WHEN {missed} THEN 0 ELSE {WRONG} END"
        )

    def _any(self, conditions: tuple[Condition, ...]) -> str:
        return "(" + (" OR ".join(self._holds(each) for each in conditions) or "FALSE") + ")"

    def _holds(self, condition: Condition) -> str:
        column, wanted = condition
        if wanted.startswith(COMPARISONS):
            number = repr(float(wanted[2:]))
            place = self._column(column, "A column of a condition", NUMBERS)
            return f"COALESCE(CAST({place} AS DOUBLE) {wanted[:2]} CAST({number} AS DOUBLE), FALSE)"
        return (
            f"COALESCE({self._column(column, 'A column of a condition', (ColumnKind.TEXT,))} = {quoted(wanted)}, FALSE)"
        )

    def _is_blank(self, column: str) -> str:
        place = self._column(column, "A column of a condition", (*NUMBERS, ColumnKind.TEXT))
        is_null = f"{place} IS NULL"
        return f"({is_null} OR {place} = '')" if self.kinds[column] is ColumnKind.TEXT else f"({is_null})"


def _is_probability(number: str) -> str:
    """The difference is 0 of what is finite. NaN is in no statistics of Parquet, from which DuckDB decides the rest."""
    return f"{number} - {number} = 0 AND {number} BETWEEN 0 AND 1"
