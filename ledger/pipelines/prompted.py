"""Judgements that a prompt gives: the model's checked answer, or the reason why there is none.

The provider is not asked where the gate would block whatever it says: under a kill switch nothing is spent, and no
text leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Generic, TypedDict, TypeVar

from django.conf import settings
from pydantic import BaseModel

from confidence_project.foundation.errors import FieldProblem
from governance.models import Workspace
from governance.vocabulary import DeclaredNames, NameKind, name_or_blank
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import CONTRACT_VERSION, DecisionGatePayload, compute_prompt_hash
from ledger.models import ConfidenceKind
from ledger.pipelines.decisions import gate_over
from ledger.reasons import PipelineReason, ReasonCode
from telemetry.prompts import get_prompt
from telemetry.prompts.runner import ANOTHER_FORM, PromptFailed, PromptOutputInvalid, PromptResult, run_prompt

OutputT = TypeVar("OutputT", bound=BaseModel)


class _Names(TypedDict):
    provider: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Generic[OutputT]):
    """What a prompt said of a case under `policy_key`.

    `output` is None when there is no usable answer: `failure` says why, and `problems` that there was one, in
    another form.
    """

    policy_key: str
    prompt_key: str
    output: OutputT | None
    provider: str
    model: str
    problems: Sequence[FieldProblem] = ()
    failure: ReasonCode | None = None
    interaction_id: int | None = None

    def payload(
        self,
        *,
        confidence: float | None,
        action_type: str | None = None,
        channel: str = "",
        precheck: PipelineReason | None = None,
    ) -> DecisionGatePayload:
        """Return what the gate judges. `precheck` speaks of the output: without one the failure counts."""
        return DecisionGatePayload(
            policy_key=self.policy_key,
            stated_confidence=confidence,
            action_type=action_type,
            problems=self.problems,
            provider=self.provider,
            model=self.model,
            prompt_hash=prompt_hash_of(self.prompt_key),
            confidence_kind=ConfidenceKind.SELF_REPORTED.value,
            task=self.prompt_key,
            channel=channel,
            precheck=self.failure if self.output is None else precheck,
        )


def judge_by_prompt(
    *,
    workspace: Workspace,
    policy_key: str,
    prompt_key: str,
    output: type[OutputT],
    variables: Mapping[str, str],
    model: str = "",
    metadata: object = None,
) -> Judgement[OutputT]:
    """Run a prompt whose answers are `output`, for a decision under `policy_key`.

    A provider that fails, or that is not asked because the gate would block anyway, gives a judgement without output.
    """
    declared = WorkspaceNames(workspace)
    source = {"provider": settings.CONFIDENCE_AI_PROVIDER, "model": model or settings.CONFIDENCE_AI_MODEL}
    asked: Judgement[OutputT] = Judgement(
        policy_key=policy_key, prompt_key=prompt_key, output=None, **_kept_names(**source, declared=declared)
    )
    blocked = gate_over(workspace, policy_key).context.block(**source)
    if blocked is not None:
        return replace(asked, failure=blocked)
    try:
        result = run_prompt(
            workspace=workspace,
            prompt_key=prompt_key,
            variables=variables,
            feature_id=policy_key,
            model=model,
            metadata=metadata,
        )
    except PromptOutputInvalid as error:
        return replace(asked, problems=error.problems)
    except PromptFailed:
        return replace(asked, failure=PipelineReason.PROMPT_FAILED)
    return _answered(asked, result, output, declared)


def _answered(
    asked: Judgement[OutputT], result: PromptResult, output: type[OutputT], declared: DeclaredNames
) -> Judgement[OutputT]:
    return replace(
        asked,
        output=result.output if isinstance(result.output, output) else None,
        **_kept_names(provider=result.provider, model=result.model, declared=declared),
        problems=() if isinstance(result.output, output) else [ANOTHER_FORM],
        interaction_id=result.interaction.pk if result.interaction else None,
    )


def _kept_names(*, provider: str, model: str, declared: DeclaredNames) -> _Names:
    """Return the names that the ledger may keep; block lists are asked for what was given."""
    return {
        "provider": name_or_blank(NameKind.PROVIDER, provider, declared),
        "model": name_or_blank(NameKind.MODEL, model, declared),
    }


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
