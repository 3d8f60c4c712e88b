"""Judgements that a prompt gives: the model's checked answer, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from django.conf import settings
from pydantic import BaseModel

from governance.models import Workspace
from governance.vocabulary import identifier_or_blank
from ledger.contracts import CONTRACT_VERSION, DecisionGatePayload, compute_prompt_hash
from ledger.models import ConfidenceKind
from ledger.reasons import PipelineReason
from telemetry.prompts import get_prompt
from telemetry.prompts.runner import PromptFailed, PromptOutputInvalid, run_prompt

OutputT = TypeVar("OutputT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Generic[OutputT]):
    """`output` is None when the provider gave no usable answer: `valid` False when there was one, in another form."""

    prompt_key: str
    output: OutputT | None
    provider: str
    model: str
    valid: bool = True
    interaction_id: int | None = None

    def payload(
        self,
        policy_key: str,
        *,
        confidence: float | None,
        action_type: str | None = None,
        channel: str = "",
        withheld: PipelineReason | None = None,
    ) -> DecisionGatePayload:
        """Return what the gate judges; a failed prompt is withheld, a malformed answer is schema-invalid.

        `withheld` speaks of the output: without one it does not count.
        """
        if self.output is None:
            withheld = PipelineReason.PROMPT_FAILED if self.valid else None
        return DecisionGatePayload(
            policy_key=policy_key,
            stated_confidence=confidence,
            action_type=action_type,
            schema_valid=self.valid,
            provider=self.provider,
            model=self.model,
            prompt_hash=prompt_hash_of(self.prompt_key),
            confidence_kind=ConfidenceKind.SELF_REPORTED.value,
            task=self.prompt_key,
            channel=channel,
            withheld=withheld,
        )


def judge_by_prompt(
    *,
    workspace: Workspace,
    prompt_key: str,
    output: type[OutputT],
    variables: Mapping[str, str],
    feature_id: str,
    model: str = "",
    metadata: object = None,
) -> Judgement[OutputT]:
    """Run a prompt whose answers are `output`. A provider that fails gives a judgement without one, not an error."""
    try:
        result = run_prompt(
            workspace=workspace,
            prompt_key=prompt_key,
            variables=variables,
            feature_id=feature_id,
            model=model,
            metadata=metadata,
        )
    except PromptFailed as error:
        return Judgement(
            prompt_key=prompt_key,
            output=None,
            provider=identifier_or_blank(settings.CONFIDENCE_AI_PROVIDER),
            model=identifier_or_blank(model or settings.CONFIDENCE_AI_MODEL),
            valid=not isinstance(error, PromptOutputInvalid),
        )
    return Judgement(
        prompt_key=prompt_key,
        output=result.output if isinstance(result.output, output) else None,
        provider=identifier_or_blank(result.provider),
        model=identifier_or_blank(result.model),
        valid=isinstance(result.output, output),
        interaction_id=result.interaction.pk if result.interaction else None,
    )


@cache
def prompt_hash_of(prompt_key: str) -> str:
    """Return the hash that names the wording and the answer's form of a registered prompt."""
    definition = get_prompt(prompt_key)
    return compute_prompt_hash(
        prompt_key,
        f"{definition.system}\n{definition.user}",
        definition.output.model_json_schema(),
        CONTRACT_VERSION,
    )
