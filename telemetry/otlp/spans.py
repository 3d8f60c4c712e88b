"""From a span to the interaction that it stands for, and to the decision if a decision model was called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import ValidationError

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.submissions import Submission
from telemetry.contracts import InteractionEnvelope
from telemetry.otlp import attributes as known
from telemetry.otlp.answers import reduced_reply
from telemetry.otlp.attributes import Attributes, known_attributes, label, metadata_in, tokens
from telemetry.otlp.handlers import DecisionSpan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MODEL_CALLS = frozenset({"LLM", "EMBEDDING", "RERANKER", "DECISION"})
"""OpenInference kinds that call a model; the others (CHAIN, AGENT, TOOL, …) hold such calls or none."""

WRAPPERS = frozenset({"execute_tool", "invoke_agent", "create_agent", "invoke_workflow"})
"""GenAI operations that repeat the tokens of the calls inside them."""

DECISION = "DECISION"
OPERATION_OF_KIND = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank", DECISION: "decision"}


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """A span that is an AI call. `decision` is there when a decision model was called for a policy."""

    submission: Submission[InteractionEnvelope]
    decision: DecisionSpan | None


def span_key(trace_id: bytes, span_id: bytes) -> str:
    """Return the external id of the interaction that a span becomes; "" when the ids do not name a span."""
    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
        return ""
    return f"{trace_id.hex()}:{span_id.hex()}"


def time_of(nanoseconds: int) -> datetime:
    """Return a Unix time in nanoseconds as a datetime, to the microsecond."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def read_span(resource: Resource, span: Span) -> ReceivedCall | None:
    """Return the AI call that `span` is, None when it is something else.

    Raises
    ------
    InvalidInput
        The span is an AI call and cannot be stored: ids or times are missing or impossible.
    """
    attributes = known_attributes(span.attributes)
    if not _is_model_call(attributes):
        return None
    attributes = known_attributes(resource.attributes) | attributes
    key = span_key(span.trace_id, span.span_id)
    if not key:
        raise InvalidInput("A span needs a trace id of 16 bytes and a span id of 8, neither of them zero.")
    if not span.start_time_unix_nano or 0 < span.end_time_unix_nano < span.start_time_unix_nano:
        raise InvalidInput("A span needs a start time, and an end time that is not before it.")
    try:
        envelope = InteractionEnvelope.model_validate(_fields(key, span, attributes))
    except ValidationError:
        raise InvalidInput("The span holds a value that an interaction cannot have.") from None
    return ReceivedCall(Submission.of(envelope), _decision(envelope, attributes, span.attributes))


def _is_model_call(attributes: Attributes) -> bool:
    kind = attributes.get(known.SPAN_KIND)
    if kind:
        return kind in MODEL_CALLS
    operation = label(attributes, known.OPERATION)
    return operation not in WRAPPERS and bool(operation or label(attributes, known.MODEL))


def _fields(key: str, span: Span, attributes: Attributes) -> dict[str, object]:
    trace_id, span_id = key.split(":")
    error_type = _error_type(span, attributes)
    kind = str(attributes.get(known.SPAN_KIND, ""))
    fields = {
        "external_id": key,
        "trace_id": trace_id,
        "span_id": span_id,
        "created_at": time_of(span.start_time_unix_nano),
        "duration_ms": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6 if span.end_time_unix_nano else None,
        "feature_id": label(attributes, known.FEATURE),
        "prompt_key": label(attributes, known.PROMPT_KEY),
        "provider": label(attributes, known.PROVIDER),
        "model": label(attributes, known.MODEL),
        "operation": label(attributes, known.OPERATION) or OPERATION_OF_KIND.get(kind),
        "response_id": label(attributes, known.RESPONSE_ID),
        "status": "error" if error_type else "ok",
        "error_type": error_type,
        "input_tokens": tokens(attributes, known.INPUT_TOKENS),
        "output_tokens": tokens(attributes, known.OUTPUT_TOKENS),
        "cached_tokens": tokens(attributes, known.CACHED_TOKENS),
        "reasoning_tokens": tokens(attributes, known.REASONING_TOKENS),
        "metadata": metadata_in(span.attributes),
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


def _error_type(span: Span, attributes: Attributes) -> str:
    """Return the class of the error that ended the call, "" when it ended well."""
    events = (known_attributes(event.attributes) for event in span.events if event.name == "exception")
    raised = next((name for event in events if (name := label(event, known.EXCEPTION_TYPE))), "")
    named = label(attributes, known.ERROR_TYPE) or raised
    if span.status.code == Status.STATUS_CODE_ERROR:
        return named or "Exception"
    # An exception event without an error status was handled inside the call.
    return label(attributes, known.ERROR_TYPE)


def _decision(envelope: InteractionEnvelope, attributes: Attributes, pairs: Sequence[KeyValue]) -> DecisionSpan | None:
    policy_key = label(attributes, known.POLICY_KEY)
    if attributes.get(known.SPAN_KIND) != DECISION or not policy_key or envelope.created_at is None:
        return None
    output = next((pair.value.string_value for pair in pairs if pair.key == known.OUTPUT_VALUE), "")
    return DecisionSpan(
        interaction=envelope.external_id,
        policy_key=policy_key,
        provider=envelope.provider,
        occurred_at=envelope.created_at,
        reply=reduced_reply(output),
    )
