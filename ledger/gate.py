"""The decision gate: a pure function from a payload and what governs it to a verdict with one reason.

It reads no database and no clock: whoever calls it brings the controls and the policy, so that the same input
gives the same verdict for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from governance.definitions import FieldKind, to_lattice
from governance.policies import EffectivePolicy
from ledger.contracts import DecisionGatePayload
from ledger.reasons import THRESHOLD_REASONS, PipelineReason, Reason

__all__ = ["THRESHOLD_REASONS", "DecisionGate", "GateContext", "GateVerdict", "Reason"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateContext:
    """What governs a decision at this moment. The defaults block: fail closed."""

    kill_switch: bool = True
    automation_enabled: bool = False
    policy: EffectivePolicy | None = None
    auto_booking_disabled: bool = False
    blocked_providers: frozenset[str] = frozenset()
    blocked_models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TrialVerdict:
    """What the config on trial said of a decision, and whether it was what counted (the canary arm)."""

    rollout_id: int
    is_canary: bool
    allowed: bool
    reason: Reason | PipelineReason


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """`thresholds` holds the values that applied, by field; empty and without version when no policy was read.

    `policy_version` is the one in force, also in the canary arm; `trial` is None where nothing is on trial.
    """

    reason: Reason | PipelineReason
    thresholds: Mapping[str, float] = field(default_factory=dict)
    policy_version: int | None = None
    trial: TrialVerdict | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is Reason.ALLOWED

    @property
    def verdict(self) -> str:
        return "allow" if self.allowed else "block"


class DecisionGate:
    """Judges payloads under one context."""

    def __init__(self, context: GateContext) -> None:
        self.context = context

    def evaluate(self, payload: DecisionGatePayload, *, case_key: str = "") -> GateVerdict:
        """Return the verdict on `payload`; the first reason that applies wins.

        Parameters
        ----------
        case_key
            Conversation, ticket or lead, by which a canary chooses; blank: the policy in force rules.
        """
        policy = self.context.policy
        verdict = self._under(policy, payload)
        if policy is None or policy.trial is None:
            return verdict
        candidate = self._under(policy.trial.candidate, payload)
        is_canary = policy.trial.decides(case_key)
        said = TrialVerdict(policy.trial.rollout_id, is_canary, candidate.allowed, candidate.reason)
        return replace(candidate if is_canary else verdict, policy_version=policy.version, trial=said)

    def foregone(self, *, provider: str, model: str) -> Reason | None:
        """Return the reason that will block whatever this model says, None when its answer counts.

        Whoever would have to ask it, and pay and hand out data for that, looks here first.
        """
        if self.context.policy is None:
            return self._standing_block() or Reason.POLICY_UNAVAILABLE
        return self._standing_block() or self._block_by_source(provider, model)

    def _under(self, policy: EffectivePolicy | None, payload: DecisionGatePayload) -> GateVerdict:
        if policy is None:
            return GateVerdict(self._standing_block() or Reason.POLICY_UNAVAILABLE)
        thresholds = policy.values(**payload.segment)
        reason = (
            self._standing_block()
            or self._block_by_content(payload)
            or self._block_by_threshold(payload, policy, thresholds)
        )
        return GateVerdict(reason or Reason.ALLOWED, thresholds, policy.version)

    def _standing_block(self) -> Reason | None:
        if self.context.kill_switch:
            return Reason.KILL_SWITCH
        return None if self.context.automation_enabled else Reason.AUTOMATION_DISABLED

    def _block_by_content(self, payload: DecisionGatePayload) -> Reason | PipelineReason | None:
        if self.context.auto_booking_disabled:
            return PipelineReason.AUTO_BOOKING_DISABLED
        if payload.withheld is not None:
            return payload.withheld
        if not payload.schema_valid:
            return Reason.SCHEMA_INVALID
        if payload.refused:
            return Reason.LLM_REFUSAL
        if payload.confidence is None:
            return Reason.MISSING_LLM_DECISION
        return self._block_by_source(payload.provider, payload.model)

    def _block_by_source(self, provider: str, model: str) -> Reason | None:
        if provider in self.context.blocked_providers:
            return Reason.PROVIDER_BLOCKED
        return Reason.MODEL_BLOCKED if model in self.context.blocked_models else None

    @staticmethod
    def _block_by_threshold(
        payload: DecisionGatePayload, policy: EffectivePolicy, thresholds: Mapping[str, float]
    ) -> Reason | None:
        risk_field = policy.definition.field_of_kind(FieldKind.RISK_THRESHOLD)
        if risk_field is not None:
            if payload.ml_risk_score is None:
                return Reason.MISSING_RISK_SCORE
            if to_lattice(payload.ml_risk_score) >= to_lattice(thresholds[risk_field.name]):
                return Reason.ML_RISK_THRESHOLD_EXCEEDED
        confidence_field = policy.definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
        if confidence_field is None or payload.confidence is None:
            return Reason.POLICY_UNAVAILABLE
        if to_lattice(payload.confidence) < to_lattice(thresholds[confidence_field.name]):
            return Reason.LLM_CONFIDENCE_BELOW_THRESHOLD
        return None
