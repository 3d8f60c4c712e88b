"""From log records and from events on spans to the evaluations that they hold."""

from __future__ import annotations

import hashlib
import math

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from confidence_project.foundation.errors import InvalidInput
from governance.vocabulary import identifier_or_blank
from telemetry.otlp import attributes as known
from telemetry.otlp.attributes import Attributes, known_attributes, label
from telemetry.otlp.handlers import Evaluation
from telemetry.otlp.naming import span_key, time_of

EVALUATION_RESULT = "gen_ai.evaluation.result"


def read_log(resource: Resource, record: LogRecord) -> Evaluation | None:
    """Return the evaluation in `record`, None when it is another event. The body is never looked at.

    Raises
    ------
    InvalidInput
        It is an evaluation and does not say what it evaluates.
    """
    attributes = known_attributes(record.attributes)
    if (identifier_or_blank(record.event_name) or label(attributes, known.EVENT_NAME)) != EVALUATION_RESULT:
        return None
    at = record.time_unix_nano or record.observed_time_unix_nano
    return _evaluation(attributes, span_key(record.trace_id, record.span_id), at)


def evaluations_on(span: Span) -> list[Evaluation]:
    """Return the evaluations among the events of `span`, whatever else the span is.

    Raises
    ------
    InvalidInput
        One of them does not say what it evaluates, and the span has no ids.
    """
    key = span_key(span.trace_id, span.span_id)
    return [
        _evaluation(known_attributes(event.attributes), key, event.time_unix_nano)
        for event in span.events
        if event.name == EVALUATION_RESULT
    ]


def _evaluation(attributes: Attributes, interaction: str, at: int) -> Evaluation:
    response_id = label(attributes, known.RESPONSE_ID)
    if not interaction and not response_id:
        raise InvalidInput(
            "An evaluation needs gen_ai.response.id, or the trace and span id of the call that it judges."
        )
    name = label(attributes, known.EVALUATION_NAME)
    value = attributes.get(known.SCORE_VALUE[0])
    score = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    score_label = label(attributes, known.SCORE_LABEL)
    identity = "\n".join([interaction, response_id, name, str(score), score_label, str(at)])
    return Evaluation(
        external_id=f"evaluation:{hashlib.sha256(identity.encode()).hexdigest()}",
        name=name,
        score_value=score,
        score_label=score_label,
        response_id=response_id,
        interaction=interaction,
        observed_at=time_of(at) if at else None,
    )
