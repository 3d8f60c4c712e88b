"""From a span to the interaction that it stands for, and to the decision if a decision model was called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import ValidationError

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.submissions import Submission
from confidence_project.foundation.validation import problems_in
from governance.vocabulary import DeclaredNames
from telemetry.contracts import SpanEnvelope
from telemetry.models.otlp import Fate
from telemetry.otlp import attributes as known
from telemetry.otlp.attributes import Attributes, known_attributes, label, left_out, metadata_in, tokens
from telemetry.otlp.decisions import ReceivedDecision, decision_on
from telemetry.otlp.kinds import operation_of, why_no_call
from telemetry.otlp.naming import span_key, time_of


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """A span that is an AI call. `decision` is there when a decision model was called.

    `left_out` holds the labels that were refused, each with why.
    """

    submission: Submission[SpanEnvelope]
    decision: ReceivedDecision | None
    left_out: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoCall:
    """A span that is something else: why, which, and what it calls itself."""

    fate: Fate
    key: str
    operation: str


def read_span(resource: Resource, span: Span, declared: DeclaredNames | None = None) -> ReceivedCall | NoCall:
    """Return the AI call that `span` is, or why it is none.

    Parameters
    ----------
    declared
        Names that the workspace declared; None: none.

    Raises
    ------
    InvalidInput
        The span is an AI call and cannot be stored: ids or times are missing or impossible.
    """
    attributes = known_attributes(span.attributes, declared)
    key = span_key(span.trace_id, span.span_id)
    if (why := why_no_call(attributes)) is not None:
        return NoCall(why, key, operation_of(attributes))
    attributes = known_attributes(resource.attributes, declared) | attributes
    if not key:
        raise InvalidInput("A span needs a trace id of 16 bytes and a span id of 8, neither of them zero.")
    if not span.start_time_unix_nano or 0 < span.end_time_unix_nano < span.start_time_unix_nano:
        raise InvalidInput("A span needs a start time, and an end time that is not before it.")
    try:
        envelope = SpanEnvelope.model_validate(_fields(key, span, attributes), context=declared)
    except ValidationError as error:
        wrong = (f"{problem.pointer[1:]}: {problem.detail}" for problem in problems_in(error))
        raise InvalidInput(f"The span holds a value that an interaction cannot have. {'; '.join(wrong)}.") from None
    decision = decision_on(span, envelope, attributes)
    return ReceivedCall(Submission.of(envelope), decision, left_out(attributes))


def _fields(key: str, span: Span, attributes: Attributes) -> dict[str, object]:
    trace_id, span_id = key.split(":")
    error_type = _error_type(span, attributes)
    fields = {
        "external_id": key,
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_span_id": span.parent_span_id.hex() if len(span.parent_span_id) == 8 else "",
        "created_at": time_of(span.start_time_unix_nano),
        "duration_ms": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6 if span.end_time_unix_nano else None,
        "feature_id": label(attributes, known.FEATURE),
        "prompt_key": label(attributes, known.PROMPT_KEY),
        "provider": label(attributes, known.PROVIDER),
        "model": label(attributes, known.MODEL),
        "operation": operation_of(attributes),
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
