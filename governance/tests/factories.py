"""Factories of governance, and proposals on their way through the real workflow."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from functools import cache
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from governance.models import (
    ApiKey,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    Membership,
    Rollout,
    Workspace,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    open_proposal,
    set_canary_share,
    start_rollout,
)

PASSWORD = "a-password-for-tests"
KEY = "confidence_gate"
FIELD = "confidence_threshold"


@cache
def _hashed_password() -> str:
    return make_password(PASSWORD)


class UserFactory(DjangoModelFactory):
    """An account that may sign in to the admin; a member of nothing."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda number: f"person{number}")
    is_staff = True
    password = factory.LazyFunction(_hashed_password)


class SuperuserFactory(UserFactory):
    is_superuser = True


class WorkspaceFactory(DjangoModelFactory):
    class Meta:
        model = Workspace

    slug = factory.Sequence(lambda number: f"workspace-{number}")
    name = factory.LazyAttribute(lambda workspace: workspace.slug.title())


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)
    role = Membership.Role.VIEWER


class ApiKeyFactory(DjangoModelFactory):
    """A key with every scope; `plain` on the instance is its plain text."""

    class Meta:
        model = ApiKey

    workspace = factory.SubFactory(WorkspaceFactory)
    name = "a machine"
    scopes = factory.LazyFunction(lambda: list(ApiKey.Scope.values))
    expiry_date = None

    @classmethod
    def _create(cls, model_class: type[ApiKey], *args: Any, **fields: Any) -> ApiKey:
        key, plain = model_class.objects.create_key(**fields)
        key.plain = plain
        return key


def admin_of(workspace: Workspace) -> Any:
    """A staff account with an admin membership."""
    return MembershipFactory(workspace=workspace, role=Membership.Role.ADMIN).user


def viewer_of(workspace: Workspace) -> Any:
    """A staff account with a viewer membership."""
    return MembershipFactory(workspace=workspace).user


def reviewer_of(workspace: Workspace) -> Any:
    """A staff account with a reviewer membership."""
    return MembershipFactory(workspace=workspace, role=Membership.Role.REVIEWER).user


def config_of(value: float, **match: str) -> dict[str, Any]:
    """The JSON config of `confidence_gate` with one value, or with one override."""
    if match:
        return {"values": {}, "overrides": [{"match": match, "values": {FIELD: value}}]}
    return {"values": {FIELD: value}, "overrides": []}


def pending(workspace: Workspace, value: float = 0.8, **fields: Any) -> ConfidencePolicyProposal:
    """A proposal as a calibration run opens it."""
    defaults = {
        "policy_key": KEY,
        "origin": ConfidencePolicyProposal.Origin.CALIBRATION,
        "title": "Lower the threshold",
        "summary": "The evidence allows it.",
        "config": config_of(value),
        "evidence": {"n": 1000, "failures": 3},
    }
    return open_proposal(workspace=workspace, **{**defaults, **fields})


def approved(workspace: Workspace, value: float = 0.8, **fields: Any) -> ConfidencePolicyProposal:
    """A proposal that an admin has approved."""
    proposal = pending(workspace, value, **fields)
    return approve_confidence_policy_proposal(
        actor=admin_of(workspace),
        workspace=workspace,
        proposal_id=proposal.pk,
        acknowledge_large_step=True,
        acknowledge_uncertified=True,
    )


def applied(workspace: Workspace, value: float = 0.8, **fields: Any) -> ConfidencePolicyRevision:
    """The revision of a proposal that went all the way."""
    proposal = approved(workspace, value, **fields)
    return apply_confidence_policy_proposal(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk, acknowledge_uncertified=True
    )


def in_shadow(workspace: Workspace, value: float = 0.8, **fields: Any) -> Rollout:
    """The rollout of an approved proposal that was set to shadow."""
    proposal = approved(workspace, value, **fields)
    return start_rollout(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)


def in_canary(workspace: Workspace, value: float = 0.8, share: str = "0.5", **fields: Any) -> Rollout:
    """The rollout of a proposal that decides for a share of the cases."""
    rollout = in_shadow(workspace, value, **fields)
    return set_canary_share(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=rollout.proposal_id, share=Decimal(share)
    )


def case_in(rollout: Rollout, *, inside: bool) -> str:
    """The first case that is in the canary, or is not: by the documented formula, not by the code under test."""
    share = float(rollout.share) * 2**64

    def position(case: str) -> int:
        return int(hashlib.sha256(f"{rollout.pk}:{case}".encode()).hexdigest()[:16], 16)

    return next(case for case in map("case-{}".format, range(1000)) if (position(case) < share) is inside)
