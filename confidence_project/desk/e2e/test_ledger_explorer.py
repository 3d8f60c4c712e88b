"""The ledger explorer in a real browser: wide, dark, on a phone, and by keyboard alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from confidence_project.desk.e2e.keyboard import enter, tab_to
from confidence_project.desk.e2e.looking import WIDE, looked_at
from governance.models import ConfidencePolicyRevision, Workspace
from governance.tests.factories import MembershipFactory, UserFactory, WorkspaceFactory, applied, in_shadow
from ledger.models import Checkpoint, DecisionExternalId, DecisionRecord, LogLeaf
from ledger.models.decisions import new_decision_id
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from telemetry.models import AIInteraction

pytestmark = pytest.mark.browser

LIST = "/admin/ledger/decisionrecord/"


@pytest.fixture
def explored(workspace: Workspace) -> DecisionRecord:
    """Three pages of decisions; the newest has everything to show."""
    now = timezone.now()
    for place in range(119):
        allowed = place % 3 > 0
        DecisionRecordFactory(
            decision_id=new_decision_id(),
            workspace=workspace,
            timestamp=now - timedelta(minutes=119 - place),
            gate_verdict="allow" if allowed else "block",
            gate_reason="allowed" if allowed else "llm_confidence_below_threshold",
            llm_confidence="0.9512" if allowed else "0.8123",
            model=f"acme-{place % 4}",
        )
    applied(workspace, 0.92)
    rollout = in_shadow(workspace, 0.8)
    call = AIInteraction.objects.create(
        workspace=workspace, external_id="call-4711", feature_id="mail.reply", provider="acme", model="acme-1",
        duration_ms=1234, created_at=now,
    )  # fmt: skip
    decision = DecisionRecordFactory(
        workspace=workspace,
        timestamp=now,
        occurred_at=now,
        gate_verdict="block",
        gate_reason="llm_confidence_below_threshold",
        llm_confidence="0.8123",
        confidence_kind="self_reported",
        policy_version=ConfidencePolicyRevision.objects.filter(workspace=workspace).first().version,
        model="acme-1",
        task="mail.file",
        channel="email",
        action_type="send",
        action_params='{"attempts": 2}',
        external_id="ticket-4711",
        case_key="case-12",
        interaction=call,
        audit_selected=True,
        label_propensity="0.05",
        rollout_id=rollout.pk,
        rollout_arm="control",
        candidate_verdict="allow",
        candidate_reason="allowed",
        prompt_hash="",
    )
    DecisionExternalId.objects.create(
        workspace=workspace, external_id="ticket-4711", decision_id=decision.pk, body_sha256="ab" * 32
    )
    DecisionOutcomeFactory(decision=decision, source="sentiment", success=True, reporter="mail host")
    DecisionOutcomeFactory(decision=decision, sequence=2, success=False)
    LedgerAmendmentFactory(decision=decision)
    LogLeaf.objects.create(position=0, entry="decision", entry_id=str(decision.pk), leaf_hash=bytes(range(32)))
    Checkpoint.objects.create(tree_size=1, root_hash=bytes(32), note="a signed note", created_at=now)
    return decision


def test_pages__each__passes_axe_in_both_themes_and_fits_a_phone(visitor, explored):
    auditor = UserFactory(username="auditor")
    for workspace in (explored.workspace, WorkspaceFactory(slug="quay", name="Quay")):
        MembershipFactory(user=auditor, workspace=workspace)
    person = visitor("auditor", viewport=WIDE, reduced_motion="reduce")
    screens = {
        "list": LIST,
        "list-second-page": f"{LIST}?after={DecisionRecord.objects.order_by('-pk')[49].pk}",
        "list-filtered": f"{LIST}?workspace=post&verdict=block&model=acme-1",
        "list-none": f"{LIST}?reason=kill_switch",
        "list-of-nothing": f"{LIST}?workspace=quay",
        "list-wrong-place": f"{LIST}?after=nonsense",
        "list-wrong-range": f"{LIST}?from=yesterday",
        "list-search": f"{LIST}?q=ticket-4711",
        "decision": f"{LIST}{explored.pk}/change/",
        "decision-bare": f"{LIST}{DecisionRecord.objects.order_by('pk').first().pk}/change/",
        "outcomes": "/admin/ledger/decisionoutcome/",
    }
    wrong = {}
    for name, address in screens.items():
        person.open(address)
        wrong[name] = looked_at(person, f"ledger-{name}", keep=True)
    assert {name: each for name, each in wrong.items() if each} == {}


def test_explorer__keyboard_alone__narrows_turns_pages_and_opens_a_decision(visitor, explored):
    viewer = visitor("viewer")
    viewer.open(LIST)
    page = viewer.page
    tab_to(page, "Verdict: All")
    page.keyboard.press("Enter")
    tab_to(page, "Block")
    enter(page)
    assert "verdict=block" in page.url
    viewer.open(LIST)
    tab_to(page, "Older")
    enter(page)
    assert "after=" in page.url
    tab_to(page, "Newest")
    enter(page)
    assert "after=" not in page.url
    page.locator("#result_list tbody tr a").first.focus()
    enter(page)
    assert page.get_by_role("heading", name="What came of it").is_visible()
    tab_to(page, "Older decision")
    enter(page)
    assert str(explored.pk) not in page.url


def test_review__keyboard_alone__records_what_should_have_happened(visitor, explored):
    reviewer = visitor("reviewer")
    reviewer.open(f"{LIST}{explored.pk}/change/")
    page = reviewer.page
    question = page.get_by_role("group", name="Had it been allowed, the action would have been")
    assert question.get_by_role("radio").count() == 2
    question.get_by_label("Right: it should have been allowed").focus()
    page.keyboard.press("ArrowDown")
    tab_to(page, "Record the outcome")
    enter(page)
    assert "outcome recorded" in page.get_by_role("main").inner_text()
    assert [outcome.success for outcome in explored.outcomes.filter(reporter="reviewer", sequence=3)] == [False]


def test_prompt_hash__typed_in__narrows_and_keeps_the_other_filters(visitor, explored):
    viewer = visitor("viewer")
    viewer.open(f"{LIST}?verdict=block")
    page = viewer.page
    page.locator("summary", has_text="Prompt hash").click()
    page.get_by_label("Prompt hash, whole").fill("ab" * 32)
    page.get_by_label("Prompt hash, whole").press("Enter")
    assert "verdict=block" in page.url
    assert page.locator("#result_list tbody tr").count() == 40
