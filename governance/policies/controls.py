"""What stands over a policy at this moment: switches, toggles, blocked sources, audit sampling. Read at every call."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from confidence_project.foundation.errors import NotFound
from governance.models import BlockedSource
from governance.policies.read_path import AUDIT_SAMPLING, BLOCKED, KILL_SWITCH, ON, WORKSPACE, Row

logger = logging.getLogger(__name__)

AUTO_BOOKING = "followup.auto_book"
"""The policy key that the workspace's toggle `auto_book_meetings` stands over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The controls over one policy key of one workspace. The defaults block: fail closed.

    `auto_booking_disabled` only ever holds for the policy key that books meetings. `audit_rate` None: no audit
    sampling.
    """

    kill_switch: bool = True
    automation_enabled: bool = False
    auto_booking_disabled: bool = False
    blocked_providers: frozenset[str] = frozenset()
    blocked_models: frozenset[str] = frozenset()
    audit_rate: Decimal | None = None

    def block_of_everything(self) -> str | None:
        """Return the reason code for which every decision is blocked, None when some may be allowed."""
        if self.kill_switch:
            return "kill_switch"
        return None if self.automation_enabled else "automation_disabled"

    def block_of(self, segment: Mapping[str, str]) -> str | None:
        """Return the reason code for which decisions of a segment are blocked, whatever their confidence."""
        if self.auto_booking_disabled:
            return "auto_booking_disabled"
        if segment.get("provider") in self.blocked_providers:
            return "provider_blocked"
        return "model_blocked" if segment.get("model") in self.blocked_models else None


def controls_over(policy_key: str, rows: Iterable[Row]) -> Controls:
    """Return the controls over one policy key. A row that cannot be read counts as a kill switch: fail closed.

    Raises
    ------
    NotFound
        The workspace is gone.
    """
    covering = [row for row in rows if row.policy_key in ("", policy_key)]
    workspace = next((row for row in covering if row.kind == WORKSPACE), None)
    if workspace is None:
        raise NotFound("The workspace does not exist any more.")
    try:
        return _controls(policy_key, workspace, covering)
    except (KeyError, ArithmeticError):
        logger.error("A control over %s cannot be read: everything under it is blocked.", policy_key)
        return Controls()


def _controls(policy_key: str, workspace: Row, rows: list[Row]) -> Controls:
    blocked: dict[str, set[str]] = {kind: set() for kind in BlockedSource.Kind.values}
    for row in rows:
        if row.kind == BLOCKED:
            blocked[row.name].add(row.value)
    rates = [Decimal(row.value) for row in rows if row.kind == AUDIT_SAMPLING]
    return Controls(
        kill_switch=settings.CONFIDENCE_KILL_SWITCH or any(row.kind == KILL_SWITCH for row in rows),
        automation_enabled=workspace.name == ON,
        auto_booking_disabled=policy_key == AUTO_BOOKING and workspace.value != ON,
        blocked_providers=frozenset(blocked[BlockedSource.Kind.PROVIDER]),
        blocked_models=frozenset(blocked[BlockedSource.Kind.MODEL]),
        audit_rate=rates[0] if rates else None,
    )
