"""Spans of decision models in the GenAI form: gated where probabilities came, and never an allow where none did."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from governance import definitions
from governance.definitions import AnswerRule, FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.factories import ApiKeyFactory
from ledger.models import DecisionRecord
from telemetry.models import AIInteraction
from telemetry.tests.otlp_messages import Exporter, pairs, span

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "marked-secret 4711 of Ann Example"
NO_NUMBER = "holds no probability"
SYSTEM_ONE = {
    "allow_refund": {"type": "noul", "noul": 0.97},
    "queue": {
        "type": "choice",
        "choice": "billing",
        "confidence": 0.85,
        "probabilities": {"billing": 0.9, "sales": 0.05, "other": 0.05},
    },
}
STRANDS = {"allow_refund": True, "queue": "billing", "urgent": {"uncertain": True, "reason": SECRET}}
OF_A_MODEL = {"gen_ai.provider.name": "acme", "gen_ai.response.model": "d-1.2"}


@pytest.fixture
def exporter(monkeypatch):
    """An exporter beside a policy whose question is `allow_refund`."""
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition("confidence_threshold", FieldKind.CONFIDENCE_THRESHOLD, 0.7)
    definitions.register(PolicyDefinition("refund", "Refunds", "", (threshold,), answer=AnswerRule("allow_refund")))
    return Exporter(ApiKeyFactory().plain)


def asked(*ids):
    values = ArrayValue(values=[AnyValue(string_value=each) for each in ids])
    attributes = [KeyValue(key="ids", value=AnyValue(array_value=values))]
    return Span.Event(name="gen_ai.decision.questions", attributes=attributes)


def answered(answers):
    text = answers if isinstance(answers, str) else json.dumps(answers)
    return Span.Event(name="gen_ai.decision.answers", attributes=pairs({"answers": text}))


def export(exporter, *events, policy_key="refund", **attributes):
    """Export a decision span; return what the reply says."""
    given = {
        "gen_ai.operation.name": "decision",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 3,
        **{name.replace("__", "."): value for name, value in attributes.items()},
    }
    resource = {"confidence__policy_key": policy_key} if policy_key else {}
    reply = exporter.export(span(1, given, events=[asked("allow_refund"), *events]), **resource)
    assert reply.partial_success.rejected_spans == 0
    assert SECRET not in reply.partial_success.error_message
    interaction = AIInteraction.objects.get()
    assert (interaction.operation, interaction.input_tokens, interaction.output_tokens) == ("decision", 120, 3)
    return reply.partial_success.error_message


OPENAI = [{"type": "predicate", "name": "allow_refund", "probability": 0.97}]


@pytest.mark.parametrize("answers", [SYSTEM_ONE, OPENAI])
def test_answers__with_probabilities__gated_as_the_reply_of_their_model(exporter, answers):
    assert export(exporter, answered(answers), **OF_A_MODEL) == ""

    record = DecisionRecord.objects.get()
    assert (record.gate_verdict, float(record.llm_confidence), record.task) == ("allow", 0.97, "allow_refund")
    assert (record.provider, record.model) == ("acme", "d-1.2")
    assert record.interaction == AIInteraction.objects.get()


def test_answers__below_the_threshold__a_block(exporter):
    export(exporter, answered({"allow_refund": {"type": "noul", "noul": 0.2}}), **OF_A_MODEL)

    assert DecisionRecord.objects.get().gate_reason == "llm_confidence_below_threshold"


@pytest.mark.parametrize("policy_key", ["refund", "confidence_gate"])
@pytest.mark.parametrize("whose", [OF_A_MODEL, {}])
@pytest.mark.parametrize("answers", [STRANDS, {"allow_refund": True}, {"allow_refund": "yes"}, {}])
def test_answers__without_a_probability__a_block_and_a_warning(exporter, answers, whose, policy_key):
    told = export(exporter, answered(answers), policy_key=policy_key, **whose)

    assert NO_NUMBER in told
    assert "gen_ai.decision.answers" in told
    record = DecisionRecord.objects.get()
    assert (record.gate_verdict, record.llm_confidence) == ("block", None)


@pytest.mark.parametrize("whose, reason", [(OF_A_MODEL, "llm_refusal"), ({}, "missing_llm_decision")])
def test_answer__uncertain__a_refusal_and_no_error(exporter, whose, reason):
    told = export(exporter, answered({"allow_refund": {"uncertain": True, "reason": SECRET}, "queue": "x"}), **whose)

    assert NO_NUMBER in told
    assert DecisionRecord.objects.get().gate_reason == reason


def test_answers__of_which_another_than_the_asked_one_has_a_probability__never_an_allow(exporter):
    answers = {"allow_refund": True, "queue": {"type": "noul", "noul": 0.99}}
    for number, policy_key in enumerate(["refund", "confidence_gate"], 1):
        sent = {"gen_ai.operation.name": "decision", "confidence.policy_key": policy_key, **OF_A_MODEL}
        exporter.export(span(number, sent, events=[answered(answers)]))

    assert [record.gate_verdict for record in DecisionRecord.objects.all()] == ["block", "block"]


def test_results__in_a_form_that_is_not_published__a_call_and_a_warning(exporter):
    told = export(exporter, gen_ai__decision__results='[{"noul": 0.97, "question": "allow_refund"}]', **OF_A_MODEL)

    assert "gen_ai.decision.results" in told
    assert not DecisionRecord.objects.exists()


@pytest.mark.parametrize("broken", ["no JSON", "7", "null", "[" * 5_000, SECRET])
def test_answers__that_cannot_be_read__a_recorded_block(exporter, broken):
    export(exporter, answered(broken), **OF_A_MODEL)

    assert DecisionRecord.objects.get().gate_reason == "schema_invalid"


def test_answers__without_a_policy_key__a_call_alone(exporter):
    assert export(exporter, answered(SYSTEM_ONE), policy_key="", **OF_A_MODEL) == ""
    assert not DecisionRecord.objects.exists()


def test_answers__with_probabilities_of_nobody__told_what_is_missing(exporter):
    sent = {"gen_ai.operation.name": "decision", "confidence.policy_key": "refund"}

    reply = exporter.export(span(1, sent, events=[answered(SYSTEM_ONE)]))

    assert "gen_ai.provider.name" in reply.partial_success.error_message
    assert AIInteraction.objects.count() == 1
    assert not DecisionRecord.objects.exists()
