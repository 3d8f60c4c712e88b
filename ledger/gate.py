"""The decision gate: a pure function from a payload and what governs it to a verdict with one reason.

It reads no database and no clock: whoever calls it brings the controls and the policy, so that the same input
gives the same verdict for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from governance.definitions import FieldKind, to_lattice
from governance.policies import EffectivePolicy, GateContext
from ledger.contracts import DecisionGatePayload
from ledger.reasons import ASKED_REASONS, THRESHOLD_REASONS, Reason, ReasonCode

__all__ = ["THRESHOLD_REASONS", "DecisionGate", "GateContext", "GateVerdict", "Reason"]

Verdict = Literal["allow", "block", "ask"]
"""Only the first lets anything run. `ask`: a person decides; whoever does not know it takes it for a block."""


@dataclass(frozen=True, slots=True)
class RolloutVerdict:
    """What the proposed config said of a decision, and whether it was what counted (the canary arm)."""

    rollout_id: int
    is_canary: bool
    verdict: Verdict
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """`thresholds` holds the values that applied, by field; empty and without version when no policy was read.

    `policy_version` is the one in force, also in the canary arm; `rollout` is None where nothing is in rollout;
    `asks` where the policy leaves to people what is not sure enough.
    """

    reason: ReasonCode
    thresholds: Mapping[str, float] = field(default_factory=dict)
    policy_version: int | None = None
    rollout: RolloutVerdict | None = None
    asks: bool = False

    @property
    def allowed(self) -> bool:
        return self.reason is Reason.ALLOWED

    @property
    def verdict(self) -> Verdict:
        if self.allowed:
            return "allow"
        return "ask" if self.asks and self.reason in ASKED_REASONS else "block"


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
        verdict = self._under(self.context, payload)
        if policy is None or policy.rollout is None:
            return verdict
        candidate = self._under(replace(self.context, policy=policy.rollout.candidate), payload)
        is_canary = policy.rollout.decides(case_key)
        said = RolloutVerdict(policy.rollout.rollout_id, is_canary, candidate.verdict, candidate.reason)
        return replace(candidate if is_canary else verdict, policy_version=policy.version, rollout=said)

    def _under(self, context: GateContext, payload: DecisionGatePayload) -> GateVerdict:
        policy = context.policy
        if policy is None:
            return GateVerdict(context.block_of_all() or Reason.POLICY_UNAVAILABLE)
        thresholds = policy.values(**payload.segment)
        reason = (
            context.block_of_all()
            or self._block_by_content(payload)
            or context.block_of_source(provider=payload.provider, model=payload.model)
            or self._block_by_threshold(payload, policy, thresholds)
        )
        bounding = _bounding(policy, thresholds)
        return GateVerdict(reason or Reason.ALLOWED, bounding, policy.version, asks=policy.definition.asks)

    @staticmethod
    def _block_by_content(payload: DecisionGatePayload) -> ReasonCode | None:
        if payload.precheck is not None:
            return payload.precheck
        if not payload.schema_valid:
            return Reason.SCHEMA_INVALID
        if payload.refused:
            return Reason.LLM_REFUSAL
        return Reason.MISSING_LLM_DECISION if payload.confidence is None else None

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
        ceiling_field = policy.definition.field_of_kind(FieldKind.CONFIDENCE_CEILING)
        if ceiling_field is not None and to_lattice(payload.confidence) > to_lattice(thresholds[ceiling_field.name]):
            return Reason.LLM_CONFIDENCE_ABOVE_CEILING
        return None


def _bounding(policy: EffectivePolicy, thresholds: Mapping[str, float]) -> Mapping[str, float]:
    """Leave out a ceiling of 1: it bounds nothing, and each record would carry it."""
    ceiling = policy.definition.field_of_kind(FieldKind.CONFIDENCE_CEILING)
    if ceiling is None or thresholds[ceiling.name] < 1:
        return thresholds
    return {name: value for name, value in thresholds.items() if name != ceiling.name}
