"""Replies of decision models on the wire: which forms there are, and where the answers stand in them.

The forms are those of the OpenAI Decisions API, of System One (TypeSafe and others) and of Google. Those who pass them
on (OpenRouter, Cloudflare, LiteLLM) add fields and leave out some; they keep the form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import Field

from governance.vocabulary import ModelName
from ledger.models import ConfidenceKind
from ledger.pipelines.answers import (
    Answer,
    Choice,
    GoogleChoice,
    GoogleNoul,
    GoogleScore,
    Noul,
    Predicate,
    Refusal,
    Score,
    SystemOneChoice,
    Wire,
)
from ledger.reasons import PipelineReason

DialectName = Literal["openai", "system_one", "google"]

ABSTENTIONS = ("abstain", "abstained", "unknown")
"""What says that the model abstains, whatever its confidence: a field that is true, a type, or an action."""

REFUSALS = ("refusal", "uncertain")
"""What says that the model declined: a type, or a field that is true."""

UNJUDGED: Mapping[str, tuple[PipelineReason, str]] = {
    "unsupported": (
        PipelineReason.UNSUPPORTED_QUESTION,
        "the model does not answer questions of this type: ask another model, or ask otherwise",
    ),
    "box": (
        PipelineReason.NO_CONFIDENCE,
        "a box comes without a confidence: name a question of another type in the policy's answer rule",
    ),
}
"""Types of sound answers that nothing can be judged by: the reason, and what is to be done."""

SHAPES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"choice", "probabilities"}), "choice"),
    (frozenset({"score", "confidence"}), "score"),
    (frozenset({"noul"}), "noul"),
    (frozenset({"probability"}), "predicate"),
)
"""What an answer without a type unmistakably is."""


class Placed(NamedTuple):
    """An answer with the id of its question, blank where it has none, and where in the reply it stands."""

    place: int | str
    question: str
    answer: Any


class OpenAIReply(Wire):
    """A list of answers, which may have the names of their questions."""

    model: ModelName | None = None
    answers: list[Any]

    @property
    def placed(self) -> Sequence[Placed]:
        return [Placed(place, _name(answer), answer) for place, answer in enumerate(self.answers)]

    @property
    def is_blocked(self) -> bool:
        return False


def _name(answer: Any) -> str:
    name = answer.get("name") if isinstance(answer, Mapping) else None
    return name if isinstance(name, str) else ""


class SystemOneReply(Wire):
    """Answers under the ids of their questions."""

    model: ModelName | None = None
    answers: dict[str, Any]

    @property
    def placed(self) -> Sequence[Placed]:
        return [Placed(name, name, answer) for name, answer in self.answers.items()]

    @property
    def is_blocked(self) -> bool:
        return False


class _PromptFeedback(Wire):
    block_reason: Any = None


class GoogleReply(SystemOneReply):
    """The same without a model. An input that a filter blocked has no answers, but a reason for it."""

    answers: dict[str, Any] = Field(default_factory=dict)
    prompt_feedback: _PromptFeedback | None = None

    @property
    def is_blocked(self) -> bool:
        return self.prompt_feedback is not None and bool(self.prompt_feedback.block_reason)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A form of replies: its answers by type, and what the vendor's own confidence in a choice or a score is called."""

    reply: type[OpenAIReply] | type[SystemOneReply]
    answers: Mapping[str, type[Answer]]
    choice: ConfidenceKind
    score: ConfidenceKind


DIALECTS: Mapping[DialectName, Dialect] = {
    "openai": Dialect(
        OpenAIReply,
        {"predicate": Predicate, "choice": Choice, "score": Score, "refusal": Refusal},
        ConfidenceKind.OPENAI_CHOICE,
        ConfidenceKind.OPENAI_SCORE,
    ),
    "system_one": Dialect(
        SystemOneReply,
        {"noul": Noul, "choice": SystemOneChoice, "score": Score, "refusal": Refusal},
        ConfidenceKind.SYSTEM_ONE_CHOICE,
        ConfidenceKind.SYSTEM_ONE_SCORE,
    ),
    "google": Dialect(
        GoogleReply,
        {"noul": GoogleNoul, "choice": GoogleChoice, "score": GoogleScore, "refusal": Refusal},
        ConfidenceKind.GOOGLE_CHOICE,
        ConfidenceKind.GOOGLE_SCORE,
    ),
}
