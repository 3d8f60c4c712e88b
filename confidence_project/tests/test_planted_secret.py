"""Private text that a host sends by mistake is in no table, no log line and no reply.

Secrets are planted by the API's own description: in every string of every operation, in every query parameter, as keys,
nested, and where no string belongs. An operation that is new fails here until it is said how to call it soundly.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from confidence_project.tests.planting import (
    DISGUISES,
    NAME,
    TEXT,
    api_description,
    columns_with,
    leaves,
    objects,
    places_of_text,
    planted,
    routes,
)
from confidence_project.tests.where_text_may_stand import IN_CONFIGS, NAMES, SAID_BY_PEOPLE
from governance.access import tokens
from governance.tests.callers import Caller
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    applied,
    approved,
    config_of,
    in_shadow,
    pending,
)
from ledger.labelling.rules import set_labelling_rules
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.pipelines.replies import answer, choice, openai_reply, predicate, score, system_one_reply
from telemetry.otlp import attributes as known
from telemetry.tests import bodies
from telemetry.tests.otlp_messages import CHAT, pairs, span

pytestmark = pytest.mark.django_db

API = "/api/v1"
GOVERNANCE = f"{API}/governance/workspaces/{{slug}}"
PROPOSAL = f"{GOVERNANCE}/proposals/{{proposal_id}}"

METADATA = {
    "leadContextBundle": {"profile": KEY, "sections": {"knowledge": {"tokens": 5, "budget": 9, "truncated": False}}},
    "followupParse": {"confidence": 0.9, "needsTimezoneClarification": False},
    "bookingGate": {"decision": "deny", "issuesCount": 1},
}
ACTIONS = [
    {"type": "retry", "parameters": {"attempts": 2}},
    {"type": "tune", "parameters": {"parameter": "temperature", "value": 0.2}},
    {"type": "alert", "parameters": {"severity": "high"}},
]
REPLIES = [
    answer(openai_reply(predicate(0.9)), prompt_hash="ab" * 32),
    answer(openai_reply(choice())),
    answer(openai_reply(score())),
    answer(system_one_reply(q={"type": "noul", "noul": 0.9}), dialect="system_one"),
    answer(
        system_one_reply(q={"type": "choice", "choice": "a", "confidence": 0.9, "probabilities": {"a": 0.9}}),
        dialect="system_one",
    ),
]
NEW_PROPOSAL = {
    "policy_key": KEY,
    "title": "Lower it",
    "rationale": "It blocks too much.",
    "config": config_of(0.85, provider="acme"),
}


def now() -> str:
    return timezone.now().isoformat()


def proposal_in(make: Callable[..., Any]) -> dict[str, Any]:
    workspace = WorkspaceFactory()
    return {"slug": workspace.slug, "proposal_id": make(workspace).pk}


class Operations:
    """How each operation with a body is called soundly: the values of its path, and its body."""

    def __init__(self, caller: Caller | None = None) -> None:
        self.caller = caller

    def sent(self, path: str, body: dict[str, Any]) -> str:
        assert self.caller is not None
        assert self.caller.post(path, body).status_code == 201
        return str(body["external_id"])

    def sound(self) -> dict[str, list[Callable[[], tuple[dict[str, Any], dict[str, Any]]]]]:
        own = {"reason": "Because."}
        return {
            f"{API}/interactions": [lambda: ({}, bodies.interaction(metadata=METADATA))],
            f"{API}/drafts": [lambda: ({}, bodies.draft())],
            f"{API}/drafts/dispositions": [
                lambda: ({}, {"external_id": self.sent("drafts", bodies.draft()), "disposition": "edited"})
            ],
            f"{API}/sentiments": [lambda: ({}, bodies.sentiment(draft=self.sent("drafts", bodies.draft())))],
            f"{API}/overseer-decisions": [lambda: ({}, bodies.overseer_decision())],
            f"{API}/overseer-decisions/overrides": [lambda: ({}, self.override())],
            f"{API}/bookings": [lambda: ({}, bodies.booking())],
            f"{API}/bookings/outcomes": [lambda: ({}, self.booking_outcome())],
            f"{API}/decisions": [
                *(lambda action=action: ({}, self.decision(action)) for action in ACTIONS),
                *(lambda reply=reply: ({}, envelope(decision=None, answer=reply)) for reply in REPLIES),
            ],
            f"{API}/outcomes": [lambda: ({}, self.outcome())],
            f"{API}/judge-verdicts": [lambda: ({}, self.judge_verdict())],
            f"{API}/labels": [lambda: ({}, self.label())],
            f"{API}/labels/queue": [lambda: ({}, {"days": 7, "limit": 10, "policy_key": KEY})],
            f"{GOVERNANCE}/proposals": [lambda: ({"slug": WorkspaceFactory().slug}, NEW_PROPOSAL)],
            f"{PROPOSAL}/approve": [lambda: (proposal_in(pending), own)],
            f"{PROPOSAL}/reject": [lambda: (proposal_in(pending), own)],
            f"{PROPOSAL}/apply": [lambda: (proposal_in(approved), own)],
            f"{PROPOSAL}/rollout": [lambda: (proposal_in(approved), own)],
            f"{PROPOSAL}/rollout/canary": [lambda: (self.rollout(), {"share": 0.5, **own})],
            f"{PROPOSAL}/rollout/withdraw": [lambda: (self.rollout(), own)],
            f"{GOVERNANCE}/revisions/{{revision_id}}/roll-back": [
                lambda: (self.revision(), {**own, "expected_version": 1})
            ],
        }

    def decision(self, action: dict[str, Any]) -> dict[str, Any]:
        interaction = self.sent("interactions", bodies.interaction())
        return envelope(
            decision=llm_decision(recommended_action=action),
            interaction=interaction,
            case_key="case-1",
            task="triage",
            channel="email",
        )

    def override(self) -> dict[str, Any]:
        record = self.sent("overseer-decisions", bodies.overseer_decision())
        return {"external_id": record, "human_override": "deny", "overridden_at": now()}

    def booking_outcome(self) -> dict[str, Any]:
        return {
            "external_id": self.sent("bookings", bodies.booking()),
            "outcome": "kept",
            "outcome_at": now(),
        }

    def outcome(self) -> dict[str, Any]:
        decision = self.sent("decisions", envelope())
        return {
            "external_id": f"{decision}-label",
            "decision_external_id": decision,
            "success": True,
            "source": "human_review",
        }

    def drawn(self) -> str:
        assert self.caller is not None
        drawn = DecisionRecordFactory(
            workspace=self.caller.workspace,
            policy_key=KEY,
            gate_verdict="block",
            audit_selected=True,
            label_propensity="0.05",
        )
        return str(drawn.pk)

    def judge_verdict(self) -> dict[str, Any]:
        assert self.caller is not None
        set_labelling_rules(
            actor=SuperuserFactory(), workspace=self.caller.workspace, policy_key=KEY, reason="A judge reads first.",
            label_source="drawn", judged_share=Decimal("0.6"),
        )  # fmt: skip
        decision = self.drawn()
        return {"external_id": f"judge-{decision}", "decision_id": decision, "success": True}

    def label(self) -> dict[str, Any]:
        return {
            "decision_id": self.drawn(), "answer": "wrong", "reviewer": "ada", "answered_at": now(), "seconds": 9
        }  # fmt: skip

    @staticmethod
    def rollout() -> dict[str, Any]:
        workspace = WorkspaceFactory()
        return {"slug": workspace.slug, "proposal_id": in_shadow(workspace).proposal_id}

    @staticmethod
    def revision() -> dict[str, Any]:
        revision = applied(WorkspaceFactory())
        return {"slug": revision.workspace.slug, "revision_id": revision.policy.revisions.get(version=0).pk}


@pytest.fixture(scope="module")
def document():
    return api_description()


@pytest.fixture
def quiet(caplog):
    """Everything that is logged while a test runs, at every level."""
    caplog.set_level(logging.DEBUG)
    yield caplog
    assert not [record for record in caplog.get_records("call") if TEXT in record.getMessage()]


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return body


def variants(document, schema, make) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """Values of a path, a body with a secret somewhere, and the secret; every body is sound but for that."""
    _, example = make()
    for place in sorted({*places_of_text(document, schema), *leaves(example)}, key=str):
        for disguise in DISGUISES:
            path, body = make()
            yield path, planted(body, place, disguise), disguise
    for place in objects(example):
        for name, value in ((TEXT, 1), (NAME, TEXT), ("note", TEXT)):
            path, body = make()
            yield path, planted(body, (*place, name), value), TEXT


def check_reply(reply) -> None:
    """A name of the host's own comes back with its record; an error repeats nothing but which field is unknown."""
    assert reply.status_code < 500, reply.content
    said = reply.content.decode(errors="replace") + str(reply.headers)
    assert TEXT not in said
    if reply.status_code >= 400:
        assert NAME not in re.sub(r'"pointer":"[^"]*"', "", said)


@pytest.mark.parametrize("path", [path for path in Operations().sound() if "governance" not in path])
def test_secret__in_any_place_of_what_a_host_sends__is_nowhere_afterwards(document, quiet, path):
    caller, short = Caller(), path.removeprefix(f"{API}/")
    operations = Operations(caller)
    schema = schema_of(document["paths"][path]["post"])
    for make in operations.sound()[path]:
        sent = [(body, disguise) for _, body, disguise in variants(document, schema, make)]
        check_reply(caller.post_lines(short, [body for body, _ in sent]))
        for body, disguise in sent:
            if disguise == TEXT:
                check_reply(caller.post(short, body))
        check_reply(caller.post(short, json.dumps(make()[1]).encode() + TEXT.encode()))
        check_reply(caller.post(short, TEXT.encode(), "text/plain"))
    assert len(sent) > 10
    assert columns_with(TEXT) == set()
    assert columns_with(NAME) <= NAMES


@pytest.mark.parametrize("path", [path for path in Operations().sound() if "governance" in path])
def test_secret__in_any_place_of_what_a_person_sends__stands_only_where_reasons_stand(document, quiet, path):
    (make,) = Operations().sound()[path]
    for values, body, _ in variants(document, schema_of(document["paths"][path]["post"]), make):
        reply = person().post(path.format(**values), json.dumps(body), content_type="application/json")
        check_error(reply)
    assert columns_with(TEXT) <= set(SAID_BY_PEOPLE)
    assert columns_with(NAME) <= {*SAID_BY_PEOPLE, *IN_CONFIGS}


def person() -> Client:
    _, plain = tokens.issue_token(actor=SuperuserFactory())
    return Client(headers={"Authorization": f"Token {plain}"})


def check_error(reply) -> None:
    """What a person said comes back to people; an error repeats nothing."""
    assert reply.status_code < 500, reply.content
    if reply.status_code >= 400:
        check_reply(reply)


def test_secret__in_any_parameter__is_in_no_reply(document, quiet):
    caller, somebody = Caller(), person()
    asked = 0
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            client = somebody if "governance" in path else caller.client
            for secret in (TEXT, NAME):
                values = {"slug": caller.workspace.slug, "id": 1, "proposal_id": 1, "revision_id": 1}
                query = {}
                if parameter["in"] == "path":
                    values[parameter["name"]] = secret
                else:
                    query[parameter["name"]] = secret
                check_reply(client.get(path.format(**values), query))
                asked += 1
    assert asked > 50


class TestOpenTelemetry:
    def filled(self, message: Message, secret: str, depth: int = 0) -> Any:
        """Return `message` with the secret in every string that its definition has."""
        for field in message.DESCRIPTOR.fields:
            repeated = field.is_repeated
            if field.type == field.TYPE_STRING:
                if repeated:
                    getattr(message, field.name).append(secret)
                elif field.containing_oneof is None or field.name == "string_value":
                    setattr(message, field.name, secret)
            elif field.type == field.TYPE_MESSAGE and field.containing_oneof is None and depth < 8:
                below = getattr(message, field.name)
                self.filled(below.add() if repeated else below, secret, depth + 1)
        return message

    @pytest.mark.parametrize("secret", [TEXT, NAME])
    @pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
    def test_secret__in_every_string_of_an_export__is_nowhere_afterwards(self, quiet, secret, signal):
        caller = Caller()
        request = EXPORTS[signal]()
        self.filled(request, secret)
        if signal == "traces":
            spans = request.resource_spans[0].scope_spans[0].spans
            events = [self.filled(span().events.add(), secret) for _ in range(2)]
            events[0].name, events[1].name = "exception", "gen_ai.evaluation.result"
            content = pairs(
                {secret: secret, "gen_ai.input.messages": secret, "input.value": secret, "output.value": secret}
            )
            for kind in ("LLM", "DECISION", "CHAIN"):
                given = [*pairs({**CHAT, "openinference.span.kind": kind, "decision.system": "acme"}), *content]
                spans.append(span(len(spans), given, name=secret, trace_state=secret, events=events))
            spans[-1].attributes.extend(pairs({"confidence.policy_key": KEY}))
        check_reply(self.post(caller, signal, request))
        assert columns_with(secret) == set()

    @pytest.mark.parametrize(
        "name", sorted(known._LABELS | {f"{known.METADATA}{path}" for path in ("a", "followupParse.a")})
    )
    def test_secret__in_an_attribute_that_is_looked_at__only_a_name_stays(self, quiet, name):
        caller = Caller()
        for number, secret in enumerate((TEXT, NAME), 1):
            request = ExportTraceServiceRequest()
            spans = request.resource_spans.add().scope_spans.add().spans
            spans.append(span(number, {**CHAT, name: secret}))
            spans.append(span(number + 2, {"openinference.span.kind": "LLM", name: secret}))
            check_reply(self.post(caller, "traces", request))
        assert columns_with(TEXT) == set()
        assert columns_with(NAME) <= NAMES

    def post(self, caller, signal, request):
        return caller.client.post(f"/v1/{signal}", request.SerializeToString(), content_type="application/x-protobuf")


EXPORTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}

FLAGS = "/ofrep/v1/evaluate/flags"


class TestOpenFeature:
    @pytest.mark.parametrize("secret", [TEXT, NAME])
    @pytest.mark.parametrize("path", [FLAGS, f"{FLAGS}/{KEY}.confidence_threshold"])
    def test_secret__in_a_context__is_nowhere_afterwards(self, quiet, path, secret):
        caller = Caller()
        sound = {"targetingKey": "case-1", "provider": "acme", "model": "acme-1", "confidenceKind": "self_reported"}
        contexts = [*({**sound, name: secret} for name in sound), {**sound, secret: secret}, {secret: {}}, secret]
        for context in contexts:
            check_reply(caller.client.post(path, json.dumps({"context": context}), content_type="application/json"))
        check_reply(caller.client.post(path, json.dumps({secret: secret}), content_type="application/json"))
        assert columns_with(secret) == set()


COVERED_ABOVE = {
    FLAGS,
    f"{FLAGS}/{{key}}",
    "/v1/traces",
    "/v1/logs",
    "/v1/metrics",
}
COVERED_BY_THE_GATEWAY = {"/v1/decisions", "/v1/systemone", "/v1/models", "/v1beta/models", "/v1beta/decisions"}
"""In `ledger/tests/test_gateway.py`, which has a model to ask."""
TAKES_NOTHING = {f"{API}/schema"}


def test_every_route_of_the_api__is_described_or_named_here(document):
    assert routes(("api/v1", "ofrep/", "v1/", "v1beta/")) == {
        *document["paths"],
        *COVERED_ABOVE,
        *COVERED_BY_THE_GATEWAY,
        *TAKES_NOTHING,
    }


def test_every_operation_with_a_body__has_a_sound_call_here(document):
    writing = {
        (path, method)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert writing == {(path, "post") for path in Operations().sound()}


@pytest.mark.parametrize("path", Operations().sound())
def test_every_sound_call__is_sound(path):
    caller = Caller()
    for make in Operations(caller).sound()[path]:
        values, body = make()
        client = person() if "governance" in path else caller.client
        reply = client.post(path.format(**values), json.dumps(body), content_type="application/json")
        assert reply.status_code in {200, 201}, reply.content
