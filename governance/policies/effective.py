"""A policy as the gate reads it, with what is tried out beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from confidence_project.foundation.errors import InvalidInput, Unavailable
from governance.definitions import PolicyDefinition
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.read_path import POLICY, ROLLOUT, Row
from governance.rollouts.active import ActiveRollout

_MOST = 256
"""Segments whose values a policy keeps: every decision asks, and most ask for the same few."""


class PolicyUnavailable(Unavailable):
    """The stored policy cannot be used: its config does not meet its definition."""

    code = "policy_unavailable"
    title = "The policy cannot be used"

    def __init__(self, policy_key: str, version: int) -> None:
        super().__init__(f"The stored policy {policy_key} (version {version}) is not valid.")


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """A policy as the gate reads it. `version` 0 with `source` "default" means that no policy row exists.

    `rollout` is the rollout that is active for it; a candidate carries the version that is in force beside it.
    """

    definition: PolicyDefinition
    config: PolicyConfig
    version: int
    source: str
    rollout: ActiveRollout[EffectivePolicy] | None = None
    _known: dict[tuple[tuple[str, str], ...], Mapping[str, float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def value(self, field: str, **segment: str) -> float:
        """Return the value of `field` for a segment; raise `UnknownField` for a field that is not defined."""
        return self.config.value(self.definition, field, segment)

    def values(self, **segment: str) -> Mapping[str, float]:
        """Return every field's value for a segment; nobody changes what is returned."""
        key = tuple(segment.items())
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST:
                # Hosts name segments, and may name ever new ones.
                self._known.clear()
            values = {each.name: self.value(each.name, **segment) for each in self.definition.fields}
            known = self._known[key] = MappingProxyType(values)
        return known


def policy_of(definition: PolicyDefinition, rows: Iterable[Row]) -> tuple[EffectivePolicy | None, int]:
    """Return the policy that rows about its policy key make up, and the version of the stored one.

    None instead of a policy: the stored one cannot be used. A candidate that cannot be used is None in its rollout.
    """
    heads = {row.kind: row for row in rows if row.kind in (POLICY, ROLLOUT)}
    stored, active = heads.get(POLICY), heads.get(ROLLOUT)
    version = int(stored.name) if stored else 0
    config = _parse(definition, stored.value) if stored else PolicyConfig({})
    if config is None:
        return None, version
    rollout = None
    if active is not None:
        tried = _parse(definition, active.value)
        candidate = EffectivePolicy(definition, tried, version, source="db") if tried else None
        rollout = ActiveRollout(int(active.name), Decimal(active.share), candidate)
    return EffectivePolicy(definition, config, version, "db" if stored else "default", rollout), version


def _parse(definition: PolicyDefinition, config: str) -> PolicyConfig | None:
    try:
        return parse_config(definition, json.loads(config))
    except (InvalidInput, ValueError, RecursionError):
        return None
