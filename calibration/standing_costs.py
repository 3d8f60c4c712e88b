"""Costs that a workspace keeps for a policy key: runs that are told none take them, recurring ones from cron too."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from calibration.models import StandingCosts
from calibration.parameters import stated_costs
from calibration.statistics.costs import Costs
from confidence_project.errors import InvalidInput, WrongState
from governance.definitions import get_definition
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH
from governance.permissions import Person, Verb, require
from governance.texts import clean_text
from governance.workflow.transitions import lock


def standing_costs(workspace: Workspace) -> dict[str, Costs]:
    """Return the costs that the workspace keeps now, by policy key: one query."""
    rows = StandingCosts.objects.in_workspace(workspace).in_force()
    return {row.policy_key: row.costs for row in rows}


def set_standing_costs(
    *,
    actor: Person,
    workspace: Workspace,
    policy_key: str,
    false_allow: float | None,
    false_block: float | None,
    review: float | None,
    reason: str,
) -> StandingCosts:
    """Keep costs for `policy_key`, in place of those before; runs that begin to read later use them.

    Parameters
    ----------
    false_allow, false_block, review
        In one unit, see `Costs`.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; the policy has no confidence
        threshold, a cost is missing, negative or too large, all of them are 0, or the reason is empty.
    """
    require(Verb.OPERATE, actor, workspace)
    if not get_definition(policy_key).gates_decisions:
        raise InvalidInput("This policy has no confidence threshold that costs could be weighed for.")
    costs = stated_costs(false_allow, false_block, review)
    if costs is None:
        raise InvalidInput("State all three costs: of a false allow, of a false block and of a review.")
    kept = StandingCosts(
        workspace=workspace,
        policy_key=policy_key,
        false_allow=costs.false_allow,
        false_block=costs.false_block,
        review=costs.review,
        reason=clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True),
        started_by_id=actor.pk,
        started_by_name=actor.get_username(),
    )
    with transaction.atomic():
        # Whoever comes second replaces what the first has set, and both stay on record.
        lock(workspace)
        kept.started_at = timezone.now()
        before = StandingCosts.objects.in_workspace(workspace).in_force().filter(policy_key=policy_key)
        before.update(**_ended(actor, kept.reason))
        kept.save(force_insert=True)
    return kept


def end_standing_costs(*, actor: Person, costs: StandingCosts, reason: str) -> StandingCosts:
    """Keep these costs no longer; runs that are told none show no cheapest threshold for the policy then.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        As `set_standing_costs`.
    Conflict
        They are not in force any more: ended or replaced meanwhile.
    """
    require(Verb.OPERATE, actor, costs.workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    with transaction.atomic():
        # Conditional: whoever ends it second has ended nothing.
        if StandingCosts.objects.filter(pk=costs.pk).in_force().update(**_ended(actor, reason)) != 1:
            raise WrongState("These costs are not in force (any more).")
        costs.refresh_from_db()
    return costs


def _ended(actor: Person, reason: str) -> dict[str, Any]:
    return {
        "ended_at": timezone.now(),
        "ended_by_id": actor.pk,
        "ended_by_name": actor.get_username(),
        "end_reason": reason,
    }
