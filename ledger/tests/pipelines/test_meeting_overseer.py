"""The meeting overseer: each stage of a message once, its word gated, and labelled by what a person said."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest
from django.utils import timezone

from confidence_project.foundation.errors import Conflict, NotFound
from confidence_project.foundation.submissions import Submission
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.meeting_overseer import (
    ExtractedMessage,
    oversee_reply,
    record_extraction,
    record_override,
)
from ledger.tests.pipelines.cases import a_reply
from telemetry.contracts import OverseerDecisionEnvelope
from telemetry.models import MeetingOverseerDecision
from telemetry.services import record_overseer_decisions
from telemetry.tests.openai_server import SECRET, completion, failure

pytestmark = pytest.mark.django_db(transaction=True)


def override(workspace, decision, **changes):
    fields = {"message_ref": "message-1", "human_override": decision, "overridden_at": timezone.now(), **changes}
    return record_override(workspace=workspace, **fields)


@pytest.mark.parametrize("said", ["approve", "revise", "deny"])
def test_oversee__confident__its_decision_counts(workspace, provider, said):
    provider.say({"decision": said, "confidence": 0.7})
    verdict = oversee_reply(workspace=workspace, reply=a_reply())
    assert (verdict.act, verdict.reason, verdict.overseen.decision) == (True, "allowed", said)
    row, record = MeetingOverseerDecision.objects.get(), DecisionRecord.objects.get()
    assert (row.message_ref, row.stage, row.confidence) == ("message-1", "gate", Decimal("0.7000"))
    assert (row.provider, row.model, row.prompt_key) == ("local", "local-model-2026-01-31", "meeting.overseer.gate.v1")
    assert (record.policy_key, record.thresholds) == ("meeting.overseer.gate", {"confidence_threshold": 0.7})


def test_oversee__not_confident__a_person_decides(workspace, provider):
    provider.say({"decision": "approve", "confidence": 0.69})
    verdict = oversee_reply(workspace=workspace, reply=a_reply())
    assert (verdict.act, verdict.reason) == (False, "llm_confidence_below_threshold")


@pytest.mark.parametrize("behaviour, reason", [(failure(503), "prompt_failed"), (completion("{}"), "schema_invalid")])
def test_oversee__no_usable_answer__blocks_and_is_recorded(workspace, provider, behaviour, reason):
    provider.plan(behaviour)
    verdict = oversee_reply(workspace=workspace, reply=a_reply())
    assert (verdict.act, verdict.reason, verdict.overseen.decision) == (False, reason, "none")
    assert override(workspace, "approve") is None


def test_oversee__same_reply_again__once_for_the_stage(workspace, provider):
    provider.say({"decision": "approve", "confidence": 0.9}, {"decision": "deny", "confidence": 0.9})
    first = oversee_reply(workspace=workspace, reply=a_reply())
    again = oversee_reply(workspace=workspace, reply=a_reply())
    assert (again.created, again.decision, again.overseen) == (False, first.decision, first.overseen)
    assert len(provider.requests) == MeetingOverseerDecision.objects.count() == DecisionRecord.objects.count() == 1
    with pytest.raises(Conflict):
        oversee_reply(workspace=workspace, reply=a_reply(draft="Another draft."))


def test_oversee__stage_that_was_submitted_without_the_gate__conflict(workspace, provider):
    provider.say({"decision": "approve", "confidence": 0.9})
    item = OverseerDecisionEnvelope(external_id="own-id", message_ref="message-1", stage="gate", decision="approve")
    record_overseer_decisions(workspace=workspace, submissions=[Submission("own-id", "0" * 64, item)])
    with pytest.raises(Conflict, match="without the gate"):
        oversee_reply(workspace=workspace, reply=a_reply())
    assert list(DecisionRecord.objects.values_list("origin", flat=True)) == ["observed"]


def test_extract__same_reading_again__one_record(workspace):
    extracted = ExtractedMessage(message_ref="message-1", decision="wants_meeting", confidence=0.88, provider="acme")
    first = record_extraction(workspace=workspace, extracted=extracted)
    assert record_extraction(workspace=workspace, extracted=extracted) == first
    assert (first.stage, first.decision, first.confidence) == ("extract", "wants_meeting", Decimal("0.8800"))
    with pytest.raises(Conflict):
        record_extraction(workspace=workspace, extracted=extracted.model_copy(update={"decision": "no_meeting"}))


@pytest.mark.parametrize("person, success", [("approve", True), ("deny", False)])
def test_override__what_a_person_decided__labels_the_verdict(workspace, provider, person, success):
    provider.say({"decision": "approve", "confidence": 0.9})
    oversee_reply(workspace=workspace, reply=a_reply())
    at = timezone.now()
    outcome = override(workspace, person, overridden_at=at)
    assert (outcome.success, outcome.source, outcome.observed_at) == (success, "human_review", at)
    assert override(workspace, person, overridden_at=at) == outcome == DecisionOutcome.objects.get()
    with pytest.raises(Conflict):
        override(workspace, "revise")


def test_override__nobody_looked__unlabelled(workspace, provider):
    provider.say({"decision": "approve", "confidence": 0.9})
    oversee_reply(workspace=workspace, reply=a_reply())
    assert not DecisionOutcome.objects.exists()


def test_override__of_the_extract_stage__labels_no_verdict(workspace):
    record_extraction(
        workspace=workspace, extracted=ExtractedMessage(message_ref="message-1", decision="wants_meeting")
    )
    assert override(workspace, "no_meeting", stage="extract") is None
    assert MeetingOverseerDecision.objects.get().human_override == "no_meeting"


def test_override__in_another_workspace__not_found(workspace, provider):
    provider.say({"decision": "approve", "confidence": 0.9})
    oversee_reply(workspace=workspace, reply=a_reply())
    with pytest.raises(NotFound):
        override(WorkspaceFactory(), "deny")


def test_oversee__private_texts__are_neither_stored_nor_logged(workspace, provider, stored, caplog):
    caplog.set_level(logging.DEBUG)
    provider.say({"decision": "approve", "confidence": 0.9})
    oversee_reply(workspace=workspace, reply=a_reply())
    assert SECRET in str(provider.requests)
    assert SECRET not in stored() + caplog.text
