"""The narrow run-time read path: what does the policy say now?

One indexed query each, no cache. A stored config that is not valid any more raises `PolicyUnavailable` instead of
letting a value outside its bounds reach the gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from confidence_project.errors import InvalidInput, Unavailable
from governance.config import PolicyConfig, parse_config
from governance.definitions import PolicyDefinition, get_definition
from governance.models import ConfidencePolicy, Workspace


class PolicyUnavailable(Unavailable):
    """The stored policy cannot be used: its config does not meet its definition."""

    code = "policy_unavailable"
    title = "The policy cannot be used"


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """A policy as the gate reads it. `version` 0 with `source` "default" means that no policy row exists."""

    definition: PolicyDefinition
    config: PolicyConfig
    version: int
    source: str

    def value(self, field: str, **segment: str) -> float:
        """Return the value of `field` for a segment; raise `UnknownField` for a field that is not defined."""
        return self.config.value(self.definition, field, segment)

    def values(self, **segment: str) -> Mapping[str, float]:
        """Return every field's value for a segment."""
        return {field.name: self.value(field.name, **segment) for field in self.definition.fields}


def get_confidence_policy(workspace: Workspace, policy_key: str) -> EffectivePolicy:
    """Return the policy in force for `policy_key`, or its defaults when none was ever applied.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under the key.
    PolicyUnavailable
        The stored config does not meet the definition (say, a bound was tightened since).
    """
    definition = get_definition(policy_key)
    row = (
        ConfidencePolicy.objects.filter(workspace_id=workspace.pk, policy_key=policy_key)
        .values_list("config", "version")
        .first()
    )
    if row is None:
        return EffectivePolicy(definition, PolicyConfig({}), version=0, source="default")
    config, version = row
    try:
        return EffectivePolicy(definition, parse_config(definition, config), version, source="db")
    except InvalidInput as error:
        raise PolicyUnavailable(f"The stored policy {policy_key} (version {version}) is not valid.") from error


def resolve_threshold(workspace: Workspace, policy_key: str, field: str, **segment: str) -> float:
    """Return the number in force for `field`, for the segment given (`provider=…, model=…, confidence_kind=…`).

    The most specific override that matches wins, then the policy's value, then the definition's default.

    Raises
    ------
    UnknownPolicyKey, UnknownField, PolicyUnavailable
        See `get_confidence_policy`; an unknown field is refused before the database is asked.
    """
    get_definition(policy_key).field(field)
    return get_confidence_policy(workspace, policy_key).value(field, **segment)
