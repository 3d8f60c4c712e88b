"""Writes of retention periods and legal holds, and what they say of a workspace."""

from __future__ import annotations

from django.db import transaction

from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Person, Verb, require
from governance.controls.services import end_control, start_control
from governance.models import LegalHold, RetentionPeriod, Workspace
from governance.models.retention import LONGEST_RETENTION


def set_retention(*, actor: Person, workspace: Workspace, days: int, reason: str) -> RetentionPeriod:
    """Let decisions of the workspace be pruned once they are `days` old, in place of the period before.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the days are none from 1 to 36,500, or the reason is empty.
    """
    require(Verb.OPERATE, actor, workspace)
    if not 1 <= days <= LONGEST_RETENTION:
        raise InvalidInput(f"The retention period is a number of days from 1 to {LONGEST_RETENTION}.")
    with transaction.atomic():
        workspace.lock()
        before = RetentionPeriod.objects.all()
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(RetentionPeriod(days=days), actor, workspace, reason)


def end_retention(*, actor: Person, workspace: Workspace, reason: str) -> RetentionPeriod:
    """Keep decisions for good again. Raises as `set_retention`; `Conflict` when no period is in force."""
    ended: RetentionPeriod = end_control(RetentionPeriod.objects.all(), actor, workspace, reason)
    return ended


def place_legal_hold(*, actor: Person, workspace: Workspace, reason: str) -> LegalHold:
    """Stop every prune and every erasure in the workspace: one that is under way stops at its next batch.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the reason is empty.
    Conflict
        A hold is in force already.
    """
    with transaction.atomic():
        # A batch that is being removed at this moment is whole before the hold, or refused by it.
        workspace.lock()
        return start_control(LegalHold(), actor, workspace, reason)


def lift_legal_hold(*, actor: Person, workspace: Workspace, reason: str) -> LegalHold:
    """Let decisions be removed again. Raises as `place_legal_hold`; `Conflict` when no hold is in force."""
    lifted: LegalHold = end_control(LegalHold.objects.all(), actor, workspace, reason)
    return lifted


def retention_of(workspace: Workspace) -> RetentionPeriod | None:
    """Return the period in force; None: the workspace keeps decisions for good."""
    period: RetentionPeriod | None = RetentionPeriod.objects.in_workspace(workspace).in_force().first()
    return period


def hold_on(workspace: Workspace) -> LegalHold | None:
    """Return the legal hold in force; None: there is none."""
    hold: LegalHold | None = LegalHold.objects.in_workspace(workspace).in_force().first()
    return hold
