"""Who may do what, in one place: services decide by it, and admin and API show or hide by it.

Roles are read from the database at every question, so an account that lost its role a moment ago has lost it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet

from confidence_project.foundation.errors import NotFound, PermissionRefused
from governance.models import BreakGlassReview, ConfidencePolicyProposal, Membership, Workspace

Person = AbstractBaseUser | AnonymousUser


class Verb(StrEnum):
    """What a person may want to do in a workspace."""

    SEE = "see"
    LABEL = "label"  # say what should have happened to a decision
    PROPOSE = "propose"
    APPROVE = "approve"
    REJECT = "reject"
    APPLY = "apply"
    ROLL_OUT = "roll out"
    ROLL_BACK = "roll back"
    OPERATE = "operate"  # kill switches, blocked sources, audit sampling, toggles, API keys
    MANAGE_MEMBERS = "manage members"
    CLOSE_REVIEW = "close review"
    DEFINE = "define"  # policy keys, for every workspace


_ADMIN = "A staff member with an admin membership of the workspace, or a superuser"
_NEEDS_MEMBERSHIP = frozenset({Verb.SEE})
_NEEDS_REVIEWER = frozenset({Verb.LABEL})
_NEEDS_ADMIN = frozenset({Verb.PROPOSE, Verb.APPROVE, Verb.REJECT, Verb.OPERATE})

_REVIEWERS = {Membership.Role.REVIEWER, Membership.Role.ADMIN}

_WHO_MAY = {
    Verb.SEE: "A member of the workspace, or a superuser, may see this.",
    Verb.LABEL: "A reviewer or an admin of the workspace who is staff, or a superuser, may say what should have been.",
    Verb.PROPOSE: f"{_ADMIN}, may propose a change.",
    Verb.APPROVE: f"{_ADMIN}, may approve; the author of the proposal may not.",
    Verb.REJECT: f"{_ADMIN}, may reject.",
    Verb.APPLY: "A superuser may apply.",
    Verb.ROLL_OUT: "A superuser may roll out.",
    Verb.ROLL_BACK: "A superuser may roll back.",
    Verb.OPERATE: f"{_ADMIN}, may do this.",
    Verb.MANAGE_MEMBERS: "A superuser may decide who belongs to a workspace.",
    Verb.DEFINE: "A superuser may propose a policy key; another one has to confirm it.",
    Verb.CLOSE_REVIEW: "A superuser who had no part in the break-glass change may close its review.",
}

_OF_ANOTHER_SUPERUSER = {
    Verb.APPLY: "A superuser may apply; whoever approved the proposal may not.",
    Verb.ROLL_OUT: "A superuser may roll out; whoever approved the proposal may not let it decide for cases.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is in a workspace now."""

    is_member: bool
    is_reviewer: bool
    is_admin: bool
    is_superuser: bool

    def holds(self, verb: Verb) -> bool:
        """True when the role allows the verb, four eyes left aside."""
        if verb in _NEEDS_MEMBERSHIP:
            return self.is_member or self.is_superuser
        if verb in _NEEDS_REVIEWER:
            return self.is_reviewer or self.is_superuser
        if verb in _NEEDS_ADMIN:
            return self.is_admin or self.is_superuser
        return self.is_superuser


NOBODY = Standing(is_member=False, is_reviewer=False, is_admin=False, is_superuser=False)


def standing(person: Person, workspace: Workspace) -> Standing:
    """Return what `person` is in `workspace`; an inactive, deleted or anonymous account is nobody."""
    account = _active_account(person)
    if account is None:
        return NOBODY
    role = Membership.objects.in_workspace(workspace).filter(user_id=account.pk).values_list("role", flat=True).first()
    return Standing(
        is_member=role is not None,
        is_reviewer=role in _REVIEWERS and account.is_staff,
        is_admin=role == Membership.Role.ADMIN and account.is_staff,
        is_superuser=account.is_superuser,
    )


def is_active(person: Person) -> bool:
    """True for an account that exists and is active."""
    return _active_account(person) is not None


def is_superuser(person: Person) -> bool:
    """True for an active superuser."""
    account = _active_account(person)
    return account is not None and account.is_superuser


def workspaces_where(verb: Verb, person: Person) -> QuerySet[Workspace]:
    """Return the workspaces in which the role of `person` allows the verb."""
    account = _active_account(person)
    if account is None:
        return Workspace.objects.none()
    if account.is_superuser or verb in _NEEDS_MEMBERSHIP:
        return Workspace.objects.visible_to(account)
    if verb not in _NEEDS_ADMIN | _NEEDS_REVIEWER or not account.is_staff:
        return Workspace.objects.none()
    roles = _REVIEWERS if verb in _NEEDS_REVIEWER else {Membership.Role.ADMIN}
    held = Membership.objects.filter(user_id=account.pk, role__in=roles)
    return Workspace.objects.filter(pk__in=held.values("workspace_id"))


def _active_account(person: Person) -> User | None:
    if person.pk is None:
        return None
    return get_user_model().objects.filter(pk=person.pk, is_active=True).first()


def who_may(verb: Verb) -> str:
    """Explain in a sentence who may do this."""
    if verb in _OF_ANOTHER_SUPERUSER and settings.CONFIDENCE_APPLIER_IS_NOT_APPROVER:
        return _OF_ANOTHER_SUPERUSER[verb]
    return _WHO_MAY[verb]


def may(verb: Verb, person: Person, workspace: Workspace, proposal: ConfidencePolicyProposal | None = None) -> bool:
    """True when `person` may do this in `workspace`, to `proposal` where one is given."""
    return standing(person, workspace).holds(verb) and (
        proposal is None or not is_same_person_twice(verb, person, proposal)
    )


def is_same_person_twice(verb: Verb, person: Person, proposal: ConfidencePolicyProposal) -> bool:
    """True when four eyes forbid the verb: the same person took the step before it."""
    if verb is Verb.APPROVE:
        return proposal.author_id == person.pk
    if verb in _OF_ANOTHER_SUPERUSER and settings.CONFIDENCE_APPLIER_IS_NOT_APPROVER:
        return proposal.approver_id == person.pk
    return False


def require(
    verb: Verb,
    person: Person,
    workspace: Workspace,
    proposal: ConfidencePolicyProposal | None = None,
    *,
    break_glass: bool = False,
) -> None:
    """Let pass who may, refuse the rest. `break_glass` lifts four eyes, for superusers alone.

    Raises
    ------
    NotFound
        The workspace is not one that the person may know of.
    PermissionRefused
        The person sees the workspace but may not do this; the message says who may.
    """
    role = standing(person, workspace)
    if not role.holds(Verb.SEE):
        raise NotFound("There is no such thing in a workspace of yours.")
    if break_glass and not role.is_superuser:
        raise PermissionRefused("Only a superuser may break the glass.")
    if not role.holds(verb):
        raise PermissionRefused(who_may(verb))
    if proposal is not None and not break_glass and is_same_person_twice(verb, person, proposal):
        raise PermissionRefused(f"This needs a second person. {who_may(verb)}")


def require_superuser(person: Person, sentence: str) -> None:
    """Let pass an active superuser; refuse the rest with `sentence`, which says who may."""
    if not is_superuser(person):
        raise PermissionRefused(sentence)


def may_close_review(person: Person, review: BreakGlassReview) -> bool:
    """True for a superuser who had no part in the change."""
    return is_superuser(person) and person.pk not in people_of_break_glass(review)


def people_of_break_glass(review: BreakGlassReview) -> set[int | None]:
    """Ids of the accounts that took a step of the reviewed change."""
    change = review.change
    people = {review.started_by_id, change.actor_id}
    if change.proposal is not None:
        people |= {change.proposal.author_id, change.proposal.approver_id}
    return people
