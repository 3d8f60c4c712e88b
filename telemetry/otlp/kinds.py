"""Which spans are calls of a model: those that say so. A model's name alone rides on spans of any kind, as baggage."""

from __future__ import annotations

from telemetry.models.otlp import Fate
from telemetry.operations import AROUND_CALLS, CALLS, DECISION
from telemetry.otlp import attributes as known
from telemetry.otlp.attributes import Attributes, label, tokens

KINDS_OF_CALLS = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank", "DECISION": DECISION}
"""OpenInference kinds that call a model, and their operations; others (CHAIN, AGENT, …) hold calls or none."""

UNKNOWN_KIND = "UNKNOWN"


def operation_of(attributes: Attributes) -> str:
    """Return the operation that a span names, or that its kind stands for; "" when it says neither."""
    kind = str(attributes.get(known.SPAN_KIND, ""))
    return label(attributes, known.OPERATION) or KINDS_OF_CALLS.get(kind, kind.lower())


def why_no_call(attributes: Attributes) -> Fate | None:
    """Return why a span is no call of a model, None when it is one.

    It is one by its kind or operation; with an operation of another name, by the id of a response; and without any, by
    tokens or a response.
    """
    kind = label(attributes, (known.SPAN_KIND,))
    if kind and kind != UNKNOWN_KIND:
        return None if kind in KINDS_OF_CALLS else Fate.OTHER_OPERATION
    operation = label(attributes, known.OPERATION)
    answered = bool(label(attributes, known.RESPONSE_ID))
    if operation:
        is_call = operation in CALLS or (answered and operation not in AROUND_CALLS)
        return None if is_call else Fate.OTHER_OPERATION
    counted = tokens(attributes, (*known.INPUT_TOKENS, *known.OUTPUT_TOKENS)) is not None
    named = any(name in attributes for name in known.RESPONSE_MODEL)
    return None if answered or counted or named else Fate.NO_CALL
