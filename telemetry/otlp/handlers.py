"""Registry of what telemetry receives for a higher app: evaluations, and spans of decision models.

The higher app registers its handlers in `AppConfig.ready`; telemetry does not know who they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from confidence_project.foundation.errors import DomainError, InvalidInput
from confidence_project.foundation.registry import Registry
from governance.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpan:
    """A call of a decision model that a host observed, under the policy that the host names.

    `interaction` is the external id of its interaction. `reply` is the model's reply as it came, for reading and not
    for storing, None when there was none, or none that could be read; `reply_sha256` names its text. `model` is the
    one of the span. `answered` False: none of the answers is one that a gate could judge.
    """

    interaction: str
    policy_key: str
    provider: str
    model: str
    occurred_at: datetime
    answered: bool
    reply: Mapping[str, Any] | None
    reply_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A `gen_ai.evaluation.result`: how good an answer turned out to be.

    `external_id` is the same when the same evaluation is sent again. The answer is named by `response_id` (the
    provider's), or by `interaction`: the external id of the interaction that the span became on which, or in which,
    the evaluation was made. With both, that may be the span of whoever evaluated; "" is none. `name` and `score_label`
    are as they came, for comparison alone: they may be text, and are not for storing.
    """

    external_id: str
    name: str
    score_value: float | None
    score_label: str
    response_id: str
    interaction: str
    observed_at: datetime | None


class DecisionSpanHandler(Protocol):
    """Takes decision spans; answers each, in their order, with why it was not kept.

    Of one that was kept, with a sentence for its host, where it was blocked because its reply is broken; with "" else.
    """

    def __call__(self, *, workspace: Workspace, spans: Sequence[DecisionSpan]) -> Sequence[DomainError | str]: ...


class EvaluationHandler(Protocol):
    """Takes evaluations; answers each, in their order, with None or with why it was not kept."""

    def __call__(self, *, workspace: Workspace, evaluations: Sequence[Evaluation]) -> Sequence[DomainError | None]: ...


DECISION_SPANS: Registry[DecisionSpanHandler] = Registry("handler of decision spans")
EVALUATIONS: Registry[EvaluationHandler] = Registry("handler of evaluations")


def take_decisions(workspace: Workspace, spans: Sequence[DecisionSpan]) -> Sequence[DomainError | str]:
    """Hand decision spans on; without a handler they stay the interactions that they are."""
    handle = DECISION_SPANS.get()
    return handle(workspace=workspace, spans=spans) if handle and spans else [""] * len(spans)


def take_evaluations(workspace: Workspace, evaluations: Sequence[Evaluation]) -> Sequence[DomainError | None]:
    """Hand evaluations on; without a handler each is rejected."""
    handle = EVALUATIONS.get()
    if handle is None:
        return [InvalidInput("Evaluations are not taken here.") for _ in evaluations]
    return handle(workspace=workspace, evaluations=evaluations)
