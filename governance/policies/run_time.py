"""The narrow run-time read path: what governs a policy key now, and which number is in force.

One statement each. Controls and the version in force are read at every call; configs may be kept for a while where the
host has asked for it (`cache`). A stored config that is not valid any more raises `PolicyUnavailable`: no value outside
its bounds reaches the gate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal

from confidence_project.foundation.errors import InvalidInput
from governance.definitions import FieldKind, PolicyDefinition, get_definition
from governance.models import Workspace
from governance.policies.cache import CONFIGS, cache_seconds
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.context import GateContext, context_of
from governance.policies.effective import EffectivePolicy, PolicyUnavailable
from governance.policies.read_path import POLICY, ROLLOUT, Row, read_rows
from governance.rollouts.active import ActiveRollout

ALLOWS_NOTHING: Mapping[FieldKind, float] = {
    FieldKind.CONFIDENCE_THRESHOLD: 2.0,  # no confidence is above 1
    FieldKind.CONFIDENCE_CEILING: -1.0,  # and none below 0
    FieldKind.RISK_THRESHOLD: 0.0,  # every risk is at or above 0
    FieldKind.BUDGET: 0.0,
}
"""What a client is told instead of the value while every decision is blocked."""


def read_context(workspace: Workspace, policy_key: str) -> GateContext:
    """Return what governs one policy key now; see `read_contexts`."""
    return read_contexts(workspace, [policy_key])[policy_key]


def read_contexts(workspace: Workspace, policy_keys: Iterable[str]) -> dict[str, GateContext]:
    """Return what governs each policy key now: one indexed statement for all of them.

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
    contexts = {}
    for policy_key, definition in definitions.items():
        stored, rollout = heads.get((POLICY, policy_key)), heads.get((ROLLOUT, policy_key))
        version = int(stored.name) if stored else 0
        policy = _policy(definition, version, stored, rollout, configs)
        contexts[policy_key] = context_of(definition, policy, version, rows)
    return contexts


def get_confidence_policy(workspace: Workspace, policy_key: str) -> EffectivePolicy:
    """Return the policy in force for `policy_key`, or its defaults when none was ever applied.

    It says nothing of the controls: whoever acts on it asks `read_context`, `resolve_threshold` or the gate.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under the key.
    PolicyUnavailable
        The stored config does not meet the definition (say, a bound was tightened since).
    """
    return _usable(policy_key, read_context(workspace, policy_key))


def resolve_threshold(
    workspace: Workspace, policy_key: str, field: str, *, case_key: str = "", **segment: str
) -> float:
    """Return the number in force for `field`, for the segment given (`provider=…, model=…, confidence_kind=…`).

    The most specific override that matches wins, then the policy's value, then the definition's default. During a
    canary, the candidate's number rules over the cases in it. Where a control blocks whatever the confidence, such as a
    kill switch, the number is one that allows nothing: 2.0 for a confidence, -1.0 for its
    ceiling, 0.0 for a risk or a budget.

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
    context = read_context(workspace, policy_key).ruling(case_key)
    policy = _usable(policy_key, context)
    blocked = context.block(provider=segment.get("provider", ""), model=segment.get("model", ""))
    return ALLOWS_NOTHING[kind] if blocked else policy.value(field, **segment)


def _usable(policy_key: str, context: GateContext) -> EffectivePolicy:
    if context.policy is None:
        raise PolicyUnavailable(policy_key, context.policy_version)
    return context.policy


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
    definition: PolicyDefinition, version: int, stored: Row | None, active: Row | None, configs: _Configs
) -> EffectivePolicy | None:
    config = configs[_head(stored)] if stored else parse_config(definition, {})
    if config is None:
        return None
    rollout = None
    if active is not None:
        tried = configs[_head(active)]
        candidate = EffectivePolicy(definition, tried, version, source="db") if tried else None
        rollout = ActiveRollout(int(active.name), Decimal(active.share), candidate)
    return EffectivePolicy(definition, config, version, "db" if stored else "default", rollout)
