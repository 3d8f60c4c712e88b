"""From a record of telemetry to the verdicts on it: in its list, on its page, and in its own workspace only."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import Workspace
from governance.tests.browser import signed_in
from governance.tests.factories import WorkspaceFactory, viewer_of
from ledger.models import DecisionRecord
from ledger.pipelines.auto_send import evaluate_draft, record_reply
from ledger.pipelines.followup_booking import decide_booking
from ledger.pipelines.meeting_overseer import oversee_reply
from ledger.tests.pipelines.cases import a_booking, a_draft, a_reply, evaluation, said
from telemetry.contracts import SentimentEnvelope
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision
from telemetry.tests.inspected import call
from telemetry.verdicts import verdicts_on

pytestmark = pytest.mark.django_db(transaction=True)


def decide_one_of_each(workspace, provider) -> dict[type, DecisionRecord]:
    """Let each pipeline judge one case; return the decision that belongs to the record of each kind."""
    Workspace.objects.filter(pk=workspace.pk).update(auto_book_meetings=True, booking_gate_enabled=True)
    provider.say(evaluation(), {"decision": "approve", "confidence": 0.9}, said("approve"))
    drafted = evaluate_draft(workspace=workspace, draft=a_draft()).decision
    overseen = oversee_reply(workspace=workspace, reply=a_reply()).decision
    workspace.refresh_from_db()
    booked = decide_booking(workspace=workspace, booking=a_booking(message_ref="message-2")).decision
    record_reply(
        workspace=workspace, reply=SentimentEnvelope(external_id="reply-1", draft="draft-1", sentiment="positive")
    )
    return {AIDraft: drafted, InboundMessage: drafted, MeetingOverseerDecision: overseen, FollowUpBooking: booked}


def test_verdicts__judged_by_a_pipeline__linked_in_list_and_on_page(workspace, provider):
    viewer = signed_in(viewer_of(workspace))
    for model, decision in decide_one_of_each(workspace, provider).items():
        link = reverse("admin:ledger_decisionrecord_change", args=[decision.pk])
        name = f"admin:telemetry_{model._meta.model_name}"
        record = model.objects.order_by("pk").first()
        assert f'href="{link}"' in viewer.get(reverse(f"{name}_changelist")).content.decode()
        assert f'href="{link}"' in viewer.get(reverse(f"{name}_change", args=[record.pk])).content.decode()


def test_verdicts__stage_booking_gate__has_the_verdict_on_the_booking(workspace, provider):
    booked = decide_one_of_each(workspace, provider)[FollowUpBooking]
    stage = MeetingOverseerDecision.objects.get(stage="booking_gate")
    assert [each.decision_id for each in verdicts_on([stage])[stage.pk]] == [booked.pk]


def test_verdicts__interaction__those_that_rest_on_it(workspace, provider):
    decision = decide_one_of_each(workspace, provider)[AIDraft]
    interactions = list(AIInteraction.objects.all())
    found = verdicts_on(interactions)
    assert [each.decision_id for each in found[decision.interaction_id]] == [decision.pk]
    page = reverse("admin:telemetry_aiinteraction_change", args=[decision.interaction_id])
    assert str(decision.pk) in signed_in(viewer_of(workspace)).get(page).content.decode()


def test_verdicts__nobody_judged_it__none(workspace):
    interaction = call(workspace)
    assert verdicts_on([interaction]) == {}
    page = signed_in(viewer_of(workspace)).get(reverse("admin:telemetry_aiinteraction_change", args=[interaction.pk]))
    assert "None rests on this call." in page.content.decode()


def test_verdicts__same_id_in_another_workspace__not_linked(workspace, provider):
    decide_one_of_each(workspace, provider)
    draft = AIDraft.objects.create(workspace=WorkspaceFactory(), external_id="draft-1", action="send")
    assert verdicts_on([draft]) == {}


def test_verdicts__many_records__two_queries_at_most(workspace, provider):
    decide_one_of_each(workspace, provider)
    AIDraft.objects.bulk_create(AIDraft(workspace=workspace, external_id=f"d-{place}") for place in range(40))
    drafts = list(AIDraft.objects.select_related("workspace"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(verdicts_on(drafts)) == 1
    assert len(queries) == 2
