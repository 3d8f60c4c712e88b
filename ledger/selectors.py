"""Reads of the ledger, one workspace at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, OuterRef, Prefetch, QuerySet, Subquery, When

from governance.consequences import Flips
from governance.models import Rollout, Workspace
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


def ruling_success(as_of: datetime) -> Subquery:
    """For querysets of decisions: the success of the outcome that rules, null for an unlabelled decision.

    A person's outcome rules over an automatic one, then the latest observation, then the latest sequence: the order
    of the view `decision_ledger_effective`. Outcomes recorded later than `as_of` are not read.
    """
    by_a_person = Case(When(source=DecisionOutcome.Source.HUMAN_REVIEW, then=0), default=1)
    ranked = DecisionOutcome.objects.filter(decision_id=OuterRef("pk"), recorded_at__lte=as_of)
    return Subquery(ranked.order_by(by_a_person, "-observed_at", "-sequence").values("success")[:1])


def flips_of(rollout: Rollout) -> Flips:
    """Count on how many decisions the candidate of a rollout differed from the policy in force, from the index."""
    counts = (
        DecisionRecord.objects.filter(rollout_id=rollout.pk)
        .order_by()
        .values_list("rollout_arm", "gate_verdict", "candidate_verdict")
        .annotate(decisions=Count("*"))
    )
    decisions = {(arm, gate, candidate): number for arm, gate, candidate, number in counts}
    control = {key[1:]: number for key, number in decisions.items() if key[0] == DecisionRecord.Arm.CONTROL}
    allow, block = DecisionRecord.Verdict.ALLOW, DecisionRecord.Verdict.BLOCK
    return Flips(
        compared=sum(control.values()),
        to_block=control.get((allow, block), 0),
        to_allow=control.get((block, allow), 0),
        canary=sum(decisions.values()) - sum(control.values()),
    )
