"""The inspector and the lists of records in a real browser: wide, dark, on a phone, and by keyboard alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from confidence_project.desk.e2e.keyboard import enter, tab_to
from confidence_project.desk.e2e.looking import WIDE, complaints_of_axe, looked_at
from governance.tests.factories import MembershipFactory, UserFactory, WorkspaceFactory
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision
from telemetry.tests.inspected import bundle, call, many_calls

pytestmark = pytest.mark.browser


@pytest.fixture
def inspected(workspace) -> AIInteraction:
    """A workspace with calls and a record of each domain; the newest call has everything to show."""
    many_calls(workspace, 300)
    MembershipFactory(user=UserFactory(username="newcomer"), workspace=WorkspaceFactory(slug="new", name="New"))
    now, asked = timezone.now(), {"provider": "acme", "model": "acme-1"}
    draft = AIDraft.objects.create(
        workspace=workspace, external_id="draft-1", action="send", confidence="0.97", threshold="0.9", **asked
    )
    InboundMessage.objects.create(workspace=workspace, external_id="reply-1", draft=draft, sentiment="negative")
    MeetingOverseerDecision.objects.create(
        workspace=workspace,
        external_id="message-1:gate",
        message_ref="message-1",
        stage="gate",
        decision="deny",
        confidence="0.81",
        human_override="approve",
        overridden_at=now,
        **asked,
    )
    FollowUpBooking.objects.create(
        workspace=workspace,
        external_id="message-2",
        parse_confidence="0.95",
        threshold="0.9",
        auto_booked=True,
        outcome="kept",
        outcome_at=now - timedelta(hours=1),
        **asked,
    )
    parse = {"followupParse": {"confidence": 0.93, "proposedTimesCount": 2, "matchedAvailability": True}}
    gate = {"bookingGate": {"decision": "approve", "confidence": 0.9, "issuesCount": 0}}
    return call(
        workspace,
        external_id="whole-call",
        feature_id="followup.booking",
        prompt_key="followup.booking.gate.v1",
        **asked,
        operation="chat",
        duration_ms=1834.2,
        input_tokens=2410,
        cached_tokens=1024,
        output_tokens=212,
        reasoning_tokens=64,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        span_id="b7ad6b7169203331",
        metadata={**bundle(), **parse, **gate, "note": "a text that may not stay"},
    )


def addresses(whole: AIInteraction) -> dict[str, str]:
    """Name and address of every page of the records."""
    telemetry = "/admin/telemetry"
    lists = {
        model._meta.model_name: f"{telemetry}/{model._meta.model_name}/"
        for model in (AIInteraction, AIDraft, InboundMessage, MeetingOverseerDecision, FollowUpBooking)
    }
    pages = {
        f"{model._meta.model_name}-page": f"{telemetry}/{model._meta.model_name}/{model.objects.first().pk}/change/"
        for model in (AIDraft, InboundMessage, MeetingOverseerDecision, FollowUpBooking)
    }
    interaction = f"{lists['aiinteraction']}{whole.pk}/change/"
    wrong = f"{lists['aiinteraction']}?from=yesterday"
    return {**lists, **pages, "aiinteraction-page": interaction, "aiinteraction-wrong-range": wrong}


def test_pages__each__passes_axe_in_both_themes_and_fits_a_phone(visitor, inspected):
    person = visitor("viewer", viewport=WIDE, reduced_motion="reduce")
    wrong = {}
    for name, address in addresses(inspected).items():
        person.open(address)
        wrong[name] = looked_at(person, f"inspector-{name}", keep=True)
    assert {name: each for name, each in wrong.items() if each} == {}


def test_empty_lists__newcomer__read_how_records_get_in(visitor, inspected):
    newcomer = visitor("newcomer")
    for name in ("aiinteraction", "aidraft", "followupbooking"):
        newcomer.open(f"/admin/telemetry/{name}/")
        assert newcomer.page.get_by_role("heading", name="How they get in").is_visible()
        assert complaints_of_axe(newcomer) == []
        newcomer.picture(f"inspector-{name}-empty")


def test_inspector__keyboard_alone__narrows_by_model_and_range_and_opens_a_call(visitor, inspected):
    viewer = visitor("viewer")
    viewer.open("/admin/telemetry/aiinteraction/")
    page = viewer.page
    tab_to(page, "Model: All")
    page.keyboard.press("Space")
    tab_to(page, "acme-1")
    enter(page)
    assert "model=acme-1" in page.url
    assert page.locator(".figures-card dd").first.inner_text() == "1"
    page.locator("summary", has_text="Time:").focus()
    page.keyboard.press("Space")
    page.get_by_label("From (UTC)", exact=True).focus()
    page.keyboard.type("01312026")
    page.keyboard.press("Tab")  # from the year, which may have more digits, to the hour
    page.keyboard.type("0200PM")
    enter(page)
    assert "from=2026-01-31T14%3A00" in page.url
    assert "model=acme-1" in page.url
    tab_to(page, "whole-call")
    enter(page)
    assert page.get_by_role("heading", name="Context bundle").is_visible()
    assert page.get_by_role("row", name="history 1,500 75 % 1,500 yes").is_visible()
