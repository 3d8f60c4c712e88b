"""Writes of the controls that stand over every decision: who put them in force, when and why, and who ended them."""

from __future__ import annotations

from typing import TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, InvalidInput, NotFound, PermissionRefused, WrongState
from governance.access.permissions import Person, Verb, may_close_review, require, require_superuser, who_may
from governance.definitions import get_definition
from governance.models import AuditSampling, BlockedSource, BreakGlassReview, KillSwitch, Workspace
from governance.models.controls import REASON_LENGTH, Control, ControlQuerySet
from governance.rollouts.steps import stop_rollouts
from governance.sampling_rates import SamplingRates
from governance.texts import clean_text
from governance.webhooks.outbox import announce_control

SomeControl = TypeVar("SomeControl", bound=Control)


def engage_kill_switch(*, actor: Person, workspace: Workspace, reason: str, policy_key: str = "") -> KillSwitch:
    """Block every decision of the workspace, or of one policy key, from the next call on; stop the rollouts there.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; the reason is empty.
    Conflict
        The switch is engaged already.
    """
    require(Verb.OPERATE, actor, workspace)
    with transaction.atomic():
        # A rollout that starts at this moment sees the switch, or the switch sees it.
        workspace.lock()
        switch = _start(KillSwitch(policy_key=policy_key), actor, workspace, reason)
        stopped = f"A kill switch was engaged: {switch.reason}"
        stop_rollouts(workspace, policy_key, actor=actor, at=switch.started_at, reason=stopped)
    return switch


def release_kill_switch(*, actor: Person, workspace: Workspace, reason: str, policy_key: str = "") -> KillSwitch:
    """Let decisions through again. Raises as `engage_kill_switch`; `Conflict` when it is not engaged."""
    return _end(KillSwitch.objects.filter(policy_key=policy_key), actor, workspace, reason)


def block_source(
    *, actor: Person, workspace: Workspace, kind: str, value: str, reason: str, policy_key: str = ""
) -> BlockedSource:
    """Block decisions of a provider or a model (`BlockedSource.Kind`), for one policy key or for all.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        As `engage_kill_switch`; the kind or the value is not valid.
    Conflict
        It is blocked already.
    """
    if kind not in BlockedSource.Kind.values:
        raise InvalidInput(f"The kind is one of {', '.join(BlockedSource.Kind.values)}.")
    value = clean_text(value, name="value", max_length=200, required=True)
    return _start(BlockedSource(policy_key=policy_key, kind=kind, value=value), actor, workspace, reason)


def unblock_source(
    *, actor: Person, workspace: Workspace, kind: str, value: str, reason: str, policy_key: str = ""
) -> BlockedSource:
    """End a block. Raises as `block_source`; `Conflict` when there is none in force."""
    blocks = BlockedSource.objects.filter(policy_key=policy_key, kind=kind, value=value)
    return _end(blocks, actor, workspace, reason)


def set_audit_sampling(
    *, actor: Person, workspace: Workspace, policy_key: str, rates: SamplingRates, reason: str
) -> AuditSampling:
    """Send a share of what `policy_key` decides to human review, in place of what was drawn before.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        As `engage_kill_switch`.
    """
    require(Verb.OPERATE, actor, workspace)
    get_definition(policy_key)
    sampling = AuditSampling(policy_key=policy_key, rate=rates.blocked, rules=rates.rules_as_json())
    with transaction.atomic():
        before = AuditSampling.objects.in_force().filter(policy_key=policy_key)
        if before.in_workspace(workspace).exists():
            _end(before, actor, workspace, reason)
        return _start(sampling, actor, workspace, reason)


def stop_audit_sampling(*, actor: Person, workspace: Workspace, policy_key: str, reason: str) -> AuditSampling:
    """End the audit sampling of a policy key; raise `Conflict` when there is none."""
    return _end(AuditSampling.objects.filter(policy_key=policy_key), actor, workspace, reason)


def close_break_glass_review(*, actor: Person, review_id: int, note: str) -> BreakGlassReview:
    """Close the review of an emergency change, with what was found.

    Raises
    ------
    PermissionRefused
        The actor is no superuser, or took a step of the change under review.
    Conflict
        The review is closed already.
    """
    require_superuser(actor, who_may(Verb.CLOSE_REVIEW))
    reviews = BreakGlassReview.objects.filter(pk=review_id)
    review = reviews.select_related("workspace", "revision__proposal", "rollout_event__rollout__proposal").first()
    if review is None:
        raise NotFound("There is no such review.")
    if not may_close_review(actor, review):
        raise PermissionRefused(who_may(Verb.CLOSE_REVIEW))
    return _end(reviews, actor, review.workspace, note)


def _start(control: SomeControl, actor: Person, workspace: Workspace, reason: str) -> SomeControl:
    with transaction.atomic():
        start_control(control, actor, workspace, reason)
        announce_control(control)
    return control


def _end(rows: ControlQuerySet[SomeControl], actor: Person, workspace: Workspace, reason: str) -> SomeControl:
    with transaction.atomic():
        row = end_control(rows, actor, workspace, reason)
        announce_control(row)
    return row


def start_control(control: SomeControl, actor: Person, workspace: Workspace, reason: str) -> SomeControl:
    """Put a control in force, with who did it, when and why; tell nobody.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; the reason is empty.
    Conflict
        One like it is in force already.
    """
    require(Verb.OPERATE, actor, workspace)
    if control.policy_key:
        get_definition(control.policy_key)
    control.workspace = workspace
    control.reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    control.started_at = timezone.now()
    control.started_by_id = actor.pk
    control.started_by_name = actor.get_username()
    try:
        with transaction.atomic():
            control.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadySo("This is in force already.") from error
    return control


def end_control(rows: ControlQuerySet[SomeControl], actor: Person, workspace: Workspace, reason: str) -> SomeControl:
    """End the control among `rows` that is in force in the workspace; tell nobody. Raises as `start_control`.

    Raises
    ------
    Conflict
        None is in force (any more).
    """
    require(Verb.OPERATE, actor, workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    with transaction.atomic():
        row = rows.in_workspace(workspace).in_force().select_for_update().first()
        ended = {
            "ended_at": timezone.now(),
            "ended_by_id": actor.pk,
            "ended_by_name": actor.get_username(),
            "end_reason": reason,
        }
        # Conditional: whoever ends it second has ended nothing.
        if row is None or rows.model.objects.filter(pk=row.pk).in_force().update(**ended) != 1:
            raise WrongState("This is not in force (any more).")
        row.refresh_from_db()
    return row
