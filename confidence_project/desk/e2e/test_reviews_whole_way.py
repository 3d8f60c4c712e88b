"""From a plan of labels to a certificate: plan, draw, decide, label by keys, look again, calibrate, propose."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from math import ceil

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from calibration.tests.factories import gated, outcome, store
from confidence_project.desk.e2e.looking import WIDE
from governance.models import AuditSampling, ConfidencePolicyProposal, Membership
from governance.tests.factories import MembershipFactory, UserFactory
from governance.workspaces.services import issue_api_key
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionOutcome, DecisionRecord, Judgement
from ledger.tests.bodies import envelope, llm_decision

pytestmark = pytest.mark.browser

KEY = "confidence_gate"
SURE, UNSURE = 0.97, 0.92
KNOWN, DRAWN = 8, 34
"""Known failures that are mixed in, and decisions at the sure confidence of which at least so many are to be drawn."""


def test_reviews__plan_sample_label_duplicate__certificate_names_the_errors_of_reviewers(visitor, workspace):
    boss = User.objects.get(username="superuser")
    MembershipFactory(user=UserFactory(username="second"), workspace=workspace, role=Membership.Role.REVIEWER)
    _pilot(workspace)

    admin = visitor("reviewer", viewport=WIDE)
    rate = _planned(admin)
    set_labelling_rules(
        actor=boss, workspace=workspace, policy_key=KEY, reason="No event tells.", label_source="drawn",
        twice_share=Decimal(1), known_share=Decimal(1),
    )  # fmt: skip
    truth = _decided(workspace, boss, admin.base, rate)
    truth |= _known_failures(workspace, boss)

    _answer_by_keys(admin, truth)
    assert Judgement.objects.filter(purpose="known").count() == KNOWN
    drawn = DecisionRecord.objects.filter(workspace=workspace, audit_selected=True)
    assert DecisionOutcome.objects.filter(source="human_review", decision__in=drawn).count() == drawn.count()
    _answer_by_keys(visitor("second", viewport=WIDE), truth, most=3)
    assert Judgement.objects.filter(purpose="second", person_name="second").count() == 3

    today = datetime.combine(timezone.now().astimezone(UTC), time(), tzinfo=UTC)
    asked = ["--policy-key", KEY, "--target-failure-rate", "0.25", "--maturity-days", "0", "--tighten-only"]
    call_command("run_calibration", "--workspace", workspace.slug, *asked, "--from", today.date().isoformat())
    proposal = ConfidencePolicyProposal.objects.get(workspace=workspace)
    admin.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    # What is folded away, too.
    said = " ".join((admin.page.get_by_role("main").text_content() or "").split())
    assert f"eviewers missed 0 of {KNOWN} known failures" in said
    assert "drawn at random at the rates on record" in said
    assert f"0.9 → {SURE}" in said
    assert admin.page.get_by_role("link", name="Approve", exact=True).count() == 1
    admin.page.locator("#nav-sidebar").get_by_role("link", name="Reviewers", exact=True).click()
    assert "second" in admin.page.locator("table.figures").inner_text()


def _pilot(workspace) -> None:
    """Decisions of the last weeks with what came of them: from these the labels are planned."""
    start = timezone.now() - timedelta(days=29)
    made = []
    for place in range(120):
        at = start + timedelta(hours=2.5 * place)
        confidence = UNSURE if place % 6 == 0 else SURE
        made.append(gated(workspace, confidence=confidence, model="acme-1", occurred_at=at, timestamp=at))
    store(made, [outcome(each, place % 12 != 0) for place, each in enumerate(made)])


def _planned(admin) -> float:
    """Plan on the page, take the rates, and return the one that is drawn at."""
    page = admin.page
    page.locator("#nav-sidebar").get_by_role("link", name="Plan labels").click()
    page.get_by_label("Policy").select_option(KEY)
    for label, value in {"Cost of a label": "1", "Budget of a week": "50", "Target failure rate": "0.25"}.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Plan", exact=True).click()
    assert "Chance that they certify" in page.get_by_label("The plan").inner_text()
    page.get_by_label("Reason").fill("As planned.")
    page.get_by_role("button", name="Use these rates").click()
    assert "The rates of the plan" in page.locator(".messagelist").inner_text()
    return float(AuditSampling.objects.get().rates.rules[0].rate)


def _decided(workspace, boss, base: str, rate: float) -> dict[str, str]:
    """Ask the gate over HTTP until enough is drawn; return the key that is the truth, by the host's id."""
    _, key = issue_api_key(actor=boss, workspace=workspace, name="host", scopes=["decide"])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    truth: dict[str, str] = {}
    drawn = 0
    while drawn < DRAWN:
        confidences = [SURE] * ceil((DRAWN - drawn) / rate) + [UNSURE] * (0 if truth else 10)
        asked = [envelope(decision=llm_decision(confidence=each)) for each in confidences]
        truth |= {
            each["external_id"]: "y" if confidence == SURE else "n"
            for each, confidence in zip(asked, confidences, strict=True)
        }
        body = "\n".join(map(json.dumps, asked))
        reply = httpx.post(f"{base}/api/v1/decisions", content=body, headers=headers, timeout=60)
        assert reply.status_code == 201, reply.text
        drawn = DecisionRecord.objects.filter(audit_selected=True, llm_confidence=str(SURE)).count()
    return truth


def _known_failures(workspace, boss) -> dict[str, str]:
    """Mark decisions of the pilot as known failures; nobody but the one who marks them knows which they are."""
    at = timezone.now() - timedelta(days=2)
    cases = [
        gated(workspace, confidence=SURE, model="acme-1", external_id=f"known-{place}", occurred_at=at, timestamp=at)
        for place in range(KNOWN)
    ]
    store(cases)
    for case in cases:
        mark_known(actor=boss, decision=case, success=False, reason="Settled in court.")
    return {case.external_id: "n" for case in cases}


def _answer_by_keys(person, truth: dict[str, str], most: int = 1_000) -> None:
    """Answer what lies there by the truth, by keys alone, until nothing does."""
    person.open("/admin/ledger/judgement/workbench/")
    page = person.page
    for _ in range(most):
        if page.locator("[data-workbench]").count() == 0:
            return
        named = page.locator(".facts dd").first.inner_text().strip()
        with page.expect_navigation():
            page.keyboard.press(truth[named])
