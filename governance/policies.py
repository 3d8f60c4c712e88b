"""The narrow run-time read path: what does the policy say now?

One indexed query each, no cache. A stored config that is not valid any more raises `PolicyUnavailable` instead of
letting a value outside its bounds reach the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confidence_project.errors import InvalidInput, Unavailable
from governance.config import PolicyConfig, parse_config
from governance.definitions import PolicyDefinition, get_definition
from governance.models import ConfidencePolicy, Workspace


class PolicyUnavailable(Unavailable):
    """The stored policy cannot be used: its config does not meet its definition."""

    code = "policy_unavailable"
    title = "The policy cannot be used"
    source = "db"

    def __init__(self, policy_key: str, version: int) -> None:
        super().__init__(f"The stored policy {policy_key} (version {version}) is not valid.")
        self.version = version


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
        .order_by("pk")  # one row at most: the default order would join the workspace
        .first()
    )
    return _effective(definition, row)


def get_confidence_policies(
    workspace: Workspace, policy_keys: Iterable[str]
) -> dict[str, EffectivePolicy | PolicyUnavailable]:
    """Return the policy in force for each key, as `get_confidence_policy` does: one indexed query for all of them.

    An error stands for a policy that cannot be used; an unknown key raises `UnknownPolicyKey`.
    """
    definitions = {policy_key: get_definition(policy_key) for policy_key in policy_keys}
    stored = ConfidencePolicy.objects.in_workspace(workspace).filter(policy_key__in=definitions).order_by()
    rows = {key: (config, version) for key, config, version in stored.values_list("policy_key", "config", "version")}
    policies: dict[str, EffectivePolicy | PolicyUnavailable] = {}
    for policy_key, definition in definitions.items():
        try:
            policies[policy_key] = _effective(definition, rows.get(policy_key))
        except PolicyUnavailable as error:
            policies[policy_key] = error
    return policies


def _effective(definition: PolicyDefinition, row: tuple[object, int] | None) -> EffectivePolicy:
    if row is None:
        return EffectivePolicy(definition, PolicyConfig({}), version=0, source="default")
    config, version = row
    try:
        return EffectivePolicy(definition, parse_config(definition, config), version, source="db")
    except InvalidInput as error:
        raise PolicyUnavailable(definition.key, version) from error


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
