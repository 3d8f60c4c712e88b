"""The admin of governance. Rows are read-only; what changes them are buttons that call the services."""

from governance.admin import (
    accounts,
    controls,
    names,
    people,
    policies,
    policy_keys,
    proposals,
    retention,
    rollouts,
    sampling,
    tokens,
    webhooks,
    workspaces,
)

__all__ = [
    "accounts",
    "controls",
    "names",
    "people",
    "policies",
    "policy_keys",
    "proposals",
    "retention",
    "rollouts",
    "sampling",
    "tokens",
    "webhooks",
    "workspaces",
]
