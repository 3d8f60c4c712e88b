"""Places inside nested values: `scores[name=correctness].value` names one value of a record, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import from_json, to_json

from ledger.imports.source import Rejected

EVERY = "*"
_STEP = re.compile(r"\[(?P<key>[^\[\]=]+)=(?P<value>[^\[\]]*)\]|\.?(?P<name>[^.\[\]]+)")
_INDEX = re.compile(r"-?\d{1,6}")


@dataclass(frozen=True, slots=True)
class _Where:
    """Keeps the items of a list that hold a value under a key."""

    key: str
    value: str

    def holds(self, item: object) -> bool:
        return isinstance(item, dict) and self.key in item and spelled(item[self.key]) == self.value


class Path:
    """A place inside the values of a record, as `--column` and the others take it.

    Steps are keys, with dots between: `trace.info.tags`; a key that has dots itself is found, too. A number picks from
    a list, the last with -1; `[key=value]` keeps the items that hold the value; `*` goes through whatever a list
    or an object holds. A key that meets a list goes on in each of its items, and text on the way is read as JSON.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = tuple(
            _Where(found["key"], found["value"]) if found["key"] else found["name"] for found in _STEP.finditer(text)
        )

    @staticmethod
    def is_one(text: str) -> bool:
        """True where a name could be a path, if no column is called so."""
        return ("." in text or "[" in text) and "".join(found[0] for found in _STEP.finditer(text)) == text

    def head(self, columns: Iterable[str]) -> str | None:
        """Return the column in which the path begins."""
        names = self._names(self._steps)
        known = {*columns}
        return next((name for name in reversed(names) if name in known), None)

    def leads_somewhere(self, values: Mapping[str, Any]) -> bool:
        """True where the place exists, whatever stands there."""
        return any(True for _ in self._below(values, self._steps))

    def lists(self, document: Any) -> list[Any] | None:
        """Return the items of every list that stands at the place, None where something else or nothing does."""
        ends = [*self._below(document, self._steps)]
        if not ends or not all(isinstance(end, list) for end in ends):
            return None
        return [item for end in ends for item in end]

    def find(self, values: Mapping[str, Any]) -> Any:
        """Return what stands at the place, None for nothing.

        Raises
        ------
        Rejected
            Different values stand there, so that nobody can tell which is meant.
        """
        found: list[Any] = []
        for end in self._below(values, self._steps):
            for value in end if isinstance(end, list) else [end]:
                plain = _unquoted(value)
                if plain is not None and plain not in found:
                    found.append(plain)
        if len(found) > 1:
            raise Rejected(
                "different values stand where the mapping looks for one; pick one, as in […].-1 or [key=value]"
            )
        return found[0] if found else None

    def _below(self, value: Any, steps: Sequence[_Where | str]) -> Iterator[Any]:
        if not steps:
            yield value
            return
        step, rest = steps[0], steps[1:]
        if isinstance(value, str):
            value = _document(value)
        if isinstance(value, list):
            if isinstance(step, _Where):
                yield from self._below([item for item in value if step.holds(item)], rest)
            elif _INDEX.fullmatch(step):
                yield from self._below(value[int(step)] if -len(value) <= int(step) < len(value) else None, rest)
            else:
                for item in value:
                    yield from self._below(item, rest if step == EVERY else steps)
        elif isinstance(value, dict):
            if step == EVERY:
                yield from self._below([*value.values()], rest)
                return
            names = self._names(steps)
            length = next((n for n in range(len(names), 0, -1) if names[n - 1] in value), 0)
            if length:
                yield from self._below(value[names[length - 1]], steps[length:])

    @staticmethod
    def _names(steps: Sequence[_Where | str]) -> list[str]:
        """Return the first key, the first two as one, and so on, as long as keys follow each other."""
        names: list[str] = []
        for step in steps:
            if isinstance(step, _Where):
                break
            names.append(f"{names[-1]}.{step}" if names else step)
        return names


def spelled(value: object) -> str:
    """Return a value in the way JSON spells it, text as it is."""
    return value if isinstance(value, str) else to_json(value, fallback=str).decode()


@lru_cache(maxsize=4)
def _document(text: str) -> Any:
    # A whole trace may stand in one text, into which every column's path leads.
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return from_json(text)
    except ValueError:
        return None


def _unquoted(value: Any) -> Any:
    """Text that is a JSON text once more, as attributes of spans are, loses its quotes."""
    if not isinstance(value, str) or len(value) < 2 or not (value[0] == value[-1] == '"'):
        return value
    try:
        return from_json(value)
    except ValueError:
        return value
