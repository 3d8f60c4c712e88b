"""Auto-send: a draft goes out only when the evaluator recommends it, confidently, and everything is on record."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone
from pydantic import ValidationError

from confidence_project.foundation.errors import Conflict, InvalidInput
from confidence_project.foundation.submissions import Submission
from governance.controls.services import engage_kill_switch
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord, OutcomeVoid
from ledger.pipelines.auto_send import evaluate_draft, record_reply
from ledger.selectors import ruling_success
from ledger.tests.pipelines.cases import a_draft, evaluation
from telemetry.contracts import DispositionEnvelope, DraftEnvelope, SentimentEnvelope
from telemetry.facts import record_dispositions
from telemetry.models import AIDraft, AIInteraction, InboundMessage
from telemetry.services import record_drafts
from telemetry.tests.openai_server import SECRET, broken_json, completion, failure, silence

pytestmark = pytest.mark.django_db(transaction=True)


def test_evaluate__recommended_and_confident__send(workspace, provider):
    provider.say(evaluation())
    verdict = evaluate_draft(workspace=workspace, draft=a_draft())
    assert (verdict.send, verdict.reason, verdict.created) == (True, "allowed", True)
    record, draft = DecisionRecord.objects.get(), AIDraft.objects.get()
    assert (record.policy_key, record.action_type, record.channel) == ("auto_send.evaluate", "send", "email")
    assert (record.provider, record.model) == ("local", "local-model-2026-01-31")
    assert (record.llm_confidence, record.confidence_kind) == (Decimal("0.9700"), "self_reported")
    assert (record.task, len(record.prompt_hash), record.case_key) == ("auto_send.evaluate.v1", 64, "lead-7")
    assert record.interaction_id == AIInteraction.objects.get().pk
    assert (draft.action, draft.confidence, draft.threshold) == ("send", Decimal("0.9700"), Decimal("0.9000"))
    assert (draft.channel, draft.case_key, draft.model) == ("email", "lead-7", "local-model-2026-01-31")


BLOCKED = [
    (evaluation(0.89), "llm_confidence_below_threshold", Decimal("0.8900")),
    (evaluation(0.99, safe=False), "not_recommended", None),
    (evaluation(0.99, review=True), "not_recommended", None),
    ({"safe_to_send": True}, "schema_invalid", None),
    (evaluation(1.2), "schema_invalid", None),
]


@pytest.mark.parametrize("said, reason, confidence", BLOCKED)
def test_evaluate__not_good_enough__held_and_recorded(workspace, provider, said, reason, confidence):
    provider.say(said)
    verdict = evaluate_draft(workspace=workspace, draft=a_draft())
    assert (verdict.send, verdict.reason) == (False, reason)
    draft = AIDraft.objects.get()
    assert (draft.action, draft.confidence) == ("hold", confidence)
    assert DecisionRecord.objects.get().gate_verdict == "block"


@pytest.mark.parametrize(
    "behaviour, pointers",
    [
        (completion(json.dumps(evaluation(1.2))), ["/confidence"]),
        (completion(json.dumps({**evaluation(0.9), "reason": "He is ill."})), ["/*"]),
        (completion("He is ill."), [""]),
        (completion(json.dumps(evaluation(0.9)), finish_reason="length"), [""]),
    ],
)
def test_evaluate__answer_in_another_form__the_record_says_where(workspace, provider, behaviour, pointers):
    provider.plan(behaviour)
    record = evaluate_draft(workspace=workspace, draft=a_draft()).decision
    assert [problem["pointer"] for problem in record.schema_problems] == pointers
    assert "ill" not in json.dumps(record.schema_problems)


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        (failure(500), "prompt_failed"),
        (silence, "prompt_failed"),
        (broken_json, "prompt_failed"),
        (completion("no JSON"), "schema_invalid"),
    ],
)
def test_evaluate__evaluator_fails__blocks_with_a_reason(workspace, provider, settings, behaviour, reason):
    settings.CONFIDENCE_AI_TIMEOUT_SECONDS = 0.3
    provider.plan(behaviour)
    verdict = evaluate_draft(workspace=workspace, draft=a_draft())
    assert (verdict.send, verdict.reason) == (False, reason)
    assert DecisionRecord.objects.get().llm_confidence is None


def test_evaluate__same_draft_again__first_verdict_without_asking(workspace, provider):
    provider.say(evaluation(0.5), evaluation(0.99))
    first = evaluate_draft(workspace=workspace, draft=a_draft())
    again = evaluate_draft(workspace=workspace, draft=a_draft())
    assert (again.decision, again.draft, again.created) == (first.decision, first.draft, False)
    assert len(provider.requests) == 1
    assert DecisionExternalId.objects.count() == AIDraft.objects.count() == 1


def test_evaluate__other_draft_under_the_same_id__conflict(workspace, provider):
    provider.say(evaluation())
    evaluate_draft(workspace=workspace, draft=a_draft())
    with pytest.raises(Conflict):
        evaluate_draft(workspace=workspace, draft=a_draft(draft="Something else."))
    assert DecisionRecord.objects.count() == 1


def test_evaluate__draft_that_was_submitted_without_the_gate__conflict_and_no_verdict_recorded(workspace, provider):
    provider.say(evaluation())
    submitted = DraftEnvelope(external_id="draft-1", action="hold")
    record_drafts(workspace=workspace, submissions=[Submission("draft-1", "0" * 64, submitted)])
    with pytest.raises(Conflict, match="without the gate"):
        evaluate_draft(workspace=workspace, draft=a_draft())
    assert list(DecisionRecord.objects.values_list("origin", flat=True)) == ["observed"]


def test_evaluate__same_id_in_two_workspaces__two_drafts(workspace, provider):
    provider.say(evaluation())
    evaluate_draft(workspace=workspace, draft=a_draft())
    assert evaluate_draft(workspace=WorkspaceFactory(), draft=a_draft()).created
    assert AIDraft.objects.count() == 2


def test_evaluate__kill_switch_thrown_while_the_evaluator_thinks__blocks(workspace, provider):
    actor = SuperuserFactory()

    def throw(handler):
        engage_kill_switch(actor=actor, workspace=workspace, reason="Stop.")
        connections.close_all()  # of the server's thread
        completion('{"safe_to_send": true, "confidence": 0.99, "requires_human_review": false}')(handler)

    provider.plan(throw)
    assert evaluate_draft(workspace=workspace, draft=a_draft()).reason == "kill_switch"


def test_evaluate__inside_a_transaction__refused(workspace, provider):
    provider.say(evaluation())
    with pytest.raises(RuntimeError), transaction.atomic():
        evaluate_draft(workspace=workspace, draft=a_draft())
    assert not DecisionRecord.objects.exists()


def test_evaluate__private_texts__are_neither_stored_nor_logged(workspace, provider, stored, caplog):
    caplog.set_level(logging.DEBUG)
    provider.say(evaluation())
    evaluate_draft(workspace=workspace, draft=a_draft())
    assert SECRET in str(provider.requests)
    assert SECRET not in stored()
    assert SECRET not in caplog.text


@pytest.fixture
def sent_draft(workspace, provider):
    """A draft that was allowed ten days ago."""
    provider.say(evaluation())
    draft = evaluate_draft(workspace=workspace, draft=a_draft()).draft
    AIDraft.objects.update(created_at=timezone.now() - timedelta(days=10))
    draft.refresh_from_db()
    return draft


def a_reply(sentiment, at=None, external_id="message-1"):
    return SentimentEnvelope(external_id=external_id, draft="draft-1", sentiment=sentiment, created_at=at)


@pytest.mark.parametrize("sentiment, success", [("positive", True), ("neutral", True), ("negative", False)])
def test_reply__next_message__labels_the_decision(workspace, sent_draft, sentiment, success):
    outcome = record_reply(workspace=workspace, reply=a_reply(sentiment))
    assert outcome == DecisionOutcome.objects.get()
    assert (outcome.success, outcome.source, outcome.automation_executed) == (success, "sentiment", None)
    assert outcome.decision == DecisionRecord.objects.get()


def test_reply__same_message_again__one_label(workspace, sent_draft):
    reply = a_reply("negative", timezone.now())
    first = record_reply(workspace=workspace, reply=reply)
    assert record_reply(workspace=workspace, reply=reply) == first
    assert InboundMessage.objects.count() == DecisionOutcome.objects.count() == 1


def test_reply__second_message__does_not_change_the_label(workspace, sent_draft):
    record_reply(workspace=workspace, reply=a_reply("positive"))
    record_reply(workspace=workspace, reply=a_reply("negative", external_id="message-2"))
    assert DecisionOutcome.objects.get().success is True


def test_reply__none_within_the_days_of_the_setting__unlabelled(workspace, sent_draft, settings):
    settings.CONFIDENCE_REPLY_DAYS = 9
    assert record_reply(workspace=workspace, reply=a_reply("negative")) is None
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize("disposition", ["edited", "discarded"])
def test_reply__to_what_a_person_wrote__unlabelled(workspace, sent_draft, disposition):
    fact = DispositionEnvelope(external_id="draft-1", disposition=disposition)
    record_dispositions(workspace=workspace, submissions=[Submission("draft-1", "0" * 64, fact)])
    assert record_reply(workspace=workspace, reply=a_reply("negative")) is None


def test_reply__earlier_message_that_arrives_later__corrects_the_label(workspace, sent_draft):
    now = timezone.now()
    wrong = record_reply(workspace=workspace, reply=a_reply("positive", now))
    earlier = a_reply("negative", now - timedelta(days=1), external_id="message-2")
    label = record_reply(workspace=workspace, reply=earlier)
    assert (label.success, label.sequence) == (False, 2)
    assert [void.outcome for void in OutcomeVoid.objects.all()] == [wrong]
    assert ruling_labels() == [False]


@pytest.mark.parametrize("disposition", ["edited", "discarded"])
def test_disposition__after_the_reply__voids_the_label(workspace, sent_draft, disposition):
    record_reply(workspace=workspace, reply=a_reply("negative"))
    assert ruling_labels() == [False]
    fact = DispositionEnvelope(external_id="draft-1", disposition=disposition)
    record_dispositions(workspace=workspace, submissions=[Submission.of(fact)])
    assert ruling_labels() == [None]
    assert DecisionOutcome.objects.count() == OutcomeVoid.objects.count() == 1


def ruling_labels():
    """What rules over each decision, by the selector and by the view."""
    rules = DecisionRecord.objects.annotate(rules=ruling_success(timezone.now())).order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome_success FROM decision_ledger_effective ORDER BY decision_id")
        viewed = [row[0] if row[0] is None else bool(row[0]) for row in cursor.fetchall()]
    assert list(rules.values_list("rules", flat=True)) == viewed
    return viewed


def test_reply__to_a_draft_that_was_sent_by_itself__says_so(workspace, sent_draft):
    fact = DispositionEnvelope(external_id="draft-1", disposition="auto_sent")
    record_dispositions(workspace=workspace, submissions=[Submission("draft-1", "0" * 64, fact)])
    assert record_reply(workspace=workspace, reply=a_reply("neutral")).automation_executed is True


def test_reply__to_a_draft_of_another_workspace__unknown(sent_draft):
    with pytest.raises(InvalidInput):
        record_reply(workspace=WorkspaceFactory(), reply=a_reply("positive"))
    assert not InboundMessage.objects.exists()


IMPOSSIBLE = [
    {"conversation": "\ud800"},
    {"draft": 7},
    {"external_id": "two words"},
    {"channel": "e mail"},
    {"note": 1},
]


@pytest.mark.parametrize("change", IMPOSSIBLE)
def test_draft__impossible__refused_without_repeating_it(change):
    with pytest.raises(ValidationError) as refusal:
        a_draft(**change)
    assert SECRET not in str(refusal.value)
    assert "two words" not in str(refusal.value)
