"""Reads of the ledger, one workspace at a time."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from governance.models import Workspace
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord


def decisions_of(workspace: Workspace) -> QuerySet[DecisionRecord]:
    """Return the workspace's decisions, newest first."""
    rows: QuerySet[DecisionRecord] = DecisionRecord.objects.in_workspace(workspace).order_by("-decision_id")
    return rows


def decisions_with_outcomes(workspace: Workspace) -> QuerySet[DecisionRecord]:
    """Return the workspace's decisions, each with its outcomes in the order in which they arrived."""
    return decisions_of(workspace).prefetch_related(
        Prefetch("outcomes", queryset=DecisionOutcome.objects.order_by("sequence"))
    )


def decision_ids_named(workspace: Workspace, external_id: str) -> QuerySet[DecisionExternalId, UUID]:
    """Return the ids of the decisions under a host's id: one or none, from the index."""
    return DecisionExternalId.objects.filter(workspace=workspace, external_id=external_id).values_list(
        "decision_id", flat=True
    )


def outcomes_of(workspace: Workspace) -> QuerySet[DecisionOutcome]:
    """Return the workspace's outcomes, newest first."""
    rows: QuerySet[DecisionOutcome] = DecisionOutcome.objects.in_workspace(workspace).order_by("-pk")
    return rows
