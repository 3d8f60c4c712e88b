"""What a proposed config would change: field by field, in every segment where it makes a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confidence_project.foundation.errors import InvalidInput
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.policies.config import PolicyConfig, parse_config

Match = tuple[tuple[str, str], ...]

MAX_SEGMENTS = 1_000
"""More combinations of overrides than this nobody reviews."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field in one segment. `current` None: the stored config cannot be read any more."""

    segment: Match
    field: FieldDefinition
    current: float | None
    proposed: float

    @property
    def is_change(self) -> bool:
        return self.current != self.proposed

    @property
    def is_looser(self) -> bool:
        """True when more is allowed, or more cut short, than before; or when that is not known."""
        if self.current is None:
            return True
        moved = self.proposed - self.current
        is_bound_from_above = self.field.kind in (FieldKind.RISK_THRESHOLD, FieldKind.CONFIDENCE_CEILING)
        return moved > 0 if is_bound_from_above else moved < 0

    @property
    def is_large(self) -> bool:
        """True when the step exceeds the definition's `max_step`, or when its size is not known."""
        if self.current is None:
            return True
        # Half a unit of the last stored decimal: 0.9 - 0.7 is not larger than 0.2.
        return abs(self.proposed - self.current) > self.field.max_step + 5e-5


def changes_between(definition: PolicyDefinition, before: object, after: PolicyConfig) -> list[Change]:
    """Return every field outside of segments, and each further (segment, field) whose value differs.

    Parameters
    ----------
    before
        The JSON form of the config in force; it may have become invalid since it was stored.

    Raises
    ------
    InvalidInput
        The overrides overlap in more than `MAX_SEGMENTS` ways.
    """
    current = _readable(definition, before)
    everywhere = [_change(definition, field, (), current, after) for field in definition.fields]
    in_segments = [
        _change(definition, field, segment, current, after)
        for segment in _segments(current, after)
        for field in definition.fields
    ]
    return everywhere + [change for change in in_segments if change.is_change]


def _readable(definition: PolicyDefinition, raw: object) -> PolicyConfig | None:
    try:
        return parse_config(definition, raw)
    except InvalidInput:
        return None


def _change(
    definition: PolicyDefinition,
    field: FieldDefinition,
    segment: Match,
    before: PolicyConfig | None,
    after: PolicyConfig,
) -> Change:
    where = dict(segment)
    current = before.value(definition, field.name, where) if before else None
    return Change(segment, field, current, after.value(definition, field.name, where))


def _segments(*configs: PolicyConfig | None) -> list[Match]:
    """Every segment that overrides single out, alone and where they overlap."""
    matches = sorted({override.match for config in configs if config for override in config.overrides})
    found: set[Match] = {()}
    for match in matches:
        found |= {merged for other in found if (merged := _overlap(other, match)) is not None}
        if len(found) > MAX_SEGMENTS:
            raise InvalidInput("The overrides overlap in too many ways to be reviewed. Use fewer.")
    return sorted(found - {()})


def _overlap(one: Match, other: Match) -> Match | None:
    merged: dict[str, Any] = dict(one)
    for key, value in other:
        if merged.setdefault(key, value) != value:
            return None
    return tuple(sorted(merged.items()))
