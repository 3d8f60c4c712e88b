"""The metadata allowlist: statistics about a call may stay, text may not.

A schema is a mapping of names to what is kept under them:

- `"boolean"`
- `"count"`: a whole number from 0 to 1,000,000,000
- `"fraction"`: a number from 0 to 1, kept to 4 decimals
- `"number"`: a number within ±1,000,000,000, kept to 4 decimals
- `"name"`: a name that this installation knows: a policy key, a prompt key, one of `CONFIDENCE_METADATA_NAMES`
- a list of strings: one of these and nothing else
- another mapping: an object, by the same rules

null is kept everywhere. There is no rule for a string of the caller's own: whatever form it had to have (lower case, no
white space, so long), `ms_smith_has_measles` would have it too. The walk follows the schema and never the data, so its
cost and the size and depth of the result are bounded by the schema, whatever was sent. A host adds entries of its own
with the setting `CONFIDENCE_METADATA_SCHEMA`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings

from governance.definitions import DEFINITIONS
from telemetry.prompts import all_prompts

Schema = Mapping[str, Any]

LONGEST_STRING = 200
LARGEST_NUMBER = 1_000_000_000
DEEPEST_SCHEMA = 6
LARGEST_SCHEMA = 200

_SECTION: Schema = {"tokens": "count", "budget": "count", "truncated": "boolean"}

STANDARD_SCHEMA: Schema = {
    "leadContextBundle": {
        "profile": "name",
        "tokenBudget": "count",
        "totalTokens": "count",
        "truncated": "boolean",
        "sections": {"knowledge": _SECTION, "memory": _SECTION, "history": _SECTION, "lead": _SECTION},
    },
    "followupParse": {
        "confidence": "fraction",
        "proposedTimesCount": "count",
        "needsTimezoneClarification": "boolean",
        "matchedAvailability": "boolean",
    },
    "bookingGate": {
        "decision": ["approve", "needs_clarification", "deny"],
        "confidence": "fraction",
        "issuesCount": "count",
    },
}

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_KNOWN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_MISSING = object()


class Removal(StrEnum):
    """Why an entry was removed."""

    UNKNOWN_KEY = "unknown_key"
    WRONG_TYPE = "wrong_type"
    TEXT = "text"
    TOO_LONG = "too_long"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class SanitizedMetadata:
    """What is left of metadata (`clean`, None when nothing is), and how many entries went, by reason."""

    clean: dict[str, Any] | None
    removed: Mapping[str, int]


class _Removed(Exception):
    """This entry goes; the rest stays."""

    def __init__(self, reason: Removal) -> None:
        self.reason = reason


def sanitize_metadata(raw: object) -> SanitizedMetadata:
    """Return the part of `raw` that the schema declares, as new objects; `raw` itself is left alone.

    Doing it twice changes nothing more. The result is always JSON: finite numbers, booleans, nulls, known names.
    """
    removed: Counter[str] = Counter()
    schema = {**settings.CONFIDENCE_METADATA_SCHEMA, **STANDARD_SCHEMA}
    clean: dict[str, Any] = {}
    if isinstance(raw, Mapping):
        clean = _clean_object(raw, schema, removed)
    elif raw is not None:
        removed[Removal.WRONG_TYPE.value] += 1
    return SanitizedMetadata(clean or None, dict(removed))


def _clean_object(raw: Mapping[Any, Any], schema: Schema, removed: Counter[str]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    known = 0
    for name, rule in schema.items():
        value = raw.get(name, _MISSING)
        if value is _MISSING:
            continue
        known += 1
        try:
            kept = _clean_value(value, rule, removed)
        except _Removed as removal:
            removed[removal.reason.value] += 1
            continue
        if kept != {}:
            clean[name] = kept
    if len(raw) > known:
        removed[Removal.UNKNOWN_KEY.value] += len(raw) - known
    return clean


def _clean_value(value: object, rule: object, removed: Counter[str]) -> Any:
    if value is None:
        return None
    if isinstance(rule, Mapping):
        if not isinstance(value, Mapping):
            raise _Removed(_reason_of_misfit(value))
        return _clean_object(value, rule, removed)
    if isinstance(rule, str):
        return _KINDS[rule](value)
    if isinstance(value, str) and isinstance(rule, list | tuple) and value in rule:
        return str.__str__(value)
    raise _Removed(_reason_of_misfit(value))


def _reason_of_misfit(value: object) -> Removal:
    if not isinstance(value, str):
        return Removal.WRONG_TYPE
    return Removal.TOO_LONG if len(value) > LONGEST_STRING else Removal.TEXT


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _Removed(_reason_of_misfit(value))


def _number(value: object, least: float = -LARGEST_NUMBER, most: float = LARGEST_NUMBER) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Removed(_reason_of_misfit(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise _Removed(Removal.NOT_FINITE)
    if not least <= value <= most:
        raise _Removed(Removal.OUT_OF_RANGE)
    # Adding zero turns -0.0, which jsonb does not keep, into 0.0.
    return int(value) if isinstance(value, int) else round(float(value), 4) + 0.0


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Removed(_reason_of_misfit(value))
    return int(_number(value, least=0))


def _name(value: object) -> str:
    if isinstance(value, str) and is_known_name(str.__str__(value)):
        return str.__str__(value)
    raise _Removed(_reason_of_misfit(value))


def is_known_name(name: str) -> bool:
    """True for a policy key, a prompt key, and one of `CONFIDENCE_METADATA_NAMES`."""
    return (
        name in settings.CONFIDENCE_METADATA_NAMES
        or name in DEFINITIONS.things
        or any(name == prompt.key for prompt in all_prompts())
    )


_KINDS: Mapping[str, Callable[[object], Any]] = {
    "boolean": _boolean,
    "count": _count,
    "fraction": lambda value: _number(value, least=0, most=1),
    "number": _number,
    "name": _name,
}


def names_problems(names: Iterable[str]) -> list[str]:
    """Return what is wrong with a host's names (the setting); empty when they can be used."""
    sound = all(_KNOWN_NAME.fullmatch(name) for name in names)
    return [] if sound else ["a name has 1 to 64 letters, digits, dots, dashes, colons, slashes and underscores"]


def schema_problems(schema: object) -> list[str]:
    """Return what is wrong with a host's schema (the setting), each with the place; empty when it can be used."""
    if not isinstance(schema, Mapping):
        return ["the schema must be an object of names and rules"]
    problems = [f"{name} is a standard entry and cannot be changed" for name in STANDARD_SCHEMA if name in schema]
    rules = 0
    pending: list[tuple[str, int, object]] = [("", 0, schema)]
    while pending:
        place, depth, rule = pending.pop()
        rules += 1
        if isinstance(rule, Mapping) and depth < DEEPEST_SCHEMA:
            problems += [f"{place}: a key is not a name" for key in rule if not _is_key(key)]
            pending += [(f"{place}.{key}".lstrip("."), depth + 1, below) for key, below in rule.items()]
        elif not _is_rule(rule):
            kinds = ", ".join(_KINDS)
            problems.append(
                f"{place}: use one of {kinds}, a list of names, or an object (at most {DEEPEST_SCHEMA} deep)"
            )
    if rules > LARGEST_SCHEMA:
        problems.append(f"the schema holds more than {LARGEST_SCHEMA} rules")
    return problems


def _is_key(key: object) -> bool:
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def _is_rule(rule: object) -> bool:
    if isinstance(rule, str):
        return rule in _KINDS
    if isinstance(rule, list | tuple):
        return bool(rule) and all(isinstance(value, str) and _KEY.fullmatch(value) for value in rule)
    return False
