"""Costs that a workspace keeps for a policy key: runs that are told none take them, recurring ones from cron too."""

from __future__ import annotations

from django.db import transaction

from calibration.models import StandingCosts
from calibration.parameters import stated_costs
from calibration.statistics.costs import Costs
from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Person, Verb, require
from governance.controls.services import end_control, start_control
from governance.definitions import get_definition
from governance.models import Workspace


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
        policy_key=policy_key, false_allow=costs.false_allow, false_block=costs.false_block, review=costs.review
    )
    with transaction.atomic():
        # Whoever comes second replaces what the first has set, and both stay on record.
        workspace.lock()
        before = StandingCosts.objects.filter(policy_key=policy_key)
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(kept, actor, workspace, reason)


def end_standing_costs(*, actor: Person, costs: StandingCosts, reason: str) -> StandingCosts:
    """Keep these costs no longer; runs that are told none show no cheapest threshold for the policy then.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        As `set_standing_costs`.
    Conflict
        They are not in force any more: ended or replaced meanwhile.
    """
    ended: StandingCosts = end_control(StandingCosts.objects.filter(pk=costs.pk), actor, costs.workspace, reason)
    return ended
