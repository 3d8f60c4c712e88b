"""A policy as it is stored, valid or not: what proposals, reviews and forms start from."""

from __future__ import annotations

from typing import Any

from governance.definitions import get_definition
from governance.models import ConfidencePolicy, Workspace
from governance.policies.config import default_config


def stored_policy(workspace: Workspace, policy_key: str) -> tuple[int, dict[str, Any]]:
    """Return version and config of a policy; version 0 and the defaults when none was ever applied.

    Not the run-time read path: a policy that has become invalid must still be mendable by a proposal.

    Raises
    ------
    UnknownPolicyKey
        There is none, and no definition to take the defaults from.
    """
    policy = ConfidencePolicy.objects.in_workspace(workspace).filter(policy_key=policy_key).first()
    return (policy.version, policy.config) if policy else (0, default_config(get_definition(policy_key)))
