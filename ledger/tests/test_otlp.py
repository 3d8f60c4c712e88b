"""What OpenTelemetry brings to the ledger: evaluations become outcomes, calls of decision models are gated."""

from __future__ import annotations

import json
import logging
import time

import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from governance.tests.factories import ApiKeyFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.bodies import envelope
from telemetry.models import AIInteraction
from telemetry.tests.openai_server import SECRET, reply, running_server
from telemetry.tests.otlp_messages import CHAT, TRACE, Exporter, pairs, span

pytestmark = pytest.mark.django_db(transaction=True)

EVALUATION = "gen_ai.evaluation.result"
SPAN_KEY = f"{TRACE.hex()}:0000000000000001"


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


def decide(key, exporter, **changes):
    """A decision through the API, on the interaction of the span that is exported here."""
    exporter.export(span(1))
    body = envelope(interaction=SPAN_KEY, **changes)
    answer = exporter.client.post("/api/v1/decisions", json.dumps(body), "application/json")
    assert answer.status_code == 201, answer.content
    return DecisionRecord.objects.get(external_id=body["external_id"])


def evaluation(attributes=None, **fields):
    """A log record that judges the first span by its response id."""
    given = {
        "gen_ai.response.id": "chatcmpl-7",
        "gen_ai.evaluation.name": "resolved",
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.explanation": SECRET,
        **(attributes or {}),
    }
    defaults = {
        "event_name": EVALUATION,
        "time_unix_nano": time.time_ns(),
        "attributes": pairs({name: value for name, value in given.items() if value is not None}),
    }
    return LogRecord(**{**defaults, **fields})


def export(exporter, *records):
    """Post log records; return how many were rejected, and why."""
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])])
    answer = exporter.post(request.SerializeToString(), path="/v1/logs")
    assert answer.status_code == 200
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert SECRET not in partial.error_message
    return partial.rejected_log_records, partial.error_message


class TestEvaluations:
    def test_evaluation__by_response_id__an_outcome_of_the_decision(self, key, exporter):
        decision = decide(key, exporter)

        assert export(exporter, evaluation()) == (0, "")

        outcome = DecisionOutcome.objects.get()
        assert outcome.decision == decision
        assert (outcome.success, outcome.source, outcome.workspace) == (True, "downstream_event", key.workspace)

    def test_evaluation__by_span__an_outcome_of_the_decision(self, key, exporter):
        decision = decide(key, exporter)

        record = evaluation({"gen_ai.response.id": None}, trace_id=TRACE, span_id=(1).to_bytes(8, "big"))

        assert export(exporter, record) == (0, "")
        assert DecisionOutcome.objects.get().decision == decision

    def test_evaluation__made_in_another_span__an_outcome_of_the_answer_that_it_names(self, key, exporter):
        decision = decide(key, exporter)

        # A logger of OpenTelemetry adds whatever span is current.
        assert export(exporter, evaluation(trace_id=TRACE, span_id=(9).to_bytes(8, "big"))) == (0, "")
        assert DecisionOutcome.objects.get().decision == decision

    @pytest.mark.parametrize("first, then", [(1, 2), (2, 1)])
    def test_decision_and_evaluation__by_another_span_that_watches_the_call__of_the_call(
        self, key, exporter, first, then
    ):
        spans = {1: span(1), 2: span(2, parent_span_id=(1).to_bytes(8, "big"))}
        exporter.export(spans[first])
        exporter.export(spans[then])
        body = envelope(interaction=f"{TRACE.hex()}:{then:016x}")

        answer = exporter.client.post("/api/v1/decisions", json.dumps(body), "application/json")
        judged = evaluation({"gen_ai.response.id": None}, trace_id=TRACE, span_id=then.to_bytes(8, "big"))

        assert answer.status_code == 201
        assert export(exporter, judged) == (0, "")
        outcome = DecisionOutcome.objects.get()
        assert outcome.decision.interaction == AIInteraction.objects.get()
        assert outcome.decision.interaction.span_id == f"{first:016x}"

    def test_evaluation__named_by_the_former_attribute__taken(self, key, exporter):
        decide(key, exporter)

        assert export(exporter, evaluation({"event.name": EVALUATION}, event_name="")) == (0, "")
        assert DecisionOutcome.objects.count() == 1

    @pytest.mark.parametrize(
        "score, success",
        [
            ({"gen_ai.evaluation.score.label": "FAIL"}, False),
            ({"gen_ai.evaluation.score.label": "correct"}, True),
            ({"gen_ai.evaluation.score.label": "fail", "gen_ai.evaluation.score.value": 0.9}, False),
        ],
    )
    def test_evaluation__a_verdict__success_or_failure(self, key, exporter, score, success):
        decide(key, exporter)

        assert export(exporter, evaluation(score)) == (0, "")
        assert DecisionOutcome.objects.get().success is success

    @pytest.mark.parametrize(
        "score",
        [
            {"gen_ai.evaluation.score.label": None, "gen_ai.evaluation.score.value": 1.0},
            {"gen_ai.evaluation.score.label": None, "gen_ai.evaluation.score.value": 0},
            {"gen_ai.evaluation.score.label": None, "gen_ai.evaluation.score.value": 0.7},
            {"gen_ai.evaluation.score.label": None, "gen_ai.evaluation.score.value": float("nan")},
            {"gen_ai.evaluation.score.label": "relevant"},
            {"gen_ai.evaluation.score.label": SECRET},
            {"gen_ai.evaluation.score.label": "not pass", "gen_ai.evaluation.score.value": 1.0},
            {"gen_ai.evaluation.score.label": None},
        ],
    )
    def test_evaluation__of_an_evaluator_that_is_not_declared__rejected_by_name(self, key, exporter, score):
        decide(key, exporter)

        rejected, message = export(exporter, evaluation(score))

        assert (rejected, "resolved: not declared" in message) == (1, True)
        assert not DecisionOutcome.objects.exists()

    def test_evaluation__sent_again__one_outcome(self, key, exporter):
        decide(key, exporter)
        record = evaluation()

        export(exporter, record, record)

        assert export(exporter, record) == (0, "")
        assert DecisionOutcome.objects.count() == 1

    def test_evaluation__several_at_once__the_good_ones_stay(self, key, exporter):
        decide(key, exporter)

        records = [
            evaluation({"gen_ai.response.id": "unknown"}),
            evaluation(),
            evaluation({"gen_ai.response.id": None}),
            LogRecord(event_name="something.else"),
            evaluation(time_unix_nano=time.time_ns() + 10**9 * 3600 * 24),
        ]

        rejected, message = export(exporter, *records)

        assert rejected == 3
        assert "No decision rests on the call" in message
        assert "future" in message
        assert DecisionOutcome.objects.count() == 1

    def test_evaluation__of_a_call_in_another_workspace__rejected(self, key, exporter):
        decide(key, exporter)

        rejected, _ = export(Exporter(ApiKeyFactory().plain), evaluation())

        assert rejected == 1
        assert not DecisionOutcome.objects.exists()

    def test_evaluation__two_decisions_on_one_call__the_name_tells_which(self, key, exporter):
        decide(key, exporter, task="first")
        second = decide(key, exporter, task="second")

        assert export(exporter, evaluation())[0] == 1
        assert export(exporter, evaluation({"gen_ai.evaluation.name": "second"})) == (0, "")
        assert DecisionOutcome.objects.get().decision == second

    def test_evaluation__in_json__an_outcome(self, key, exporter):
        decide(key, exporter)
        record = {
            "eventName": EVALUATION,
            "timeUnixNano": str(time.time_ns()),
            "body": {"stringValue": SECRET},
            "attributes": [
                {"key": "gen_ai.response.id", "value": {"stringValue": "chatcmpl-7"}},
                {"key": "gen_ai.evaluation.score.label", "value": {"stringValue": "fail"}},
            ],
        }

        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"timeUnixNano": "soon"}]}]}]})
        answer = exporter.post(body.encode(), "application/json", "/v1/logs")

        assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "1"
        assert DecisionOutcome.objects.get().success is False

    def test_evaluation__from_the_sdk__an_outcome(self, key, exporter, live_server):
        decide(key, exporter)
        logs = OTLPLogExporter(
            endpoint=f"{live_server.url}/v1/logs", headers={"Authorization": f"Bearer {key.plain}"}, timeout=10
        )
        provider = LoggerProvider()
        provider.add_log_record_processor(SimpleLogRecordProcessor(logs))

        provider.get_logger("a host").emit(
            event_name=EVALUATION,
            timestamp=time.time_ns(),
            attributes={
                "gen_ai.response.id": "chatcmpl-7",
                "gen_ai.evaluation.name": "resolved",
                "gen_ai.evaluation.score.label": "pass",
            },
        )
        provider.shutdown()

        assert DecisionOutcome.objects.get().success is True


def event(**attributes):
    """An evaluation as an event on a span."""
    given = {
        "gen_ai.evaluation.name": "resolved",
        "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.explanation": SECRET,
        **{name.replace("__", "."): value for name, value in attributes.items()},
    }
    return Span.Event(name=EVALUATION, time_unix_nano=time.time_ns(), attributes=pairs(given))


class TestEvaluationsOnSpans:
    def test_event__on_the_span_of_the_call__an_outcome_of_its_decision(self, key, exporter):
        decision = decide(key, exporter)

        # A host that evaluates before the span ends sends the span once; here it comes again, with its event.
        reply = exporter.export(span(1, {"openinference.span.kind": "CHAIN"}, events=[event()]))

        assert not reply.HasField("partial_success")
        outcome = DecisionOutcome.objects.get()
        assert (outcome.decision, outcome.success, outcome.source) == (decision, True, "downstream_event")

    def test_event__with_a_response_id_on_another_span__an_outcome_of_that_answers_decision(self, key, exporter):
        decision = decide(key, exporter)

        exporter.export(span(9, {}, events=[event(gen_ai__response__id="chatcmpl-7")]))

        assert DecisionOutcome.objects.get().decision == decision

    def test_event__on_the_span_of_a_judge_that_was_gated_itself__judges_the_answer_that_it_names(self, key, exporter):
        decision = decide(key, exporter)
        judge = {**CHAT, "gen_ai.response.id": "chatcmpl-8"}
        exporter.export(span(2, judge))
        exporter.client.post(
            "/api/v1/decisions",
            json.dumps(envelope(interaction=f"{TRACE.hex()}:0000000000000002")),
            "application/json",
        )

        exporter.export(span(2, {}, events=[event(gen_ai__response__id="chatcmpl-7")]))

        assert DecisionOutcome.objects.get().decision == decision

    def test_event__that_names_another_answer_than_its_spans__no_outcome(self, key, exporter):
        decide(key, exporter)

        reply = exporter.export(span(1, {}, events=[event(gen_ai__response__id="chatcmpl-9")]))

        assert "No decision rests on the call" in reply.partial_success.error_message
        assert not DecisionOutcome.objects.exists()

    def test_event__on_the_span_of_a_decision_model__an_outcome_of_the_decision_of_the_same_export(self, exporter):
        sent = decision_span()
        sent.events.append(event(gen_ai__evaluation__score__label="fail"))

        assert not exporter.export(sent).HasField("partial_success")
        assert not exporter.export(sent).HasField("partial_success")

        outcome = DecisionOutcome.objects.get()
        assert (outcome.decision, outcome.success) == (DecisionRecord.objects.get(), False)

    @pytest.mark.parametrize(
        "attributes, why",
        [
            ({"gen_ai__evaluation__score__label": "relevant"}, "resolved: not declared"),
            ({"gen_ai__evaluation__score__label": SECRET}, "resolved: not declared"),
            ({}, "No decision rests on the call"),
        ],
    )
    def test_event__that_is_no_outcome__a_warning_and_the_span_stays(self, exporter, attributes, why):
        reply = exporter.export(span(1, events=[event(**attributes), Span.Event(name="another", time_unix_nano=1)]))

        assert reply.partial_success.rejected_spans == 0
        assert why in reply.partial_success.error_message
        assert SECRET not in reply.partial_success.error_message
        assert AIInteraction.objects.count() == 1
        assert not DecisionOutcome.objects.exists()

    def test_event__in_json__an_outcome(self, key, exporter):
        decide(key, exporter)
        given = {
            "traceId": TRACE.hex(),
            "spanId": "0000000000000001",
            "events": [
                {
                    "name": EVALUATION,
                    "timeUnixNano": str(time.time_ns()),
                    "attributes": [{"key": "gen_ai.evaluation.score.label", "value": {"stringValue": "fail"}}],
                }
            ],
        }

        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [given]}]}]}).encode()
        answer = exporter.post(body, "application/json")

        assert answer.json() == {}
        assert DecisionOutcome.objects.get().success is False

    def test_event__from_the_sdk__an_outcome(self, key, exporter, live_server):
        decision = decide(key, exporter)
        traces = OTLPSpanExporter(
            endpoint=f"{live_server.url}/v1/traces", headers={"Authorization": f"Bearer {key.plain}"}, timeout=10
        )
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(traces))

        with provider.get_tracer("a host").start_as_current_span("evaluate") as current:
            attributes = {"gen_ai.response.id": "chatcmpl-7", "gen_ai.evaluation.score.label": "fail"}
            current.add_event(EVALUATION, attributes)
        provider.shutdown()

        outcome = DecisionOutcome.objects.get()
        assert (outcome.decision, outcome.success) == (decision, False)


def decision_span(number=1, **changes):
    attributes = {
        "openinference.span.kind": "DECISION",
        "decision.system": "openai",
        "decision.model_name": "luna-1",
        "confidence.policy_key": "confidence_gate",
        "output.value": json.dumps(openai_reply(0.93)),
        **changes,
    }
    return span(number, {name: value for name, value in attributes.items() if value is not None})


def openai_reply(probability, **changes):
    answer = {"type": "predicate", "name": "is_refund", "probability": probability, **changes}
    return {"id": "dec_1", "model": "luna-1", "answers": [answer], "note": SECRET}


class TestDecisionSpans:
    def test_decision_span__with_a_policy_key__gated_and_recorded(self, key, exporter):
        reply = exporter.export(decision_span())

        assert not reply.HasField("partial_success")
        record = DecisionRecord.objects.get()
        assert record.workspace == key.workspace
        assert (record.gate_verdict, record.gate_reason) == ("allow", "allowed")
        assert (record.provider, record.model, float(record.llm_confidence)) == ("openai", "luna-1", 0.93)
        assert (record.external_id, record.task) == (SPAN_KEY, "is_refund")
        assert record.interaction == AIInteraction.objects.get()
        assert record.occurred_at == record.interaction.created_at

    @pytest.mark.parametrize(
        "output, reason",
        [
            (openai_reply(0.2), "llm_confidence_below_threshold"),
            (openai_reply(0.9, type="refusal"), "llm_refusal"),
            (openai_reply(1.2), "schema_invalid"),
            (openai_reply("0.9"), "schema_invalid"),
            ({"model": "luna-1", "answers": []}, "missing_llm_decision"),
            ({"answer": SECRET}, "schema_invalid"),
            (SECRET, "schema_invalid"),
            ({"model": "jev-1", "answers": {"is_refund": {"type": "noul", "noul": 0.95}}}, "allowed"),
        ],
    )
    def test_decision_span__whatever_was_answered__recorded_with_its_reason(self, exporter, output, reason):
        exporter.export(decision_span(**{"output.value": json.dumps(output)}))

        assert DecisionRecord.objects.get().gate_reason == reason

    @pytest.mark.parametrize(
        "output, where",
        [
            (openai_reply(1.2), "answers/0/probability: Input should be less than or equal to 1"),
            (openai_reply(0.9, type=7), "answers/0/type: Field required, as text"),
            ({**openai_reply(0.9), "model": SECRET}, "model: must have 1 to 200 visible characters"),
            ({**openai_reply(0.9), "answers": openai_reply(0.9)["answers"] * 2}, "answers: holds several answers"),
            (SECRET, "the reply: Input should be an object"),
        ],
    )
    def test_decision_span__broken_reply__says_which_field_and_rule(self, exporter, output, where):
        sent = decision_span(**{"output.value": json.dumps(output)})

        for _ in range(2):
            said = exporter.export(sent).partial_success

            assert said.rejected_spans == 0
            assert f"A decision was recorded, blocked as schema_invalid. {where}" in said.error_message
            assert SECRET not in said.error_message
        (record,) = DecisionRecord.objects.all()
        assert record.schema_problems
        assert SECRET not in json.dumps(record.schema_problems)

    def test_decision_span__sent_again__one_record(self, exporter):
        sent = decision_span()

        exporter.export(sent)
        reply = exporter.export(sent)

        assert not reply.HasField("partial_success")
        assert DecisionRecord.objects.count() == 1

    @pytest.mark.parametrize("changes", [{"confidence.policy_key": None}, {"openinference.span.kind": "LLM"}])
    def test_decision_span__without_a_policy_key_or_of_another_kind__an_interaction_alone(self, exporter, changes):
        exporter.export(decision_span(**changes))

        assert AIInteraction.objects.count() == 1
        assert not DecisionRecord.objects.exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"confidence.policy_key": "no.such.policy"},
            {"confidence.policy_key": "auto_send.evaluate"},
            {"confidence.policy_key": "lead_context_bundle"},
            {"decision.system": None},
        ],
    )
    def test_decision_span__that_cannot_be_gated__rejected_alone_and_its_interaction_stays(self, exporter, changes):
        reply = exporter.export(decision_span(1), decision_span(2, **changes), decision_span(3), span(4))

        assert reply.partial_success.rejected_spans == 1
        assert DecisionRecord.objects.count() == 2
        assert AIInteraction.objects.count() == 4

    def test_decision_span__of_the_instrumented_client__gated(self, key, live_server):
        exporter = OTLPSpanExporter(
            endpoint=f"{live_server.url}/v1/traces", headers={"X-API-Key": key.plain}, timeout=10
        )
        provider = TracerProvider(resource=Resource.create({"confidence.policy_key": "confidence_gate"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        instrumentor = OpenAIInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        question = {"type": "predicate", "name": "is_refund", "instructions": SECRET}
        with running_server() as server, openai.OpenAI(base_url=server.url, api_key="k", max_retries=0) as client:
            server.plan(reply({"object": "decision", "usage": {}, **openai_reply(0.97)}))
            client.decisions.create(model="luna", input=SECRET, questions=[question])
        instrumentor.uninstrument()
        provider.shutdown()

        record = DecisionRecord.objects.get()
        assert (record.gate_verdict, record.model, float(record.llm_confidence)) == ("allow", "luna-1", 0.97)


def test_otlp__whatever_arrives__no_text_in_the_logs(key, exporter, caplog):
    caplog.set_level(logging.DEBUG)
    decide(key, exporter)
    export(exporter, evaluation({"gen_ai.evaluation.score.label": SECRET}), evaluation(body=None))
    exporter.export(decision_span(2, **{"output.value": SECRET, "confidence.policy_key": SECRET}))

    assert "Ann Example" not in caplog.text
    assert CHAT["gen_ai.response.model"] not in caplog.text
