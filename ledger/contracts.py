"""What the gate is asked: the `LLMDecision` contract, the payload that the gate judges, and the prompt hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.validation import fields_of, problems_in
from governance.definitions import ParameterKind, PolicyDefinition
from governance.vocabulary import (
    DeclaredNames,
    HostId,
    Identifier,
    ModelName,
    Probability,
    ProviderName,
    Timestamp,
)
from ledger.reasons import ReasonCode
from telemetry.metadata import is_known_name

CONTRACT_VERSION = "1"

PromptHash = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]

ConfidenceKindName = Literal["self_reported", "token_probability", "classifier", "decision_model", "unspecified"]
"""Where a confidence comes from, as a host may say; `ledger.models.ConfidenceKind` has the gate's own beside these."""

_STORABLE = re.compile("[^\x00\ud800-\udfff]*")


def _storable(text: str) -> str:
    if not _STORABLE.fullmatch(text):
        raise ValueError("text must not contain NUL or lone surrogates")
    return text


Text = Annotated[str, StringConstraints(strict=True, max_length=10_000), AfterValidator(_storable)]


class RecommendedAction(BaseModel):
    """What the model wants to do. Which types there are is the policy definition's say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Identifier
    parameters: dict[str, Any] = Field(default_factory=dict)


class LLMDecision(BaseModel):
    """A model's decision with its confidence. The two texts are validated and never stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risk_summary: Text
    likely_root_cause: Text
    confidence: Probability
    recommended_action: RecommendedAction
    provider: ProviderName
    model: ModelName
    prompt_hash: PromptHash


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionGatePayload:
    """Everything about one decision that the gate judges.

    Parameters
    ----------
    stated_confidence, action_type
        Of a decision that came in another form than an `LLMDecision`.
    problems
        What broke the contract, where there was a decision and it was broken; with `precheck`: what is to be mended.
    together
        Of a policy that rests on several questions: by question the confidence, its kind, and whether it is acted on.
    refused
        The model declined to answer.
    precheck
        A reason for which this must not run, whatever the thresholds say: one of the pipeline's own, or the gate's
        for which no model was asked.
    """

    policy_key: str
    llm_decision: LLMDecision | None = None
    stated_confidence: float | None = None
    action_type: str | None = None
    ml_risk_score: float | None = None
    problems: Sequence[FieldProblem] = ()
    provider: str = ""
    model: str = ""
    prompt_hash: str = ""
    confidence_kind: str = "unspecified"
    task: str = ""
    options: str = ""
    together: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    channel: str = ""
    refused: bool = False
    precheck: ReasonCode | None = None

    @property
    def schema_valid(self) -> bool:
        """False: there was a decision, and it was broken."""
        return not self.problems or self.precheck is not None

    @property
    def confidence(self) -> float | None:
        """The decision's confidence in [0, 1]; None when there is no decision."""
        return self.llm_decision.confidence if self.llm_decision else self.stated_confidence

    @property
    def segment(self) -> dict[str, str]:
        """What overrides of the policy match on."""
        return {
            "provider": self.provider,
            "model": self.model,
            "prompt_hash": self.prompt_hash,
            "confidence_kind": self.confidence_kind,
            "task": self.task,
            "options": self.options,
            "channel": self.channel,
        }


class AnswerEnvelope(BaseModel):
    """The reply of a decision model as it came, and whose it is. A broken reply is a recorded block."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dialect: Literal["openai", "system_one", "google"] = Field(
        description="The reply's form: OpenAI Decisions API, System One (TypeSafe and others), or Google."
    )
    provider: ProviderName
    model: ModelName | None = Field(
        default=None, description="The model that was asked; it counts where the reply names none, as Google's do not."
    )
    prompt_hash: PromptHash | None = Field(default=None, description="Names the wording of the question.")
    questions: dict[str, Any] | list[Any] | None = Field(
        default=None,
        description="The questions of the request, in place of `prompt_hash`; hashed at once, never stored.",
    )
    response: Any

    @model_validator(mode="after")
    def _says_the_wording_once(self) -> AnswerEnvelope:
        if self.prompt_hash is not None and self.questions is not None:
            raise ValueError("send prompt_hash or questions, not both")
        return self


class DecisionEnvelope(BaseModel):
    """A decision as a host submits it: an `LLMDecision`, or the answer of a decision model.

    Both are judged by the gate: a broken one is a recorded block.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "anyOf": [
                {"properties": {"answer": {"type": "null"}}},
                {"properties": {"decision": {"type": "null"}, "confidence_kind": {"const": "unspecified"}}},
            ]
        },
    )

    external_id: HostId
    policy_key: Identifier
    decision: Any = None
    answer: AnswerEnvelope | None = None
    ml_risk_score: Probability | None = None
    confidence_kind: ConfidenceKindName = "unspecified"
    occurred_at: Timestamp | None = None
    case_key: HostId | None = None
    task: Identifier | None = None
    channel: Identifier | None = None
    interaction: HostId | None = Field(default=None, description="External id of an interaction sent before.")

    @model_validator(mode="after")
    def _comes_in_one_form(self) -> DecisionEnvelope:
        if self.answer is None:
            return self
        if self.decision is not None:
            raise ValueError("send a decision or an answer, not both")
        if self.confidence_kind != "unspecified":
            raise ValueError("an answer brings its own confidence kind: leave confidence_kind out")
        return self


class AboutDecision(BaseModel):
    """What is told of a decision, which is named by one of its two ids."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "oneOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]}
                for name in ("decision_id", "decision_external_id")
            ]
        },
    )

    external_id: HostId
    decision_id: UUID | None = None
    decision_external_id: HostId | None = None
    success: StrictBool

    @model_validator(mode="after")
    def _names_one_decision(self) -> Self:
        if (self.decision_id is None) == (self.decision_external_id is None):
            raise ValueError("name the decision by decision_id or by decision_external_id, not both")
        return self


class OutcomeEnvelope(AboutDecision):
    """What came of a decision, as a host reports it."""

    source: Literal["human_review", "downstream_event", "sentiment", "booking"]
    automation_executed: StrictBool | None = None
    downstream_failure: StrictBool | None = None
    observed_at: Timestamp | None = None


class JudgeVerdictEnvelope(AboutDecision):
    """What a judge by machine says of a decision that was drawn for people, before any of them looks at it."""


def parse_llm_decision(raw: object, definition: PolicyDefinition, declared: DeclaredNames | None = None) -> LLMDecision:
    """Return the decision in `raw`; raise `InvalidInput` with what breaks the contract of this policy key.

    Its problems may be stored: they name fields of the contract and nothing of what was sent.
    """
    try:
        decision = raw if isinstance(raw, LLMDecision) else LLMDecision.model_validate(raw, context=declared)
    except ValidationError as error:
        problems = problems_in(error, under="/decision", fields=fields_of(LLMDecision))
        raise InvalidInput("The decision breaks its contract.", problems) from None
    if decision.recommended_action.type not in definition.actions:
        detail = f"is none of the actions of this policy key: {', '.join(definition.actions)}"
        problem = FieldProblem("/decision/recommended_action/type", "action", detail)
        raise InvalidInput("The decision breaks its contract.", [problem])
    return decision


def kept_parameters(decision: LLMDecision, definition: PolicyDefinition) -> dict[str, Any]:
    """Return the action's parameters that the definition declares and that have the declared kind.

    Like metadata they hold no string that was not declared: whatever form it had to have, text could have it, too.
    """
    declared = definition.actions[decision.recommended_action.type]
    given = decision.recommended_action.parameters
    return {name: given[name] for name, kind in declared.items() if name in given and _is_kind(given[name], kind)}


def _is_kind(value: object, kind: ParameterKind) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    if not isinstance(value, str):
        return False
    return is_known_name(value) if kind == "name" else not isinstance(kind, str) and value in kind


def compute_prompt_hash(
    prompt_template_id: str, prompt: str, tools_schema: Mapping[str, Any] | list[Any] | None, contract_version: str
) -> str:
    """Return the SHA-256 (64 hex digits) that names a prompt contract.

    The hash is over canonical JSON (sorted keys, compact separators) of the four, the prompt stripped of
    surrounding white space, so that it does not depend on the order of keys or a stray newline.
    """
    contract = {
        "prompt_template_id": prompt_template_id,
        "prompt": prompt.strip(),
        "tools_schema": tools_schema,
        "contract_version": contract_version,
    }
    canonical = json.dumps(contract, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
