"""Running a prompt: render, ask the provider, record the call, check the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import openai
from django.conf import settings
from pydantic import BaseModel, ValidationError

from confidence_project.foundation.errors import FieldProblem, InvalidInput, Unavailable
from confidence_project.foundation.validation import fields_of, problems_in
from governance.models import Workspace
from telemetry.models import AIInteraction
from telemetry.prompts.registry import PromptDefinition, get_prompt
from telemetry.recorder import TrackedCall, track_ai_call


class PromptFailed(Unavailable):
    """The provider gave no usable answer. `error_type` is the class of what went wrong, never its message."""

    code = "prompt_failed"
    title = "The prompt was not answered"

    def __init__(self, error_type: str) -> None:
        super().__init__(f"The provider gave no usable answer ({error_type}); nothing may be decided on it.")
        self.error_type = error_type


class PromptOutputInvalid(PromptFailed):
    """There was an answer, and it does not have the form that the prompt asks for: `problems` point into it."""

    code = "prompt_output_invalid"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(type(self).__name__)
        self.problems = tuple(problems)


ANOTHER_FORM = FieldProblem("", "form", "is not a whole answer in the form that the prompt asks for")


@dataclass(frozen=True, slots=True)
class PromptResult:
    """A checked answer. `interaction` is None when its telemetry could not be written; the answer counts anyway."""

    output: BaseModel
    provider: str
    model: str
    interaction: AIInteraction | None


@dataclass(frozen=True, slots=True)
class _Run:
    definition: PromptDefinition
    request: dict[str, Any]
    call: dict[str, Any]

    def tracked(self) -> track_ai_call:
        return track_ai_call(**self.call)

    def accept(self, completion: Any, call: TrackedCall) -> BaseModel:
        call.observe(completion)
        try:
            choice = completion.choices[0]
            if choice.finish_reason != "stop":
                raise PromptOutputInvalid([ANOTHER_FORM])
            return self.definition.output.model_validate_json(choice.message.content)
        except (AttributeError, IndexError, TypeError):
            raise PromptOutputInvalid([ANOTHER_FORM]) from None
        except ValidationError as error:
            raise PromptOutputInvalid(problems_in(error, fields=fields_of(self.definition.output))) from None


def run_prompt(
    *,
    workspace: Workspace,
    prompt_key: str,
    variables: Mapping[str, Any],
    feature_id: str = "",
    model: str = "",
    metadata: object = None,
) -> PromptResult:
    """Ask the provider and return the checked answer; the call is recorded whatever becomes of it.

    Time-outs, refused connections, 429 (after `Retry-After`) and 5xx are tried again, `CONFIDENCE_AI_MAX_RETRIES`
    times. `model` stands in for `CONFIDENCE_AI_MODEL`.

    Raises
    ------
    UnknownPrompt, InvalidInput
        The prompt does not exist, its variables are not those of the template, or no model is named.
    PromptFailed
        No usable answer: never decide anything on it.
    """
    run = _prepare(workspace, prompt_key, variables, feature_id, model, metadata)
    client = _client(**_connection())
    try:
        with run.tracked() as call:
            output = run.accept(client.chat.completions.create(**run.request), call)
    except (openai.OpenAIError, ValueError) as error:
        # Not chained: the provider's message may repeat the prompt.
        raise PromptFailed(type(error).__name__) from None
    return PromptResult(output, call.provider, call.model, call.interaction)


async def arun_prompt(
    *,
    workspace: Workspace,
    prompt_key: str,
    variables: Mapping[str, Any],
    feature_id: str = "",
    model: str = "",
    metadata: object = None,
) -> PromptResult:
    """`run_prompt` for async hosts. Each call has a connection of its own, because pools belong to one event loop."""
    run = _prepare(workspace, prompt_key, variables, feature_id, model, metadata)
    try:
        async with openai.AsyncOpenAI(**_connection()) as client, run.tracked() as call:
            output = run.accept(await client.chat.completions.create(**run.request), call)
    except (openai.OpenAIError, ValueError) as error:
        raise PromptFailed(type(error).__name__) from None
    return PromptResult(output, call.provider, call.model, call.interaction)


def _prepare(
    workspace: Workspace, prompt_key: str, variables: Mapping[str, Any], feature_id: str, model: str, metadata: object
) -> _Run:
    definition = get_prompt(prompt_key)
    model = model or settings.CONFIDENCE_AI_MODEL
    if not model:
        raise InvalidInput("No model is named: set CONFIDENCE_AI_MODEL, or pass `model`.")
    return _Run(
        definition,
        request={
            "model": model,
            "messages": definition.messages(variables),
            "response_format": definition.response_format(),
        },
        call={
            "workspace": workspace,
            "feature_id": feature_id,
            "prompt_key": prompt_key,
            "provider": settings.CONFIDENCE_AI_PROVIDER,
            "model": model,
            "operation": "chat",
            "metadata": metadata,
        },
    )


def _connection() -> dict[str, Any]:
    return {
        "base_url": settings.CONFIDENCE_AI_BASE_URL,
        # Servers on one's own machine want no key, and the SDK refuses an empty one.
        "api_key": settings.CONFIDENCE_AI_API_KEY or "none",
        "timeout": settings.CONFIDENCE_AI_TIMEOUT_SECONDS,
        "max_retries": settings.CONFIDENCE_AI_MAX_RETRIES,
    }


@lru_cache(maxsize=8)
def _client(**connection: Any) -> openai.OpenAI:
    """One client for each configuration: it keeps its connections open, and building it costs some 30 ms."""
    return openai.OpenAI(**connection)
