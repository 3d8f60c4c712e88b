"""Giving decisions that wait for a label to one person, or to a team that works elsewhere, for some days."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, NotFound, WrongState
from governance.access.permissions import Person, Verb, may, require
from governance.definitions import get_definition
from governance.models import Workspace
from ledger.labelling.requests import catch_up, still_wanted
from ledger.models import DecisionRecord, LabelAssignment, LabelClaim, LabelRequest, Purpose
from ledger.selectors import waiting_for_review

LONGEST_DAYS = 365

_LOTTERY = random.SystemRandom()


def free_of(workspace: Workspace, policy_key: str = "", *, twice: bool = False) -> QuerySet[DecisionRecord]:
    """Return what was drawn, waits for a label and is nobody's; `twice`: and what waits for a second look."""
    catch_up(workspace, fully=True)
    purposes = [Purpose.LABEL, Purpose.CHECK, *([Purpose.SECOND] if twice else [])]
    requests = LabelRequest.objects.in_workspace(workspace).filter(purpose__in=purposes)
    free = still_wanted(unassigned(requests).values("decision_id"))
    return free.filter(policy_key=policy_key) if policy_key else free


def unassigned(requests: QuerySet[LabelRequest]) -> QuerySet[LabelRequest]:
    """Leave out what is somebody's for now, and what lies before somebody."""
    now = timezone.now()
    assigned = LabelAssignment.objects.filter(decision_id=OuterRef("decision_id"), until__gt=now)
    held = LabelClaim.objects.filter(decision_id=OuterRef("decision_id"), until__gt=now)
    return requests.exclude(Exists(assigned)).exclude(Exists(held))


def assign_labels(
    *,
    actor: Person,
    workspace: Workspace,
    person: User,
    days: int,
    share: Decimal = Decimal(1),
    policy_key: str = "",
    decision: DecisionRecord | None = None,
) -> list[LabelAssignment]:
    """Give a person a decision, or a random share of what waits and is nobody's, for some days.

    Parameters
    ----------
    days
        From 1 to `LONGEST_DAYS`; what is not answered by then is anybody's again.
    share
        From 0 (none) to 1 (all): each decision that waits is theirs with this probability.
    policy_key
        Of which policy; blank: of every policy.
    decision
        This one, in place of a share. Whoever had it has it no more.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace or the decision is not the actor's; the actor may not; the key is not known; the person may not
        label there, or a value is not possible.
    WrongState
        The decision waits for no label.
    """
    require(Verb.OPERATE, actor, workspace)
    if not may(Verb.LABEL, person, workspace):
        raise InvalidInput("person: may not label in this workspace; give them the role of a reviewer first.")
    if not 0 <= share <= 1:
        raise InvalidInput("share: a number from 0 to 1.")
    if policy_key:
        get_definition(policy_key)
    with transaction.atomic():
        workspace.lock()
        if decision is None:
            free = free_of(workspace, policy_key).order_by("pk")
            chosen = [each for each in free if _LOTTERY.random() < share]
        else:
            chosen = [_one_that_waits(workspace, decision)]
        return give(chosen, workspace=workspace, person=person, days=days, given_by=actor.get_username())


def _one_that_waits(workspace: Workspace, decision: DecisionRecord) -> DecisionRecord:
    if decision.workspace_id != workspace.pk:
        raise NotFound("There is no decision of this id.")
    if not waiting_for_review(DecisionRecord.objects.filter(pk=decision.pk)).exists():
        raise WrongState("The decision waits for no label: it was not drawn for review, or somebody has answered.")
    LabelAssignment.objects.filter(decision=decision).delete()
    LabelClaim.objects.filter(decision=decision).delete()
    return decision


def check_days(days: int) -> None:
    """Raise `InvalidInput` for a number of days that nothing is given for."""
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"days: a whole number from 1 to {LONGEST_DAYS}.")


def give(
    decisions: Sequence[DecisionRecord], *, workspace: Workspace, person: User | None, days: int, given_by: str
) -> list[LabelAssignment]:
    """Give decisions to a person, or to a team elsewhere (None), within the caller's transaction; it holds the lock."""
    check_days(days)
    now = timezone.now()
    LabelAssignment.objects.in_workspace(workspace).filter(until__lte=now).delete()
    return LabelAssignment.objects.bulk_create(
        LabelAssignment(
            workspace=workspace,
            decision=decision,
            person=person,
            until=now + timedelta(days=days),
            given_by_name=given_by,
            given_at=now,
        )
        for decision in decisions
    )


def take_back(*, actor: Person, assignment: LabelAssignment) -> None:
    """Make a decision anybody's again; what was answered stays. Raises `NotFound`, `PermissionRefused`."""
    require(Verb.OPERATE, actor, assignment.workspace)
    assignment.delete()
