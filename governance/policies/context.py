"""What governs a decision at one moment, as one value, and the reason for which it blocks, whatever was decided."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from confidence_project.foundation.errors import InvalidInput, NotFound
from governance.definitions import PolicyDefinition, ReasonCode
from governance.models import AuditSampling, BlockedSource, KillSwitch
from governance.policies.effective import EffectivePolicy, policy_of
from governance.policies.read_path import ROLLOUT, WORKSPACE, Row
from governance.sampling_rates import SamplingRates, read_rates

logger = logging.getLogger(__name__)


class Reason(ReasonCode):
    """Reason codes of the gate, in the order in which it looks for them."""

    KILL_SWITCH = "kill_switch", "a kill switch was on"
    AUTOMATION_DISABLED = "automation_disabled", "automation was switched off in the workspace"
    POLICY_UNAVAILABLE = "policy_unavailable", "no valid policy could be read"
    SCHEMA_INVALID = "schema_invalid", "what the model answered did not keep to the contract"
    LLM_REFUSAL = "llm_refusal", "the model refused to answer"
    MISSING_LLM_DECISION = "missing_llm_decision", "there was no decision with a confidence to judge"
    PROVIDER_BLOCKED = "provider_blocked", "the provider was on the block list"
    MODEL_BLOCKED = "model_blocked", "the model was on the block list"
    MISSING_RISK_SCORE = "missing_risk_score", "the policy asks for a risk score, and none was given"
    ML_RISK_THRESHOLD_EXCEEDED = "ml_risk_threshold_exceeded", "the risk reached the threshold"
    LLM_CONFIDENCE_BELOW_THRESHOLD = "llm_confidence_below_threshold", "the confidence lay below the threshold"
    LLM_CONFIDENCE_ABOVE_CEILING = "llm_confidence_above_ceiling", "the confidence lay above the ceiling"
    ALLOWED = "allowed", "every check was passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What governs the decisions of one policy key of one workspace. The defaults block: fail closed.

    Attributes
    ----------
    policy, policy_version
        None: no policy can be used; the version is then that of the stored one, which is not valid.
    switched_off
        Reason of the definition's own toggle while that is off.
    sampling
        With which probability a decision is sent to review; None: no audit sampling.
    governed_by
        The version under which it was read; None: nothing can be committed under it.
    until
        When it ends by itself, because a proposal in rollout runs out; None: it does not.
    """

    kill_switch: bool = True
    automation_enabled: bool = False
    policy: EffectivePolicy | None = None
    policy_version: int = 0
    switched_off: ReasonCode | None = None
    blocked_providers: frozenset[str] = frozenset()
    blocked_models: frozenset[str] = frozenset()
    sampling: SamplingRates | None = None
    governed_by: UUID | None = None
    until: datetime | None = None

    def ruling(self, case_key: str) -> GateContext:
        """Return what governs a case: in a canary, the candidate instead of the policy in force."""
        rollout = self.policy.rollout if self.policy else None
        return replace(self, policy=rollout.candidate) if rollout and rollout.decides(case_key) else self

    def block_of_all(self) -> ReasonCode | None:
        """Return the first reason for which every decision is blocked, None when some may be allowed."""
        if self.kill_switch:
            return Reason.KILL_SWITCH
        if not self.automation_enabled:
            return Reason.AUTOMATION_DISABLED
        return Reason.POLICY_UNAVAILABLE if self.policy is None else self.switched_off

    def block_of_source(self, *, provider: str, model: str) -> ReasonCode | None:
        """Return the reason for which decisions of a provider or model are blocked."""
        if provider in self.blocked_providers:
            return Reason.PROVIDER_BLOCKED
        return Reason.MODEL_BLOCKED if model in self.blocked_models else None

    def block(self, *, provider: str = "", model: str = "") -> ReasonCode | None:
        """Return the reason that blocks whatever a model of this source says, None when its answer counts."""
        return self.block_of_all() or self.block_of_source(provider=provider, model=model)


def context_of(definition: PolicyDefinition, rows: Iterable[Row], governed_by: UUID | None) -> GateContext:
    """Return what governs one policy key. A row that cannot be read counts as a kill switch: fail closed.

    Raises
    ------
    NotFound
        The workspace is gone.
    """
    covering = [row for row in rows if row.policy_key in ("", definition.key)]
    workspace = next((row for row in covering if row.kind == WORKSPACE), None)
    if workspace is None:
        raise NotFound("The workspace does not exist any more.")
    policy, version = policy_of(definition, covering)
    until = next((_as_time(row.until) for row in covering if row.kind == ROLLOUT), None)
    bare = GateContext(policy=policy, policy_version=version, governed_by=governed_by, until=until)
    try:
        return _under_controls(bare, definition, workspace, covering)
    except (KeyError, ArithmeticError, ValueError, InvalidInput):
        logger.error("A control over %s cannot be read: everything under it is blocked.", definition.key)
        return bare


def _as_time(text: str) -> datetime:
    # SQLite keeps times in UTC and does not say so.
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _under_controls(bare: GateContext, definition: PolicyDefinition, workspace: Row, rows: list[Row]) -> GateContext:
    blocked: dict[str, set[str]] = {kind: set() for kind in BlockedSource.Kind.values}
    for row in rows:
        if row.kind == BlockedSource.row_kind():
            blocked[row.name].add(row.value)
    rates = [
        read_rates(Decimal(row.value), json.loads(row.name)) for row in rows if row.kind == AuditSampling.row_kind()
    ]
    toggle, on = definition.toggle, workspace.value.split()
    return replace(
        bare,
        kill_switch=settings.CONFIDENCE_KILL_SWITCH or any(row.kind == KillSwitch.row_kind() for row in rows),
        automation_enabled="automation_enabled" in on,
        switched_off=toggle.reason if toggle and toggle.name not in on else None,
        blocked_providers=frozenset(blocked[BlockedSource.Kind.PROVIDER]),
        blocked_models=frozenset(blocked[BlockedSource.Kind.MODEL]),
        sampling=rates[0] if rates else None,
    )
