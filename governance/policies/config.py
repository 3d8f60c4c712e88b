"""The config of a policy: values, and overrides for the segments to which other values apply.

JSON form: `{"values": {field: number}, "overrides": [{"match": {segment key: value}, "values": {field: number}}]}`.
A field that neither names has the default of its definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.definitions import SEGMENT_KEYS, PolicyDefinition
from governance.vocabulary import LONGEST_NAME, NAME_RULE, NameKind, is_visible


@dataclass(frozen=True, slots=True)
class Override:
    """Values for the decisions of one segment."""

    match: tuple[tuple[str, str], ...]
    values: Mapping[str, float]

    def applies_to(self, segment: Mapping[str, str]) -> bool:
        for key, value in self.match:  # noqa: SIM110 - each decision waits for it, and a generator takes twice as long
            if segment.get(key) != value:
                return False
        return True

    @property
    def precedence(self) -> tuple[int, tuple[int, ...]]:
        """Sort key, the most specific match first."""
        return -len(self.match), tuple(sorted(SEGMENT_KEYS.index(key) for key, _ in self.match))


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """A valid config; the overrides stand in their order of precedence."""

    values: Mapping[str, float]
    overrides: tuple[Override, ...] = ()

    def value(self, definition: PolicyDefinition, field: str, segment: Mapping[str, str]) -> float:
        """Return the value of `field` for a decision of `segment`: most specific override, values, default."""
        default = definition.field(field).default
        override = self.override_of(field, segment)
        return override.values[field] if override else self.values.get(field, default)

    def override_of(self, field: str, segment: Mapping[str, str]) -> Override | None:
        """Return the override that decides `field` for a decision of `segment`, None when none matches."""
        for each in self.overrides:
            if field in each.values and each.applies_to(segment):
                return each
        return None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form, in one canonical order."""
        return {
            "values": dict(sorted(self.values.items())),
            "overrides": [
                {"match": dict(override.match), "values": dict(sorted(override.values.items()))}
                for override in self.overrides
            ],
        }


def default_config(definition: PolicyDefinition) -> dict[str, Any]:
    """Return the JSON form of the definition's defaults: version 0 of every policy."""
    return PolicyConfig(definition.defaults).as_json()


def parse_config(definition: PolicyDefinition, raw: object, *, pointer: str = "") -> PolicyConfig:
    """Read and check the JSON form; raise `InvalidInput` with a pointer to each thing that is wrong.

    `pointer` is the place of the config in the document that it came in.
    """
    problems: list[FieldProblem] = []
    if not isinstance(raw, Mapping) or not set(raw) <= {"values", "overrides"}:
        detail = 'A policy config is an object with "values" and, if need be, "overrides".'
        raise InvalidInput(detail, [FieldProblem(pointer, "type", detail)])
    values = _parse_values(definition, raw.get("values", {}), f"{pointer}/values", problems)
    overrides = _parse_overrides(definition, raw.get("overrides", []), f"{pointer}/overrides", problems)
    if problems:
        raise InvalidInput(f"The config of {definition.key} is not valid: {problems[0].detail}.", problems)
    return PolicyConfig(values, tuple(sorted(overrides, key=lambda override: (override.precedence, override.match))))


def _parse_values(
    definition: PolicyDefinition, raw: object, pointer: str, problems: list[FieldProblem]
) -> dict[str, float]:
    if not isinstance(raw, Mapping):
        problems.append(FieldProblem(pointer, "type", "values must be an object of field names and numbers"))
        return {}
    known = {field.name: field for field in definition.fields}
    values: dict[str, float] = {}
    if not set(raw) <= set(known):
        # Not by their names: what is unknown may be anything.
        detail = f"the fields of this policy are {', '.join(known)}; another was given"
        problems.append(FieldProblem(pointer, "value", detail))
    for name, value in ((name, raw[name]) for name in known if name in raw):
        problem = known[name].problem_with(value)
        if problem:
            problems.append(FieldProblem(f"{pointer}/{name}", "value", f"{name} {problem}"))
        else:
            values[name] = value
    return values


def _parse_overrides(
    definition: PolicyDefinition, raw: object, at: str, problems: list[FieldProblem]
) -> list[Override]:
    if not isinstance(raw, list):
        problems.append(FieldProblem(at, "type", "overrides must be an array"))
        return []
    overrides: list[Override] = []
    matches: set[tuple[tuple[str, str], ...]] = set()
    for index, item in enumerate(raw):
        pointer = f"{at}/{index}"
        if not isinstance(item, Mapping) or set(item) != {"match", "values"} or not item["values"]:
            problems.append(FieldProblem(pointer, "type", 'an override has a "match" and non-empty "values"'))
            continue
        match = _parse_match(item["match"], pointer, problems)
        values = _parse_values(definition, item["values"], f"{pointer}/values", problems)
        if match in matches:
            problems.append(FieldProblem(f"{pointer}/match", "duplicate", "two overrides match the same segment"))
        matches.add(match)
        overrides.append(Override(match, values))
    return overrides


def _parse_match(raw: object, pointer: str, problems: list[FieldProblem]) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, Mapping) or not raw or not set(raw) <= set(SEGMENT_KEYS):
        allowed = ", ".join(SEGMENT_KEYS)
        problems.append(FieldProblem(f"{pointer}/match", "value", f"a match names at least one of {allowed}"))
        return ()
    for key, value in raw.items():
        if not isinstance(value, str) or not (is_visible(value) or _may_be_declared(key, value)):
            problems.append(FieldProblem(f"{pointer}/match/{key}", "name", f"{key} {NAME_RULE}"))
            return ()
    return tuple(sorted(raw.items()))


def _may_be_declared(key: str, value: str) -> bool:
    # What governs is read without asking what is declared: a name that nobody may send matches nothing.
    return key in NameKind and 0 < len(value) <= LONGEST_NAME and value.isprintable()
