"""The narrow run-time read path: what does the policy say now, and what would the one on trial say?

One indexed query each, no cache. A stored config that is not valid any more raises `PolicyUnavailable` instead of
letting a value outside its bounds reach the gate.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from confidence_project.errors import InvalidInput, Unavailable
from governance.config import PolicyConfig, parse_config
from governance.definitions import PolicyDefinition, get_definition
from governance.models import Workspace
from governance.trials import Trial


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


def get_confidence_policy(workspace: Workspace, policy_key: str) -> EffectivePolicy:
    """Return the policy in force for `policy_key`, or its defaults when none was ever applied.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under the key.
    PolicyUnavailable
        The stored config does not meet the definition (say, a bound was tightened since).
    """
    policy = get_confidence_policies(workspace, [policy_key])[policy_key]
    if isinstance(policy, PolicyUnavailable):
        raise policy
    return policy


def get_confidence_policies(
    workspace: Workspace, policy_keys: Iterable[str]
) -> dict[str, EffectivePolicy | PolicyUnavailable]:
    """Return the policy in force for each key, as `get_confidence_policy` does: one indexed query for all of them.

    An error stands for a policy that cannot be used; an unknown key raises `UnknownPolicyKey`.
    """
    definitions = {policy_key: get_definition(policy_key) for policy_key in policy_keys}
    if not definitions:
        return {}
    stored: dict[str, _Row] = {}
    on_trial: dict[str, _Row] = {}
    for row in _read(workspace, definitions):
        (stored if row[2] is not None else on_trial)[row[0]] = row
    policies: dict[str, EffectivePolicy | PolicyUnavailable] = {}
    for policy_key, definition in definitions.items():
        try:
            policies[policy_key] = _effective(definition, stored.get(policy_key), on_trial.get(policy_key))
        except PolicyUnavailable as error:
            policies[policy_key] = error
    return policies


_Row = tuple[str, str, int | None, int | None, Decimal | None]
"""Policy key and config as JSON, then the version of a policy or the id and share of a rollout."""

# One statement, so that a policy and its rollout are seen as of one moment: an apply moves both. Written out, because
# every decision waits for it, and the ORM takes ten times as long to build the same.
_POLICIES = """
SELECT policy_key, config, version, NULL, NULL
  FROM governance_confidencepolicy
 WHERE workspace_id = %s AND policy_key IN ({keys})
UNION ALL
SELECT rollout.policy_key, proposal.config, NULL, rollout.id, rollout.share
  FROM governance_rollout rollout
  JOIN governance_confidencepolicyproposal proposal ON proposal.id = rollout.proposal_id
 WHERE rollout.workspace_id = %s AND rollout.ended_at IS NULL AND rollout.policy_key IN ({keys})
"""


def _read(workspace: Workspace, policy_keys: Collection[str]) -> Iterable[_Row]:
    keys = ", ".join(["%s"] * len(policy_keys))
    chosen: list[Any] = [workspace.pk, *policy_keys]
    with connection.cursor() as cursor:
        cursor.execute(_POLICIES.format(keys=keys), [*chosen, *chosen])
        return list(cursor.fetchall())


def _effective(definition: PolicyDefinition, stored: _Row | None, on_trial: _Row | None) -> EffectivePolicy:
    config, version, source = (json.loads(stored[1]), stored[2] or 0, "db") if stored else ({}, 0, "default")
    try:
        parsed = parse_config(definition, config)
    except InvalidInput as error:
        raise PolicyUnavailable(definition.key, version) from error
    trial = _trial(definition, version, on_trial) if on_trial else None
    return EffectivePolicy(definition, parsed, version, source, trial)


def _trial(definition: PolicyDefinition, version: int, row: _Row) -> Trial[EffectivePolicy]:
    _, config, _, rollout_id, share = row
    try:
        candidate = EffectivePolicy(definition, parse_config(definition, json.loads(config)), version, source="db")
    except InvalidInput:
        candidate = None
    # SQLite keeps a decimal as a float or an integer.
    return Trial(rollout_id or 0, Decimal(str(share)), candidate)


def resolve_threshold(
    workspace: Workspace, policy_key: str, field: str, *, case_key: str = "", **segment: str
) -> float:
    """Return the number in force for `field`, for the segment given (`provider=…, model=…, confidence_kind=…`).

    The most specific override that matches wins, then the policy's value, then the definition's default. During a
    canary, the candidate's number rules over the cases in it.

    Parameters
    ----------
    case_key
        Conversation, ticket or lead; blank: the case takes no part in a canary.

    Raises
    ------
    UnknownPolicyKey, UnknownField, PolicyUnavailable
        See `get_confidence_policy`; an unknown field is refused before the database is asked.
    """
    get_definition(policy_key).field(field)
    return get_confidence_policy(workspace, policy_key).ruling(case_key).value(field, **segment)
