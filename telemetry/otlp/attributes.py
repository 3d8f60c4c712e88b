"""Which attributes of OpenTelemetry are looked at. Everything else, and so all content, is dropped unseen.

The GenAI conventions are in development, so the former spellings are read too; OpenInference has names of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from governance.vocabulary import (
    NAME_RULE,
    DeclaredNames,
    NameKind,
    host_id_or_blank,
    identifier_or_blank,
    name_or_blank,
    rule_of,
)
from telemetry.metadata import DEEPEST_SCHEMA

MOST_TOKENS = 2_147_483_647
MOST_CHARACTERS = 200

SPAN_KIND = "openinference.span.kind"
OUTPUT_VALUE = "output.value"
DECISION_ANSWERS = "gen_ai.decision.answers"
"""The content that is opened, on spans of decision models, for the numbers inside. See `answers`."""

DECISION_RESULTS = "gen_ai.decision.results"

METADATA = "confidence.metadata."
"""What follows is the dotted path of an entry of the interaction's metadata; see `metadata_in`."""

FEATURE = ("confidence.feature_id", "service.name")
POLICY_KEY = ("confidence.policy_key",)
PROMPT_KEY = ("confidence.prompt_key", "gen_ai.prompt.name")
OPERATION = ("gen_ai.operation.name", "llm.request.type")
PROVIDER = (
    "gen_ai.provider.name",
    "gen_ai.system",
    "llm.provider",
    "llm.system",
    "decision.provider",
    "decision.system",
)
RESPONSE_MODEL = ("gen_ai.response.model", "llm.response.model_name", "decision.response.model_name")
MODEL = (
    *RESPONSE_MODEL,
    "llm.model_name", "embedding.model_name", "decision.model_name",
    "gen_ai.request.model", "llm.request.model_name", "decision.request.model_name",
)  # fmt: skip
"""The model that answered comes before the alias that was asked for."""
RESPONSE_ID = ("gen_ai.response.id",)
ERROR_TYPE = ("error.type",)

INPUT_TOKENS = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "decision.token_count.input",
)  # fmt: skip
OUTPUT_TOKENS = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
    "llm.token_count.completion", "decision.token_count.output",
)  # fmt: skip
CACHED_TOKENS = (
    "gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read",
    "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cached_input_tokens", "gen_ai.usage.cache_read_tokens",
    "gen_ai.usage.cached_tokens", "gen_ai.usage.input_tokens.cached", "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cached_tokens", "gen_ai.openai.usage.prompt_tokens_cached", "ai.usage.cachedInputTokens",
)  # fmt: skip
REASONING_TOKENS = (
    "gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning",
    "gen_ai.usage.reasoning_tokens", "gen_ai.usage.reasoning_output_tokens", "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.thinking_tokens", "gen_ai.usage.details.reasoning_tokens", "llm.usage.reasoning_tokens",
    "ai.usage.reasoningTokens",
)  # fmt: skip
"""Both are parts of the tokens above and never added to them."""

EVALUATION_NAME = ("gen_ai.evaluation.name",)
SCORE_VALUE = ("gen_ai.evaluation.score.value",)
SCORE_LABEL = ("gen_ai.evaluation.score.label",)
EVENT_NAME = ("event.name",)
EXCEPTION_TYPE = ("exception.type",)

_LABELS = frozenset(
    (
        SPAN_KIND, *FEATURE, *POLICY_KEY, *PROMPT_KEY, *OPERATION, *PROVIDER, *MODEL, *RESPONSE_ID, *ERROR_TYPE,
        *EVALUATION_NAME, *SCORE_LABEL, *EVENT_NAME, *EXCEPTION_TYPE,
    )
)  # fmt: skip
_NUMBERS = frozenset((*INPUT_TOKENS, *OUTPUT_TOKENS, *CACHED_TOKENS, *REASONING_TOKENS, *SCORE_VALUE))

# The GenAI instrumentation of Python sends the class itself: <class 'openai.RateLimitError'>.
_ERROR = re.compile(r"(?:<class ')?(?:[A-Za-z0-9_]{1,60}\.){0,9}_?([A-Za-z0-9][A-Za-z0-9_]{0,99})(?:'>)?")

Attributes = Mapping[str, str | float]


def _class_name(value: str) -> str:
    found = _ERROR.fullmatch(value)
    return found[1] if found else ""


def _whole(value: str) -> str:
    """Return what is compared with names that people declared, and never stored."""
    # Nothing that is declared holds a NUL.
    return value if len(value) <= MOST_CHARACTERS else "\0"


_KINDS = {**dict.fromkeys(PROVIDER, NameKind.PROVIDER), **dict.fromkeys(MODEL, NameKind.MODEL)}

_READERS = {
    **dict.fromkeys((*EVALUATION_NAME, *SCORE_LABEL), _whole),
    **dict.fromkeys(RESPONSE_ID, host_id_or_blank),
    **dict.fromkeys((*ERROR_TYPE, *EXCEPTION_TYPE), _class_name),
}


def known_attributes(pairs: Iterable[KeyValue], declared: DeclaredNames | None = None) -> dict[str, str | float]:
    """Return the attributes that this project knows: labels and numbers. A label that is refused stands blank."""
    kept: dict[str, str | float] = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        if pair.key in _LABELS and kind == "string_value" and pair.value.string_value:
            kept[pair.key] = _read_label(pair.key, pair.value.string_value, declared)
        elif pair.key in _NUMBERS and kind in ("int_value", "double_value"):
            kept[pair.key] = getattr(pair.value, kind)
    return kept


def _read_label(key: str, value: str, declared: DeclaredNames | None) -> str:
    if key in _KINDS:
        return name_or_blank(_KINDS[key], value, declared)
    return _READERS.get(key, identifier_or_blank)(value)


def left_out(attributes: Attributes) -> dict[str, str]:
    """Return the labels that were refused, each with a sentence that says by which rule."""
    return {key: f"{key} was left out: it {_rule_of(key)}." for key, value in attributes.items() if value == ""}


def _rule_of(key: str) -> str:
    if key in (*ERROR_TYPE, *EXCEPTION_TYPE):
        return "must be the name of a class"
    return rule_of(_KINDS[key]) if key in _KINDS else NAME_RULE


def label(attributes: Attributes, names: Iterable[str]) -> str:
    """Return the first of `names` that is there and is not blank, "" when there is none."""
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), "")


def tokens(attributes: Attributes, names: Iterable[str]) -> int | None:
    """Return the first of `names` that is a number of tokens, None when there is none."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, int | float) and 0 <= value <= MOST_TOKENS and value == int(value):
            return int(value)
    return None


def metadata_in(pairs: Iterable[KeyValue]) -> dict[str, Any] | None:
    """Return what stands under `METADATA` as nested metadata, None when nothing does.

    It is as it came: `sanitize_metadata` says what of it may stay.
    """
    given = {pair.key.removeprefix(METADATA): _plain(pair.value) for pair in pairs if pair.key.startswith(METADATA)}
    metadata: dict[str, Any] = {}
    # In this order a path comes before those below it.
    for path, value in sorted(given.items()):
        *above, name = path.split(".", DEEPEST_SCHEMA)
        place = metadata
        for step in above:
            if not isinstance(place.setdefault(step, {}), dict):
                # A value where an object must be: under this name no schema keeps it, and it is counted.
                place[step] = {"": place[step]}
            place = place[step]
        place[name] = value
    return metadata or None


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
    if kind in ("bool_value", "int_value", "double_value", "string_value"):
        return getattr(value, kind)
    # No schema has room for a list or for bytes, so what is in them does not matter.
    return [] if kind else None
