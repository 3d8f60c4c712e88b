"""Spans of decision models in the GenAI form: gated where probabilities came, and never an allow where none did."""

from __future__ import annotations

import json

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from governance import definitions
from governance.answer_rules import AnswerRule
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.factories import ApiKeyFactory
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide
from ledger.tests.bodies import submission
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


def recorded(exporter, number, reply, policy_key="confidence_gate", **attributes):
    named = {"gen_ai.provider.name": "acme", **attributes}
    sent = {"gen_ai.operation.name": "decision", "confidence.policy_key": policy_key, "output.value": reply, **named}
    told = exporter.export(span(number, sent)).partial_success.error_message
    return DecisionRecord.objects.first(), told


def test_reply_on_a_span__read_as_one_that_is_asked_about(exporter):
    choice = {"type": "choice", "choice": "退款", "probabilities": {"退款": 0.9, "其他": 0.1}}
    reply = json.dumps({"model": "d-1.2", "answers": {"Wohin damit, Ann Example?": choice}})
    record, told = recorded(exporter, 1, reply)
    asked = decide(
        workspace=record.workspace,
        submission=submission(
            external_id="asked",
            policy_key="confidence_gate",
            decision=None,
            answer={"dialect": "system_one", "provider": "acme", "response": json.loads(reply)},
        ),
    ).record
    assert told == ""
    for name in ("task", "options", "llm_confidence", "confidence_kind", "model", "gate_reason"):
        assert getattr(record, name) == getattr(asked, name), name
    assert record.task.startswith("q:")
    assert record.options.startswith("2:")


GOOGLE = {
    "answers": {"q": {"type": "score", "score": 1.8, "confidence": 0.8, "probabilities": {"0": 0, "1": 0.2, "2": 0.8}}}
}


@pytest.mark.parametrize(
    "provider, reply, kind, reason",
    [
        ("gcp.gemini", GOOGLE, "google_score", "llm_confidence_below_threshold"),
        ("google", {"prompt_feedback": {"block_reason": "safety"}}, "decision_model", "llm_refusal"),
        ("acme", {"prompt_feedback": {"block_reason": "safety"}}, "decision_model", "llm_refusal"),
    ],
)
def test_reply_of_google_on_a_span__the_model_is_that_of_the_span(exporter, provider, reply, kind, reason):
    named = {"gen_ai.provider.name": provider, "gen_ai.request.model": "gemini-decision-1"}
    record, _ = recorded(exporter, 1, json.dumps(reply), **named)
    assert (record.confidence_kind, record.gate_reason, record.model) == (kind, reason, "gemini-decision-1")


@pytest.mark.parametrize(
    "answers, reason",
    [
        ({"a": {"type": "noul", "noul": 0.9}, "b": {"type": "noul", "noul": 0.9}}, "question_not_named"),
        ({"a": {"type": SECRET}}, "unknown_answer_type"),
        ({"a": {"type": "box", "confidence": None}}, "no_confidence"),
    ],
)
def test_answer_on_a_span__that_cannot_be_judged__says_what_is_to_be_mended(exporter, answers, reason):
    record, told = recorded(exporter, 1, json.dumps({"model": "d-1.2", "answers": answers}))
    assert record.gate_reason == reason
    assert f"blocked as {reason}" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    "text",
    [
        '{"model": "d", "answers": {"q": {"type": "noul", "noul": 0.9, "note": "\\ud800"}}}',
        '{"model": "d", "answers": {"\\ud800": {"type": "noul", "noul": 0.9}}}',
        '{"model": "d", "answers": {"q": {"type": "noul", "noul": 0.9, "x": ' + "[" * 400 + "]" * 400 + "}}}",
        '{"model": "d", "answers": {"q": {"type": "noul", "noul": 0.9, "x": ' + "9" * 4000 + "}}}",
        '{"model": "d", "answers": {"q": {"type": "noul", "noul": ' + "9" * 4000 + "}}}",
        '{"model": "d", "answers": {"q": {"type": "noul", "noul": NaN}}}',
    ],
)
def test_reply_on_a_span__that_is_hard_to_write_out_again__is_read_and_costs_nobody_else(exporter, text):
    record, _ = recorded(exporter, 1, text)
    assert record.gate_reason in ("allowed", "schema_invalid")
    recorded(exporter, 1, text)
    assert DecisionRecord.objects.count() == 1
