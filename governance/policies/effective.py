"""The narrow run-time read path: what rules over a policy key now, and what would the one on trial say?

One statement each. Controls and the version in force are read at every call; configs may be kept for a while where the
host has asked for it (`policy_cache`). A stored config that is not valid any more raises `PolicyUnavailable` instead of
letting a value outside its bounds reach the gate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from confidence_project.foundation.errors import InvalidInput, Unavailable
from governance.definitions import FieldKind, PolicyDefinition, get_definition
from governance.models import Workspace
from governance.policies.cache import CONFIGS, cache_seconds
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.controls import Controls, controls_over
from governance.policies.read_path import POLICY, ROLLOUT, Row, read_rows
from governance.rollouts.trials import Trial

ALLOWS_NOTHING: Mapping[FieldKind, float] = {
    FieldKind.CONFIDENCE_THRESHOLD: 2.0,  # no confidence is above 1
    FieldKind.RISK_THRESHOLD: 0.0,  # every risk is at or above 0
    FieldKind.BUDGET: 0.0,
}
"""What a client is told instead of the value while every decision is blocked."""


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
    """A policy as the gate reads it. `version` 0 with `source` "default" means that no policy row exists.

    `trial` is the rollout that is active for it; a candidate carries the version that is in force beside it.
    """

    definition: PolicyDefinition
    config: PolicyConfig
    version: int
    source: str
    trial: Trial[EffectivePolicy] | None = None

    def ruling(self, case_key: str) -> EffectivePolicy:
        """Return what rules over a case: this policy, or the candidate where the case is in its canary.

        Raises
        ------
        PolicyUnavailable
            The candidate rules, and its config does not meet the definition any more.
        """
        if self.trial is None or not self.trial.decides(case_key):
            return self
        if self.trial.candidate is None:
            raise PolicyUnavailable(self.definition.key, self.version)
        return self.trial.candidate

    def value(self, field: str, **segment: str) -> float:
        """Return the value of `field` for a segment; raise `UnknownField` for a field that is not defined."""
        return self.config.value(self.definition, field, segment)

    def values(self, **segment: str) -> Mapping[str, float]:
        """Return every field's value for a segment."""
        return {field.name: self.value(field.name, **segment) for field in self.definition.fields}


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands over the decisions of one policy key at this moment: its controls, and its policy or why not."""

    controls: Controls
    policy: EffectivePolicy | PolicyUnavailable

    def ruling(self, case_key: str) -> Standing:
        """Return what stands over a case: in a canary, the candidate instead of the policy."""
        try:
            policy = self.policy if isinstance(self.policy, PolicyUnavailable) else self.policy.ruling(case_key)
        except PolicyUnavailable as error:
            return Standing(self.controls, error)
        return Standing(self.controls, policy)

    def block_of(self, segment: Mapping[str, str]) -> str | None:
        """Return the code of what blocks whatever the confidence, in the order of the gate; None: nothing does."""
        unavailable = "policy_unavailable" if isinstance(self.policy, PolicyUnavailable) else None
        return self.controls.block_of_everything() or unavailable or self.controls.block_of(segment)


def read_standing(workspace: Workspace, policy_key: str) -> Standing:
    """Return what stands over one policy key now; see `read_standings`."""
    return read_standings(workspace, [policy_key])[policy_key]


def read_standings(workspace: Workspace, policy_keys: Iterable[str]) -> dict[str, Standing]:
    """Return what stands over each policy key now: one indexed statement for all of them.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under one of the keys.
    NotFound
        The workspace is gone.
    """
    definitions = {policy_key: get_definition(policy_key) for policy_key in policy_keys}
    if not definitions:
        return {}
    rows, configs = _read(workspace, definitions)
    heads = {(row.kind, row.policy_key): row for row in rows}
    return {
        policy_key: Standing(
            controls_over(policy_key, rows),
            _policy(definition, heads.get((POLICY, policy_key)), heads.get((ROLLOUT, policy_key)), configs),
        )
        for policy_key, definition in definitions.items()
    }


def get_confidence_policy(workspace: Workspace, policy_key: str) -> EffectivePolicy:
    """Return the policy in force for `policy_key`, or its defaults when none was ever applied.

    It says nothing of the controls: whoever acts on it asks `read_standing`, `resolve_threshold` or the gate.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under the key.
    PolicyUnavailable
        The stored config does not meet the definition (say, a bound was tightened since).
    """
    policy = read_standing(workspace, policy_key).policy
    if isinstance(policy, PolicyUnavailable):
        raise policy
    return policy


def resolve_threshold(
    workspace: Workspace, policy_key: str, field: str, *, case_key: str = "", **segment: str
) -> float:
    """Return the number in force for `field`, for the segment given (`provider=…, model=…, confidence_kind=…`).

    The most specific override that matches wins, then the policy's value, then the definition's default. During a
    canary, the candidate's number rules over the cases in it. Where a control blocks whatever the confidence, such as a
    kill switch, the number is one that allows nothing: 2.0 for a confidence, 0.0 for a risk or a budget.

    Parameters
    ----------
    case_key
        Conversation, ticket or lead; blank: the case takes no part in a canary.

    Raises
    ------
    UnknownPolicyKey, UnknownField, PolicyUnavailable
        See `get_confidence_policy`; an unknown field is refused before the database is asked.
    """
    kind = get_definition(policy_key).field(field).kind
    standing = read_standing(workspace, policy_key).ruling(case_key)
    if isinstance(standing.policy, PolicyUnavailable):
        raise standing.policy
    return ALLOWS_NOTHING[kind] if standing.block_of(segment) else standing.policy.value(field, **segment)


_Configs = Mapping[Row, PolicyConfig | None]
"""The config of each policy and rollout, by its head; None: it cannot be used."""


def _read(workspace: Workspace, definitions: Mapping[str, PolicyDefinition]) -> tuple[list[Row], _Configs]:
    if cache_seconds():
        rows = read_rows(workspace.pk, definitions, with_configs=False)
        kept = {_head(row): CONFIGS.get((workspace.pk, _head(row))) for row in rows if row.kind in (POLICY, ROLLOUT)}
        if None not in kept.values():
            return rows, kept
    read_at = time.monotonic()
    rows = read_rows(workspace.pk, definitions, with_configs=True)
    configs = {_head(row): _parse(definitions[row.policy_key], row) for row in rows if row.kind in (POLICY, ROLLOUT)}
    if cache_seconds():
        for head, config in configs.items():
            if config is not None:
                CONFIGS.put((workspace.pk, head), config, read_at=read_at)
    return rows, configs


def _head(row: Row) -> Row:
    # The share is no part of the config: it is raised while the candidate stays the same.
    return row._replace(value="", share="")


def _parse(definition: PolicyDefinition, row: Row) -> PolicyConfig | None:
    try:
        return parse_config(definition, json.loads(row.value))
    except (InvalidInput, ValueError, RecursionError):
        return None


def _policy(
    definition: PolicyDefinition, stored: Row | None, on_trial: Row | None, configs: _Configs
) -> EffectivePolicy | PolicyUnavailable:
    version = int(stored.name) if stored else 0
    config = configs[_head(stored)] if stored else parse_config(definition, {})
    if config is None:
        return PolicyUnavailable(definition.key, version)
    trial = None
    if on_trial is not None:
        tried = configs[_head(on_trial)]
        candidate = EffectivePolicy(definition, tried, version, source="db") if tried else None
        trial = Trial(int(on_trial.name), Decimal(on_trial.share), candidate)
    return EffectivePolicy(definition, config, version, "db" if stored else "default", trial)
