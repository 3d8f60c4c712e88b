"""The narrow run-time read path: what governs a policy key now, and which number is in force.

One statement each (`governing`). A stored config that is not valid any more raises `PolicyUnavailable`: no value
outside its bounds reaches the gate.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.policies.context import GateContext
from governance.policies.effective import EffectivePolicy, PolicyUnavailable
from governance.policies.governing import read_context

ALLOWS_NOTHING: Mapping[FieldKind, float] = {
    FieldKind.CONFIDENCE_THRESHOLD: 2.0,  # no confidence is above 1
    FieldKind.CONFIDENCE_CEILING: -1.0,  # and none below 0
    FieldKind.RISK_THRESHOLD: 0.0,  # every risk is at or above 0
    FieldKind.BUDGET: 0.0,
}
"""What a client is told instead of the value while every decision is blocked."""


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
