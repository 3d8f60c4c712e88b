"""What stands over a policy at this moment: switches, toggles, blocked sources, audit sampling. Read at every call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from confidence_project.errors import NotFound
from governance.models import AuditSampling, BlockedSource, KillSwitch, Workspace
from governance.models.controls import Control

_KILL_SWITCH = "kill_switch"
_AUDIT_SAMPLING = "audit_sampling"

Row = tuple[str, str, str]
"""A control in force: the policy key that it covers (blank: all), what it is, its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The controls over one policy key of one workspace. `audit_rate` None: no audit sampling."""

    kill_switch: bool
    automation_enabled: bool
    blocked_providers: frozenset[str]
    blocked_models: frozenset[str]
    audit_rate: Decimal | None


def read_controls(workspace: Workspace, policy_key: str) -> Controls:
    """Return the controls in force now over one policy key; see `read_controls_of`."""
    return read_controls_of(workspace, [policy_key])[policy_key]


def read_controls_of(workspace: Workspace, policy_keys: Collection[str]) -> dict[str, Controls]:
    """Return the controls in force now over each policy key, from the database: two indexed queries for all of them.

    Raises
    ------
    NotFound
        The workspace is gone.
    """
    toggles = Workspace.objects.filter(pk=workspace.pk).values_list("automation_enabled", flat=True)
    automation_enabled = toggles.order_by("pk").first()
    if automation_enabled is None:
        raise NotFound("The workspace does not exist any more.")
    rows = list(_rows_in_force(workspace, policy_keys))
    return {policy_key: _controls(policy_key, automation_enabled, rows) for policy_key in policy_keys}


def _rows_in_force(workspace: Workspace, policy_keys: Collection[str]) -> QuerySet[Any, Row]:
    def rows(model: type[Control], kind: Combinable, value: Combinable) -> QuerySet[Any, Row]:
        controls = model.objects.in_workspace(workspace).in_force().covering(*policy_keys)
        return controls.order_by().values_list("policy_key", kind, value)

    return rows(KillSwitch, Value(_KILL_SWITCH), Value("")).union(
        rows(BlockedSource, F("kind"), F("value")),
        rows(AuditSampling, Value(_AUDIT_SAMPLING), Cast("rate", CharField())),
        all=True,
    )


def _controls(policy_key: str, automation_enabled: bool, rows: Iterable[Row]) -> Controls:
    values: dict[str, set[str]] = defaultdict(set)
    for covered, kind, value in rows:
        if covered in ("", policy_key):
            values[kind].add(value)
    return Controls(
        kill_switch=_KILL_SWITCH in values or settings.CONFIDENCE_KILL_SWITCH,
        automation_enabled=automation_enabled,
        blocked_providers=frozenset(values[BlockedSource.Kind.PROVIDER]),
        blocked_models=frozenset(values[BlockedSource.Kind.MODEL]),
        audit_rate=next((Decimal(rate) for rate in values[_AUDIT_SAMPLING]), None),
    )
