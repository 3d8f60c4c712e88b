"""What hosts are told beside the proposals: rollouts, alarms, controls, toggles; and nothing that a person wrote."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from governance.controls import services as controls
from governance.models import BreakGlassReview, ConfidencePolicyProposal, WebhookDelivery, WebhookEndpoint
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    in_canary,
    in_shadow,
    pending,
)
from governance.webhooks.outbox import announce_alarm
from governance.webhooks.services import add_webhook_endpoint
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    rollback_confidence_policy_revision,
    set_canary_share,
    start_rollout,
    withdraw_rollout,
)
from governance.workspaces.services import set_toggles

pytestmark = pytest.mark.django_db
WRITTEN = "Private words"


@pytest.fixture
def workspace(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]
    workspace = WorkspaceFactory()
    add_webhook_endpoint(
        actor=admin_of(workspace),
        workspace=workspace,
        url="https://hooks.example.org/",
        events=WebhookEndpoint.Event.values,
    )
    return workspace


def told(*prefixes):
    """Types and data of the messages whose type begins with one of the prefixes, the oldest first."""
    messages = [json.loads(delivery.payload) for delivery in WebhookDelivery.objects.order_by("pk")]
    assert all(set(message) == {"type", "timestamp", "data"} for message in messages)
    assert WRITTEN not in str(messages)
    return [(message["type"], message["data"]) for message in messages if message["type"].startswith(prefixes)]


def test_rollout__every_step_is_told_with_its_share(workspace):
    superuser = SuperuserFactory()
    common = {"actor": superuser, "workspace": workspace}
    rollout = in_canary(workspace, share="0.05")
    set_canary_share(**common, proposal_id=rollout.proposal_id, share=Decimal("0.25"), reason=WRITTEN)
    withdraw_rollout(**common, proposal_id=rollout.proposal_id, reason=WRITTEN)
    messages = told("rollout.")
    assert [(kind, data["status"], data["share"]) for kind, data in messages] == [
        ("rollout.shadow_started", "SHADOW", 0),
        ("rollout.canary_started", "CANARY", 0.05),
        ("rollout.canary_raised", "CANARY", 0.25),
        ("rollout.withdrawn", "WITHDRAWN", 0.25),
    ]
    proposal = rollout.proposal_id
    page = f"http://localhost:8000/admin/governance/confidencepolicyproposal/{proposal}/change/"
    assert messages[0][1] == {
        "workspace": workspace.slug,
        "policy_key": KEY,
        "proposal_id": proposal,
        "rollout_id": rollout.pk,
        "status": "SHADOW",
        "share": 0,
        "break_glass": False,
        "url": page,
    }


def test_superseded__is_told_with_both_ids_however_it_came_about(workspace):
    first, second = (pending(workspace, value) for value in (0.85, 0.8))
    third = approved(workspace, 0.7, origin=ConfidencePolicyProposal.Origin.PERSON, author=admin_of(workspace))
    step = {"actor": SuperuserFactory(), "workspace": workspace}
    apply_confidence_policy_proposal(**step, proposal_id=third.pk, acknowledge_uncertified=True)
    last = pending(workspace, 0.75)
    baseline = workspace.policies.get().revisions.get(version=0)
    rollback_confidence_policy_revision(**step, revision_id=baseline.pk, reason=WRITTEN)
    messages = [data for _, data in told("proposal.superseded")]
    pairs = [(data["proposal_id"], data["superseded_by"]) for data in messages]
    assert pairs == [(first.pk, second.pk), (second.pk, third.pk), (last.pk, None)]
    assert messages[0] == {
        "workspace": workspace.slug,
        "policy_key": KEY,
        "proposal_id": first.pk,
        "superseded_by": second.pk,
        "origin": "calibration",
        "base_version": 0,
        "url": f"http://localhost:8000/admin/governance/confidencepolicyproposal/{first.pk}/change/",
    }


def test_rollout__promoted_by_an_apply_or_stopped_by_a_kill_switch__is_told(workspace):
    superuser = SuperuserFactory()
    first = in_shadow(workspace)
    apply_confidence_policy_proposal(actor=superuser, workspace=workspace, proposal_id=first.proposal_id)
    second = in_shadow(workspace, 0.7)
    controls.engage_kill_switch(actor=superuser, workspace=workspace, reason=WRITTEN)
    ended = [(kind, data["rollout_id"]) for kind, data in told("rollout.") if kind != "rollout.shadow_started"]
    assert ended == [("rollout.promoted", first.pk), ("rollout.stopped", second.pk)]


def test_controls__start_and_end_are_told_without_the_name_of_what_is_blocked(workspace):
    common = {"actor": admin_of(workspace), "workspace": workspace, "reason": WRITTEN}
    block = {"kind": "model", "value": WRITTEN}
    controls.block_source(**common, **block)
    controls.unblock_source(**common, **block)
    controls.set_audit_sampling(**common, policy_key=KEY, rates=SamplingRates(Decimal("0.1")))
    rule = SamplingRule(rate=Decimal("0.05"), side="allowed", confidence_from=9_000, match=(("model", WRITTEN),))
    controls.set_audit_sampling(**common, policy_key=KEY, rates=SamplingRates(Decimal("0.2"), (rule,)))
    controls.stop_audit_sampling(**common, policy_key=KEY)
    messages = told("source.", "audit_sampling.")
    assert [(kind, data["policy_key"], data.get("kind") or data["rate"]) for kind, data in messages] == [
        ("source.blocked", None, "model"),
        ("source.unblocked", None, "model"),
        ("audit_sampling.started", KEY, 0.1),
        ("audit_sampling.stopped", KEY, 0.1),
        ("audit_sampling.started", KEY, 0.2),
        ("audit_sampling.stopped", KEY, 0.2),
    ]
    assert messages[-1][1]["rule_rates"] == [{"side": "allowed", "from": 0.9, "match": ["model"], "rate": 0.05}]


def test_break_glass__review_is_told_when_it_opens_and_when_it_closes(workspace):
    alone = {"actor": SuperuserFactory(), "workspace": workspace, "break_glass": True, "reason": WRITTEN}
    proposal = approved(workspace)
    revision = apply_confidence_policy_proposal(**alone, proposal_id=proposal.pk)
    controls.close_break_glass_review(actor=SuperuserFactory(), review_id=revision.review.pk, note=WRITTEN)
    opened, closed = told("break_glass_review.")
    assert (opened[0], closed[0]) == ("break_glass_review.opened", "break_glass_review.closed")
    assert opened[1].items() >= {"break_glass_review_id": revision.review.pk, "revision_id": revision.pk}.items()


def test_toggles__only_a_real_change_is_told(workspace):
    for _ in range(2):
        set_toggles(actor=admin_of(workspace), workspace=workspace, automation_enabled=False, auto_book_meetings=False)
    [(kind, data)] = told("workspace.")
    assert (kind, data["toggles"]) == ("workspace.toggles_changed", {"automation_enabled": False})


def test_alarm__is_told_with_its_figures(workspace):
    revision = applied(workspace)
    figures = {"labelled": 200, "failures": 40, "promised_failure_rate": 0.05}
    announce_alarm(revision, revision, figures, revision.created_at)
    [(_, data)] = told("policy.alarm_raised")
    assert data.items() >= {"policy_key": KEY, "version": 1, "revision_id": revision.pk, **figures}.items()


def test_approval_under_break_glass__then_a_canary__opens_one_review_whatever_the_share_becomes(workspace):
    superuser, second = SuperuserFactory(), SuperuserFactory()
    proposal = pending(workspace)
    alone = {"actor": superuser, "workspace": workspace, "proposal_id": proposal.pk}
    approve_confidence_policy_proposal(**alone, break_glass=True, reason=WRITTEN)
    start_rollout(**alone)
    for share in ("0.1", "0.5"):
        set_canary_share(actor=second, workspace=workspace, proposal_id=proposal.pk, share=Decimal(share))
    assert [kind for kind, _ in told("break_glass_review.")] == ["break_glass_review.opened"]
    assert BreakGlassReview.objects.get().change.share == Decimal("0.1")
