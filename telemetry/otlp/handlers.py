"""Registry of what telemetry receives for a higher app: evaluations, and spans of decision models.

The higher app registers its handlers in `AppConfig.ready`; telemetry does not know who they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from confidence_project.foundation.errors import DomainError, InvalidInput
from governance.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSpan:
    """A call of a decision model that a host observed, under the policy that the host names.

    `interaction` is the external id of its interaction. `reply` holds the numbers of the model's reply, in the form
    in which it came (see `answers`); None when there was none, or none that could be read.
    """

    interaction: str
    policy_key: str
    provider: str
    occurred_at: datetime
    reply: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A `gen_ai.evaluation.result`: how good an answer turned out to be.

    `external_id` is the same when the same evaluation is sent again. The answer is named by `response_id` (the
    provider's), or by `interaction`: the external id of the interaction that the span became on which, or in which,
    the evaluation was made. With both, that may be the span of whoever evaluated; "" is none.
    """

    external_id: str
    name: str
    score_value: float | None
    score_label: str
    response_id: str
    interaction: str
    observed_at: datetime | None


class DecisionSpanHandler(Protocol):
    """Takes decision spans; answers each, in their order, with None or with why it was not kept."""

    def __call__(self, *, workspace: Workspace, spans: Sequence[DecisionSpan]) -> Sequence[DomainError | None]: ...


class EvaluationHandler(Protocol):
    """Takes evaluations; answers each, in their order, with None or with why it was not kept."""

    def __call__(self, *, workspace: Workspace, evaluations: Sequence[Evaluation]) -> Sequence[DomainError | None]: ...


class Handlers:
    """Who takes what. An unregistered kind: decision spans stay interactions, evaluations are rejected."""

    def __init__(self) -> None:
        self._decisions: DecisionSpanHandler | None = None
        self._evaluations: EvaluationHandler | None = None

    def register(self, *, decisions: DecisionSpanHandler, evaluations: EvaluationHandler) -> None:
        """Register the handlers of the higher app."""
        self._decisions, self._evaluations = decisions, evaluations

    def take_decisions(self, workspace: Workspace, spans: Sequence[DecisionSpan]) -> Sequence[DomainError | None]:
        if self._decisions is None or not spans:
            return [None] * len(spans)
        return self._decisions(workspace=workspace, spans=spans)

    def take_evaluations(self, workspace: Workspace, evaluations: Sequence[Evaluation]) -> Sequence[DomainError | None]:
        if self._evaluations is None:
            return [InvalidInput("Evaluations are not taken here.") for _ in evaluations]
        return self._evaluations(workspace=workspace, evaluations=evaluations)


HANDLERS = Handlers()
