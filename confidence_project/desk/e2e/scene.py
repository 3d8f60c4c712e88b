"""Something on every screen: workspaces in all the states that the desk shows, made through the services."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.test import override_settings
from django.utils import timezone

from calibration.models import ConfidenceCalibrationRun, PolicyAlarm, PolicyLook
from calibration.runs.queue import request_calibration
from calibration.services import fail_run, report_progress, start_queued_run
from calibration.standing_costs import set_standing_costs
from calibration.tests.factories import gated, outcome, review, store
from confidence_project.foundation.errors import Unavailable
from governance.access.tokens import issue_token
from governance.controls.services import block_source, engage_kill_switch, set_audit_sampling
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, WebhookEndpoint, Workspace
from governance.sampling_rates import SamplingRates
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, applied, in_canary, pending
from governance.webhooks.services import add_webhook_endpoint
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    open_proposal,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)
from governance.workspaces.services import issue_api_key, set_toggles
from ledger.amendments import backfill_prompt_hashes
from ledger.models import DecisionExternalId, DecisionImport, DecisionRecord
from ledger.tests.transparency import SIGNER
from ledger.transparency.services import append_leaves, sign_checkpoint
from telemetry.evaluators import declare_evaluator
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision
from telemetry.models.otlp import Fate, Kind
from telemetry.otlp.reception import Received, Seen

DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a test opens."""

    workspace: Workspace
    proposals: Mapping[str, ConfidencePolicyProposal]
    runs: Mapping[str, ConfidenceCalibrationRun]
    new_workspace: Workspace


def set_the_scene(workspace: Workspace, people: Mapping[str, Any]) -> Scene:
    """Fill `workspace`, and others beside it, with decisions, runs, proposals and everything that people do about them.

    Parameters
    ----------
    people
        `reviewer`, an admin of the workspace, and `superuser`.
    """
    reviewer, superuser, boss = people["reviewer"], people["superuser"], SuperuserFactory(username="boss")
    _history_of_a_policy(workspace, reviewer, superuser, boss)
    _decisions(workspace)
    _telemetry(workspace)
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    run = review(workspace=workspace, window_from=today - timedelta(days=DAYS), window_to=today, actor=reviewer)
    opened = {each.policy_key: each for each in ConfidencePolicyProposal.objects.filter(recommendations__run=run)}
    approve_confidence_policy_proposal(
        actor=reviewer, workspace=workspace, proposal_id=opened["decision_gate"].pk, acknowledge_large_step=True
    )
    _controls(workspace, superuser)
    proposals = {**opened, **_proposals_elsewhere(superuser)}
    runs = {"complete": run, **_runs_elsewhere(boss)}
    _alarm(superuser)
    _log(workspace)
    Group.objects.create(name="Auditors")
    issue_token(actor=superuser)
    return Scene(
        workspace=workspace,
        proposals=proposals,
        runs=runs,
        new_workspace=WorkspaceFactory(slug="new", name="Invoice desk"),
    )


def _history_of_a_policy(workspace: Workspace, reviewer: Any, superuser: Any, boss: Any) -> None:
    """Applied, broken the glass for, and rolled back."""
    applied(workspace, 0.92)
    hasty = pending(workspace, 0.88, title="Let more through over the holidays")
    approve_confidence_policy_proposal(actor=boss, workspace=workspace, proposal_id=hasty.pk)
    apply_confidence_policy_proposal(
        actor=boss, workspace=workspace, proposal_id=hasty.pk, break_glass=True, reason="The queue is four days long."
    )
    first = ConfidencePolicyRevision.objects.get(workspace=workspace, version=1)
    rollback_confidence_policy_revision(
        actor=superuser, workspace=workspace, revision_id=first.pk, reason="The holidays are over."
    )


def _decisions(workspace: Workspace) -> None:
    """A model to be thresholded, one that claims too much, one that is hardly known; a policy with two thresholds."""
    sure: Callable[[float], float] = lambda confidence: 0.995 if confidence > 0.955 else 0.84  # noqa: E731
    _record(workspace, "clerk-2", 1_500, sure, threshold=0.92)
    _record(workspace, "clerk-1", 500, lambda confidence: 0.8, threshold=0.92)
    _record(workspace, "clerk-3-preview", 40, lambda confidence: 1.0, threshold=0.92)
    _record(
        workspace,
        "clerk-2",
        900,
        lambda confidence: 0.99 if confidence > 0.8 else 0.7,
        threshold=0.6,
        lowest=0.5,
        policy_key="decision_gate",
    )


def _record(
    workspace: Workspace,
    model: str,
    number: int,
    chance_of_success: Callable[[float], float],
    *,
    threshold: float,
    lowest: float = 0.85,
    policy_key: str = "confidence_gate",
) -> None:
    dice, start = random.Random(f"{model} {policy_key}"), timezone.now() - timedelta(days=DAYS)
    decisions, outcomes = [], []
    for place in range(number):
        at = start + timedelta(days=DAYS) * (place + 0.5) / number
        confidence = round(dice.uniform(lowest, 1), 4)
        risk = {"ml_risk_score": round(dice.uniform(0, 0.5), 4)} if policy_key == "decision_gate" else {}
        decision = gated(
            workspace,
            confidence=confidence,
            threshold=threshold,
            policy_key=policy_key,
            provider="acme",
            model=model,
            task="mail.file",
            timestamp=at,
            occurred_at=at,
            thresholds={_FIELDS[policy_key]: threshold},
            audit_selected=confidence < threshold and place % 20 == 0,
            label_propensity="0.05" if confidence < threshold else None,
            external_id="" if place else f"mail-{policy_key}-{model}",
            **risk,
        )
        decisions.append(decision)
        if decision.gate_verdict == "allow" and dice.random() < 0.9:
            outcomes.append(outcome(decision, dice.random() < chance_of_success(confidence)))
    store(decisions, outcomes)


_FIELDS = {"confidence_gate": "confidence_threshold", "decision_gate": "llm_confidence_threshold"}


def _telemetry(workspace: Workspace) -> None:
    """Bundles for the budgets, and a record of every other kind."""
    dice, now = random.Random(5), timezone.now()
    AIInteraction.objects.bulk_create(
        AIInteraction(
            workspace=workspace,
            external_id=f"call-{place}",
            feature_id="lead.reply",
            prompt_key="lead.context",
            provider="acme",
            model="clerk-2",
            operation="chat",
            input_tokens=dice.randrange(800, 3_600),
            output_tokens=dice.randrange(40, 400),
            duration_ms=dice.randrange(300, 4_000),
            created_at=now - timedelta(hours=place + 1),
            metadata={
                "leadContextBundle": {
                    "totalTokens": dice.randrange(500, 3_100),
                    "tokenBudget": 4_000,
                    "truncated": False,
                }
            },
        )
        for place in range(400)
    )
    common = {"workspace": workspace, "created_at": now - timedelta(hours=3), "provider": "acme", "model": "clerk-2"}
    draft = AIDraft.objects.create(
        **common, external_id="draft-1", confidence="0.9312", threshold="0.9", action="send", channel="email"
    )
    InboundMessage.objects.create(workspace=workspace, external_id="reply-1", draft=draft, sentiment="positive")
    MeetingOverseerDecision.objects.create(
        **common, external_id="seen-1", message_ref="mail-1", stage="gate", decision="book", confidence="0.8214"
    )
    FollowUpBooking.objects.create(
        **common, external_id="booking-1", parse_confidence="0.9734", threshold="0.9", auto_booked=True
    )
    received, seen = Received(), Seen(f"{'5b8a' * 8}:{'0c4f' * 4}", "agent_step")
    received.count(Kind.SPAN, Fate.STORED, seen, number=4_211)
    received.count(Kind.SPAN, Fate.OTHER_OPERATION, seen, number=1_377)
    received.count(Kind.EVALUATION, Fate.UNDECLARED, Seen(seen.id, "hallucination"), number=12)
    received.keep(workspace)


def _controls(workspace: Workspace, superuser: Any) -> None:
    """Switches, blocks, samples, keys, and hosts that are told; a workspace that is off."""
    who = {"actor": superuser, "workspace": workspace}
    declare_evaluator(**who, name="helpfulness", at_least=4, scale=(1, 5), reason="Stars of five, by our own judge.")
    set_toggles(actor=superuser, workspace=WorkspaceFactory(slug="loans", name="Loans"), automation_enabled=False)
    engage_kill_switch(**who, policy_key="followup.auto_book", reason="The calendar is being moved.")
    block_source(**who, kind="model", value="clerk-1", policy_key="", reason="Claims more than it keeps.")
    set_audit_sampling(
        **who, policy_key="confidence_gate", rates=SamplingRates(Decimal("0.05")), reason="To learn what lies below."
    )
    prices = {"false_allow": 20, "false_block": 1, "review": 3}
    set_standing_costs(**who, policy_key="confidence_gate", **prices, reason="Minutes of a clerk.")
    issue_api_key(**who, name="mail host", scopes=["ingest", "decide"])
    with override_settings(CONFIDENCE_WEBHOOK_HOSTS=["hooks.example.org"]):
        add_webhook_endpoint(**who, url="https://hooks.example.org/confidence", events=WebhookEndpoint.Event.values)
    pending(workspace, policy_key="meeting.overseer.gate", config={"values": {"confidence_threshold": 0.75}})


def _proposals_elsewhere(superuser: Any) -> dict[str, ConfidencePolicyProposal]:
    """One in each state that the workspace itself does not show."""
    other = WorkspaceFactory(slug="claims", name="Claims")
    rejected = pending(other, 0.82, title="Lower the threshold to 0.82")
    reject_confidence_policy_proposal(
        actor=superuser, workspace=other, proposal_id=rejected.pk, reason="Too few nights in the window."
    )
    superseded = pending(other, 0.83, title="Lower the threshold to 0.83")
    done = applied(other, 0.84, title="Lower the threshold to 0.84").proposal
    rollout = in_canary(WorkspaceFactory(slug="travel", name="Travel desk"), share="0.25").proposal
    found = {"rejected": rejected, "superseded": superseded, "applied": done, "rollout": rollout}
    for each in found.values():
        each.refresh_from_db()
    return found


def _runs_elsewhere(boss: Any) -> dict[str, ConfidenceCalibrationRun]:
    """One in each state but COMPLETE."""
    runs = {name: _asked_for(boss, name) for name in ("pending", "running", "failed")}
    running = start_queued_run(run_id=runs["running"].pk)
    assert running is not None
    report_progress(run=running, share=0.4)
    fail_run(run=runs["failed"], error=Unavailable("The evidence source cannot be read."))
    for each in runs.values():
        each.refresh_from_db()
    return runs


def _asked_for(boss: Any, name: str) -> ConfidenceCalibrationRun:
    return request_calibration(actor=boss, workspace=WorkspaceFactory(slug=name, name=f"Archive, {name}"))


def _alarm(superuser: Any) -> None:
    """A version that breaks its promise, and the way back."""
    workspace = WorkspaceFactory(slug="returns", name="Returns")
    revision, now = applied(workspace, 0.8), timezone.now()
    back = open_proposal(
        workspace=workspace,
        policy_key=revision.policy_key,
        origin=ConfidencePolicyProposal.Origin.ALARM,
        title="Confidence gate: back to what held before version 1",
        summary="What version 1 allowed fails more often than was promised.",
        config=revision.config_before,
        evidence={"alarm": {"labelled": 100, "failures": 30}},
    )
    look = PolicyLook.objects.create(
        revision=revision, workspace=workspace, day=now.date(), labelled=100, failures=30, alpha=0.05, delta=0.05,
        log_e_value=9, at=now,
    )  # fmt: skip
    PolicyAlarm.objects.create(revision=revision, workspace=workspace, look=look, proposal=back, raised_at=now)


def _log(workspace: Workspace) -> None:
    """A signed checkpoint, an amendment, an import, and a decision that a host can find by its own id."""
    now = timezone.now()
    DecisionImport.objects.create(
        workspace=workspace, status="COMPLETE", file_name="history.csv", file_bytes=48_213, file_sha256="0" * 64,
        mapping={"scale": 100}, started_at=now, heartbeat_at=now, finished_at=now, imported=1_180, rejected=20,
        reasons=[{"reason": "confidence must be a number from 0 to 1", "rows": 20, "first_line": 14}],
    )  # fmt: skip
    backfill_prompt_hashes(workspace=workspace)
    named = DecisionRecord.objects.in_workspace(workspace).exclude(external_id="").order_by("-pk")[0]
    DecisionExternalId.objects.create(
        workspace=workspace, external_id=named.external_id, decision_id=named.pk, body_sha256="00" * 32
    )
    with override_settings(CONFIDENCE_LOG_KEY=SIGNER):
        append_leaves()
        sign_checkpoint(swept_at=now)
