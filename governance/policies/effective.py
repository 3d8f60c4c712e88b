"""A policy as the gate reads it, with what is tried out beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from confidence_project.foundation.errors import Unavailable
from governance.definitions import PolicyDefinition
from governance.policies.config import PolicyConfig
from governance.rollouts.active import ActiveRollout


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

    def value(self, field: str, **segment: str) -> float:
        """Return the value of `field` for a segment; raise `UnknownField` for a field that is not defined."""
        return self.config.value(self.definition, field, segment)

    def values(self, **segment: str) -> Mapping[str, float]:
        """Return every field's value for a segment."""
        return {field.name: self.value(field.name, **segment) for field in self.definition.fields}
