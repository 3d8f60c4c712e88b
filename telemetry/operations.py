"""Operations of the GenAI conventions, and the names of libraries for them: which call a model, which are alike."""

from __future__ import annotations

DECISION = "decision"

_FAMILIES = (
    frozenset(
        {
            "chat", "text_completion", "generate_content", "completion", "completions", "generate_text",
            "text_generation", "generate_object", "message", "messages", "response", "responses",
        }
    ),
    frozenset({"embeddings", "embedding", "embed"}),
    frozenset({"rerank", "reranking"}),
    frozenset({"transcription", "transcribe", "speech_to_text", "ai.transcribe", "ai.streamTranscribe"}),
    frozenset({"speech", "text_to_speech", "ai.generateSpeech"}),
    frozenset({"generate_image", "image_generation"}),
    *(frozenset({alone}) for alone in (DECISION, "classify", "moderation", "translation")),
)  # fmt: skip
"""Each holds the names of what one instrumentation calls so, and another around it or inside it otherwise."""

CALLS = frozenset().union(*_FAMILIES)
"""Operations that call a model."""

AROUND_CALLS = frozenset(
    {
        "invoke_agent", "create_agent", "invoke_workflow", "execute_tool", "retrieval",
        "agent", "agent_step", "step", "workflow", "chain", "task", "tool", "plan", "handoff",
    }
)  # fmt: skip
"""Operations that call none themselves: they repeat the tokens, and some the response, of the calls inside them."""

_FAMILY_OF = {operation: min(family) for family in _FAMILIES for operation in family}


def are_alike(one: str, other: str) -> bool:
    """True when the operations may be one, under two names; a blank one may be any."""
    return not (one and other) or _FAMILY_OF.get(one, one) == _FAMILY_OF.get(other, other)
