"""A mapping in use: from the values of a record, under the file's names and in its spellings, to columns of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from confidence_project.foundation.errors import InvalidInput
from governance.vocabulary import DeclaredNames
from ledger.imports.answered import read_reply
from ledger.imports.judging import WHOLE, Judging
from ledger.imports.mapping import ImportMapping
from ledger.imports.numbers import read_number
from ledger.imports.paths import Path, spelled
from ledger.imports.rows import COLUMNS, CONSTANTS, CONTEXT, NEEDED, TIME_COLUMNS
from ledger.imports.source import Rejected
from ledger.imports.times import read_time
from ledger.models import ConfidenceKind

SUM_TOLERANCE = 0.05
"""How far the probabilities of the classes may miss 1."""

_TRUTH_COLUMNS = ("automation_executed", "downstream_failure", "audit_selected")
_NUMBERS = ("ml_risk_score", "label_propensity")
_IDS = ("external_id", "case_key")
_SAID_BY_REPLIES = frozenset({"confidence", "model", "task"})


class _Located(NamedTuple):
    """Where a record has what: the file's name for each of our columns, all columns that are used, and the paths that
    begin in one of them."""

    names: dict[str, str]
    used: frozenset[str]
    reached: frozenset[str]


class Mapper:
    """A mapping in use on one file; `locate` first, where the columns of all records are known."""

    def __init__(
        self,
        mapping: ImportMapping,
        *,
        is_text: bool,
        needed: Sequence[str] = NEEDED,
        declared: DeclaredNames | None = None,
    ) -> None:
        self.mapping = mapping
        self.declared = declared
        self.is_text = is_text
        self.needed = needed
        # Nearly always the records have the same columns, in JSON too.
        self._located = lru_cache(maxsize=64)(self._locate)
        self._missing = frozenset(mapping.missing)
        self._judging = Judging(mapping, self._is_blank)
        self._paths = {place: Path(place) for place in mapping.places.values() if Path.is_one(place)}
        self._words = {word.casefold(): number for word, number in mapping.words.items()}

    def locate(self, columns: list[str] | None) -> None:
        """Find our columns among those of a file that has the same in every record.

        Raises
        ------
        InvalidInput
            One that is needed or named is missing, stands twice, or is not known.
        """
        if columns is None:
            return
        if missing := self.missing(columns):
            raise InvalidInput(_what_is_missing(missing, columns))
        if self.absent(columns):
            raise InvalidInput("A column that an option names is not in the file.")
        if (unknown := self.unused(columns)) and not self.mapping.ignore_unknown:
            places = ", ".join(str(place) for place in unknown[:20])
            raise InvalidInput(
                f"The names of columns {places} are not known; known are {', '.join(COLUMNS)}. Say "
                "what they hold with --column, or leave them out with --ignore-unknown."
            )

    def missing(self, columns: Sequence[str]) -> list[str]:
        """Return what is needed and neither in a column nor declared."""
        present = {*self._located(tuple(columns)).names, *self.mapping.constants}
        if self.mapping.probabilities:
            present |= {"confidence", "success"}
        if self.mapping.reply:
            present |= _SAID_BY_REPLIES
        if self.mapping.labels or self.mapping.success_when or self.mapping.failure_when:
            present.add("success")
        return [name for name in self.needed if name not in present]

    def unused(self, columns: Sequence[str]) -> list[int]:
        """Return the places of the columns, from 1 on, that nothing is taken from."""
        used = self._located(tuple(columns)).used
        return [place for place, column in enumerate(columns, start=1) if column not in used]

    def absent(self, columns: Sequence[str]) -> list[str]:
        """Return what the mapping says of columns that are not in the file, by the keys of its `places`."""
        names, _, reached = self._located(tuple(columns))
        known, places = {*columns, *reached}, self.mapping.places.items()
        return [name for name, place in places if place not in known and name not in names]

    def row(self, values: Mapping[str, Any], stand_ins: Mapping[str, str]) -> dict[str, Any]:
        """Return a record as columns of ours, blank ones left out; raise `Rejected` for what cannot be one."""
        names, used, reached = self._located(tuple(values))
        if not self.mapping.ignore_unknown and not used.issuperset(values):
            raise Rejected("a field is not a known column")
        if reached:
            values = {**values, **{place: self._reach(place, values) for place in reached}}
        given = {
            name: values[column] for name, column in names.items() if not self._is_of_other_things(name, values[column])
        }
        row = {name: self._value(name, value) for name, value in given.items() if not self._is_blank(value)}
        if self.mapping.probabilities:
            row |= self._classified(values)
        elif self.mapping.labels:
            row["labels"] = self._judging.labels(values)
        elif self.mapping.success_when or self.mapping.failure_when:
            success = self._judging.success(values, names.get("success"), row.pop("success", None))
            row |= {} if success is None else {"success": self._truth(success)}
        kind = {"confidence_kind": ConfidenceKind.VERBAL.value} if self._words else {}
        known = {**stand_ins, **self.mapping.constants, **kind, **row}
        return {**known, **self._answered(values, known)} if self.mapping.reply else known

    def sought(self) -> dict[str, str]:
        """Return, by what it is for, which places a whole file cannot be without: of confidences, labels, context."""
        judging = {
            name: place
            for name, place in self.mapping.places.items()
            if name in ("confidence", "success") or name.startswith("/")
        }
        declared = {*self.mapping.constants, *(_SAID_BY_REPLIES if self.mapping.reply else ())}
        open_names = [name for name in CONTEXT if name in self.needed and name not in declared]
        return {**{name: self.mapping.columns.get(name, name) for name in open_names}, **judging}

    def has_nothing_for(self, name: str, values: Mapping[str, Any]) -> bool:
        """True where a record has nothing, not even a blank, where the mapping looks for it."""
        names, _, reached = self._located(tuple(values))
        place = self.mapping.places.get(name) or names.get(name, "")
        if place in reached:
            return not self._paths[place].leads_somewhere(values)
        if place in values:
            return self._is_of_other_things(name, values[place])
        return name not in names

    def needs_a_scale(self, values: Mapping[str, Any]) -> bool:
        """True where a record's confidence could only be on a scale that was not declared."""
        names, _, reached = self._located(tuple(values))
        column = names.get("confidence", "")
        try:
            value = self._reach(column, values) if column in reached else values.get(column)
        except Rejected:
            return False
        if self.mapping.scale is not None or self._is_blank(value) or isinstance(value, bool):
            return False
        number = read_number(str(value).removesuffix("%"), self.mapping.decimal_comma)
        return number is not None and number.is_finite() and (number > 1 or str(value).endswith("%"))

    def _reach(self, place: str, values: Mapping[str, Any]) -> Any:
        found = self._paths[place].find(values)
        return spelled(found) if self.is_text and found is not None else found

    def _locate(self, columns: tuple[str, ...]) -> _Located:
        heads = {place: path.head(columns) for place, path in self._paths.items() if place not in columns}
        reached = frozenset(place for place, head in heads.items() if head)
        by_fold: dict[str, list[str]] = {}
        places = (*columns, *reached)
        for column in places:
            by_fold.setdefault(column.casefold(), []).append(column)
        names = {}
        for name in COLUMNS:
            # Among the names of scores one may happen to be ours.
            wanted = self.mapping.columns.get(name, "" if self.mapping.pivot_by else name)
            found = [column for column in places if column == wanted] or by_fold.get(wanted.casefold(), [])
            if len(found) > 1:
                raise InvalidInput(f"The first line names a column twice: {name}.")
            if found:
                names[name] = found[0]
        used = [*names.values(), *self.mapping.places.values(), *(head for head in heads.values() if head)]
        return _Located(names, frozenset(used), reached)

    def _is_of_other_things(self, name: str, value: object) -> bool:
        """True for an object under a name of ours, which nobody declared: it is no one value."""
        is_declared = name in self.mapping.columns or name == f"/{self.mapping.reply}"
        return isinstance(value, dict) and not is_declared

    def _is_blank(self, value: object) -> bool:
        if isinstance(value, str):
            return not value.strip() or value in self._missing
        # What pandas and Parquet have for a missing number.
        return value is None or (isinstance(value, float) and math.isnan(value) and "NaN" in self._missing)

    def _value(self, name: str, value: Any) -> Any:
        if name == "confidence":
            return self._confidence(value)
        if name in TIME_COLUMNS:
            return read_time(value, self.mapping.times)
        if name in _IDS and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, Decimal):
            value = float(value)
        if not isinstance(value, str):
            return value
        if self.is_text and name in (*_TRUTH_COLUMNS, "success"):
            return WHOLE.sub(r"\1", value)
        if self.is_text and name in _NUMBERS and self.mapping.decimal_comma:
            return value.replace(",", ".")
        return value

    def _confidence(self, value: Any) -> Any:
        if isinstance(value, str) and value.casefold() in self._words:
            number: float = self._words[value.casefold()]
            return str(number) if self.is_text else number
        if self._words and isinstance(value, str) and read_number(value, self.mapping.decimal_comma) is None:
            raise Rejected("confidence is a word without a number; --words gives it one")
        if not isinstance(value, str):
            return _scaled(Decimal(repr(value)), self.mapping.scale) if _isread_number(value) else value
        if not self.is_text and self.mapping.scale in (None, 1):
            return value
        text = value.removesuffix("%") if self.mapping.scale == 100 else value
        decimal = read_number(text, self.mapping.decimal_comma)
        if decimal is None or not decimal.is_finite():
            return value
        scaled = _scaled(decimal, self.mapping.scale)
        return str(scaled) if self.is_text else scaled

    def _classified(self, values: Mapping[str, Any]) -> dict[str, Any]:
        probabilities = {
            name: read_number(str(values.get(column, "")), self.mapping.decimal_comma)
            for name, column in self.mapping.probabilities.items()
        }
        known = {name: float(number) for name, number in probabilities.items() if number is not None}
        if len(known) != len(probabilities) or not all(0 <= number <= 1 for number in known.values()):
            raise Rejected("the probability of a class is no number from 0 to 1")
        if abs(math.fsum(known.values()) - 1) > SUM_TOLERANCE:
            raise Rejected("the probabilities of the classes miss 1 by more than .05")
        top = max(known.values())
        predicted = str(values.get(self.mapping.predicted or "", "")) or max(known, key=lambda name: known[name])
        if known.get(predicted) != top:
            raise Rejected("the predicted class is not the most probable one")
        actual = values.get(str(self.mapping.actual))
        success = {} if self._is_blank(actual) else {"success": self._truth(str(actual) == predicted)}
        kind = self.mapping.constants.get("confidence_kind", ConfidenceKind.CLASSIFIER.value)
        return {"confidence": str(top) if self.is_text else top, **success, "confidence_kind": kind}

    def _answered(self, values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        value = values.get(str(self.mapping.reply))
        if self._is_blank(value) or self.mapping.dialect is None:
            raise Rejected("the reply is blank")
        read = read_reply(
            value,
            self.mapping.dialect,
            policy_key=known.get("policy_key"),
            model=known.get("model"),
            declared=self.declared,
        )
        return {name: str(each) for name, each in read.items()} if self.is_text else read

    def _truth(self, value: bool) -> Any:
        return str(value) if self.is_text else value


def _isread_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()


def _scaled(number: Decimal, scale: int | None) -> float:
    try:
        return float(number / scale) if scale else float(number)
    except ArithmeticError:
        # Too large for a number, and so for a confidence.
        return math.inf


def what_is_nowhere(sought: Mapping[str, str]) -> str:
    """Return why a file is refused in which no record has anything at these places, and what to do."""
    said = [f"at {place}" if name.startswith("/") else f"for {name} at {place}" for name, place in sought.items()]
    options = [f"--{name.replace('_', '-')}" for name in sought if name in CONSTANTS]
    hint = f", or say for the whole file: {', '.join(options)}" if options else ""
    return f"No record has anything {', '.join(said)}. Name the place that holds it (--column confidence=…){hint}."


def _what_is_missing(missing: list[str], columns: list[str]) -> str:
    answers = [name for name in missing if name in CONSTANTS]
    hint = f"Name the column that holds it (--column {missing[0]}=…)"
    hint += f", or say what holds for the whole file (--{answers[0].replace('_', '-')} …)." if answers else "."
    if "success" in missing:
        hint += " For labels in other forms see --success-when, --labels and --probability."
    if len(columns) == 1:
        found = next((mark for mark in (";", "\t", "|") if mark in columns[0]), None)
        if found:
            mark = {"\t": "tab", ";": "';'", "|": "'|'"}[found]
            return f"The columns are separated by {mark}: say --separator {mark}; missing: {', '.join(missing)}."
    return f"The first line names the columns, with commas between; missing: {', '.join(missing)}. {hint}"
