"""From a span of a decision model to its answers, in whichever of the known places and forms they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.contracts import SpanEnvelope
from telemetry.models.otlp import Fate
from telemetry.operations import DECISION
from telemetry.otlp import attributes as known
from telemetry.otlp.answers import declines, holds_a_number, read_reply
from telemetry.otlp.attributes import Attributes, label
from telemetry.otlp.handlers import DecisionSpan
from telemetry.otlp.naming import time_of

ANSWERS_IN_EVENT = "answers"

NO_NUMBER = (
    "A decision span holds no probability, so no confidence came and it is never an allow: gen_ai.decision.answers can "
    "hold the answers with their probabilities, in the form of System One or OpenAI."
)
NOT_READ = "The result of a decision span was not read: gen_ai.decision.results has no published form."


@dataclass(frozen=True, slots=True)
class ReceivedDecision:
    """A call of a decision model. `span` goes to the gate, None: nothing does; `fate` and `told` say what it lacks."""

    span: DecisionSpan | None
    fate: Fate | None = None
    told: str = ""


def decision_on(span: Span, envelope: SpanEnvelope, attributes: Attributes) -> ReceivedDecision | None:
    """Return the decision of a call; None when no decision model was called."""
    if DECISION not in (envelope.operation, str(attributes.get(known.SPAN_KIND, "")).lower()):
        return None
    policy_key = label(attributes, known.POLICY_KEY)
    if not policy_key:
        return ReceivedDecision(None, Fate.NO_POLICY)
    output = _text(span.attributes, known.OUTPUT_VALUE)
    answers = _answers_of(span)
    if answers is None and output is None and _has_results(span):
        return ReceivedDecision(None, Fate.NOT_READ, NOT_READ)
    text = output if output is not None else answers or "{}"
    reply = read_reply(text, answers_alone=output is None)
    plain = output is None and reply is not None and not holds_a_number(reply)
    # A refusal is an answer, too; the gate needs to know whose.
    refused = plain and reply is not None and declines(reply) and bool(envelope.provider and envelope.model)
    put = DecisionSpan(
        interaction=envelope.external_id,
        policy_key=policy_key,
        provider=envelope.provider,
        model=envelope.model,
        occurred_at=time_of(span.start_time_unix_nano),
        answered=not plain or refused,
        reply=reply,
        reply_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    return ReceivedDecision(put, Fate.NO_CONFIDENCE, NO_NUMBER) if plain else ReceivedDecision(put)


def _answers_of(span: Span) -> str | None:
    for event in span.events:
        if event.name == known.DECISION_ANSWERS:
            return _text(event.attributes, ANSWERS_IN_EVENT)
    return _text(span.attributes, known.DECISION_ANSWERS)


def _has_results(span: Span) -> bool:
    names = {pair.key for pair in span.attributes} | {event.name for event in span.events}
    return known.DECISION_RESULTS in names


def _text(pairs: Iterable[KeyValue], name: str) -> str | None:
    found = (pair.value.string_value for pair in pairs if pair.key == name)
    return next(found, None)
