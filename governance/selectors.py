"""Reads of governance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from confidence_project.foundation.errors import NotFound
from governance.access.permissions import Person, Verb, require
from governance.models import (
    BreakGlassReview,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    Rollout,
    Workspace,
)

LATELY = timedelta(days=14)
"""For so long the first page says that a proposal was superseded."""


def get_workspace(*, actor: Person, slug: str) -> Workspace:
    """Return a workspace that `actor` may see; raise `NotFound` for any other."""
    workspace = Workspace.objects.visible_to(actor).filter(slug=slug).first()
    if workspace is None:
        raise NotFound("There is no such workspace among yours.")
    return workspace


def workspace_by_slug(slug: str) -> Workspace:
    """Return a workspace for a command, whose caller holds the whole database; raise `NotFound` if there is none."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise NotFound("There is no workspace of this slug.")
    return workspace


def proposal_by_id(proposal_id: int) -> ConfidencePolicyProposal:
    """Return a proposal for a command, whose caller holds the whole database; raise `NotFound` if there is none."""
    proposal = ConfidencePolicyProposal.objects.select_related("workspace").filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("There is no such proposal. `manage.py list_proposals` shows what there is.")
    return proposal


def revision_by_id(revision_id: int) -> ConfidencePolicyRevision:
    """Return a revision for a command, whose caller holds the whole database; raise `NotFound` if there is none."""
    revision = ConfidencePolicyRevision.objects.select_related("workspace").filter(pk=revision_id).first()
    if revision is None:
        raise NotFound("There is no such revision. `manage.py list_revisions` shows what there is.")
    return revision


def person_by_name(username: str) -> Person:
    """Return the account for whom a command acts; raise `NotFound` if there is none."""
    person = get_user_model().objects.filter(username=username).first()
    if person is None:
        raise NotFound("There is no account of this name.")
    return person


def list_confidence_policy_proposals(
    *, actor: Person, workspace: Workspace, status: str | None = None, policy_key: str | None = None
) -> QuerySet[ConfidencePolicyProposal]:
    """Return the proposals of a workspace, the newest first; raise `NotFound` when it is not one of `actor`'s."""
    require(Verb.SEE, actor, workspace)
    proposals = ConfidencePolicyProposal.objects.in_workspace(workspace)
    if status is not None:
        proposals = proposals.with_status(status)
    return proposals if policy_key is None else proposals.filter(policy_key=policy_key)


def superseded_lately(person: Person, workspace_ids: Sequence[int]) -> QuerySet[ConfidencePolicyProposal]:
    """Return what `person` wrote or approved, and what a proposal of others has taken the place of lately."""
    since = timezone.now() - LATELY
    is_theirs = Q(author_id=person.pk) | Q(approver_id=person.pk)
    is_new = Q(superseded_by__created_at__gte=since) | Q(superseded_by__applied_at__gte=since)
    proposals = ConfidencePolicyProposal.objects.filter(is_theirs, is_new, workspace__in=workspace_ids)
    return proposals.exclude(superseded_by__author_id=person.pk).defer("evidence")


def get_proposal(*, actor: Person, workspace: Workspace, proposal_id: int) -> ConfidencePolicyProposal:
    """Return a proposal of the workspace; raise `NotFound` for any other, or when the workspace is not `actor`'s."""
    proposals = list_confidence_policy_proposals(actor=actor, workspace=workspace).select_related("workspace")
    proposal = proposals.filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("There is no such proposal in this workspace.")
    return proposal


def open_reviews(person: Person) -> QuerySet[BreakGlassReview]:
    """Return the break-glass reviews that nobody has closed yet, of the workspaces that `person` sees: one query."""
    reviews: QuerySet[BreakGlassReview] = BreakGlassReview.objects.visible_to(person).in_force()
    return reviews.select_related("workspace")


def latest_rollout(proposal: ConfidencePolicyProposal) -> Rollout | None:
    """Return the rollout of a proposal that is active, or else its last one; None when it never had one."""
    return Rollout.objects.filter(proposal=proposal).order_by("-pk").first()


def list_confidence_policy_revisions(
    *, actor: Person, workspace: Workspace, policy_key: str | None = None
) -> QuerySet[ConfidencePolicyRevision]:
    """Return the history of one policy or all, the newest first; raise `NotFound` for a workspace not `actor`'s."""
    require(Verb.SEE, actor, workspace)
    revisions = ConfidencePolicyRevision.objects.in_workspace(workspace)
    return revisions if policy_key is None else revisions.filter(policy_key=policy_key)
