"""Whether a decision was right: by the words, equal columns, numbers and labels of people that a mapping declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ledger.imports.mapping import COMPARISONS, Condition, ImportMapping
from ledger.imports.numbers import read_number
from ledger.imports.paths import spelled
from ledger.imports.rows import Label
from ledger.imports.source import Rejected

WHOLE = re.compile(r"([01])\.0*")
"""How a truth value is written where it was a number."""

_YES, _NO = {"1", "true", "t", "yes", "y", "on"}, {"0", "false", "f", "no", "n", "off"}
_UNDECLARED = "success is a word that no option declares; see --success-when, --failure-when and --missing"


class Judging:
    """What a mapping declares of success, in use; `is_blank` says where nothing is known."""

    def __init__(self, mapping: ImportMapping, is_blank: Callable[[object], bool]) -> None:
        self._mapping = mapping
        self._is_blank = is_blank

    def labels(self, values: Mapping[str, Any]) -> list[Label]:
        """Return what each person said of a decision."""
        given = {column: values.get(column) for column in self._mapping.labels}
        return [
            Label(reporter=column, success=_yes_or_no(column, value))
            for column, value in given.items()
            if not self._is_blank(value)
        ]

    def success(self, values: Mapping[str, Any], own_column: str | None, stated: Any) -> bool | None:
        """Return whether the decision was right, None where nobody knows.

        Parameters
        ----------
        own_column, stated
            The column of the file that is taken for `success`, and what stands there.
        """
        is_success = any(self._holds(values, each) for each in self._mapping.success_when)
        is_failure = any(self._holds(values, each) for each in self._mapping.failure_when)
        if is_success and is_failure:
            raise Rejected("success and failure are both declared for what the row holds")
        if is_success or is_failure:
            return is_success
        if compared := [each for each in self._mapping.success_when if self._leaves_failure(each)]:
            places = [place for each in compared for place in _compared_in(each)]
            return None if any(self._is_blank(values.get(place)) for place in places) else False
        conditions = (*self._mapping.success_when, *self._mapping.failure_when)
        rest = [values.get(column) for column, _ in conditions if column != own_column]
        if any(not self._is_blank(value) for value in rest):
            raise Rejected(_UNDECLARED)
        return None if stated is None else _yes_or_no("success", stated)

    def _leaves_failure(self, condition: Condition) -> bool:
        """True where what is known and is no success is a failure, as nothing else is declared to be one."""
        _, wanted = condition
        return wanted.startswith("@") or (wanted.startswith(COMPARISONS) and not self._mapping.failure_when)

    def _holds(self, values: Mapping[str, Any], condition: Condition) -> bool:
        column, wanted = condition
        value = values.get(column)
        if self._is_blank(value):
            return False
        if wanted.startswith(COMPARISONS):
            return self._reaches(value, wanted)
        if wanted.startswith("@"):
            other = values.get(wanted[1:])
            return not self._is_blank(other) and str(value) == str(other)
        return wanted in (str(value), spelled(value))

    def _reaches(self, value: Any, wanted: str) -> bool:
        number = None if isinstance(value, bool) else read_number(str(value), self._mapping.decimal_comma)
        if number is None or not number.is_finite():
            raise Rejected("what is compared with a number is none; --missing names words for nothing")
        limit = Decimal(wanted[2:])
        return number >= limit if wanted.startswith(">") else number <= limit


def _compared_in(condition: Condition) -> tuple[str, ...]:
    column, wanted = condition
    return (column, wanted[1:]) if wanted.startswith("@") else (column,)


def _yes_or_no(column: str, value: Any) -> bool:
    text = WHOLE.sub(r"\1", str(value).strip().casefold())
    if text in _YES | _NO:
        return text in _YES
    raise Rejected(_UNDECLARED if column == "success" else "a label is neither yes nor no; see --missing")
