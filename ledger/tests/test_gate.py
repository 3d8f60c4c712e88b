"""The gate is a pure function: which reason wins, where the thresholds lie, and that the same input stays the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from confidence_project.foundation.errors import FieldProblem
from governance.definitions import FieldKind, get_definition
from governance.policies import EffectivePolicy
from governance.policies.config import PolicyConfig, parse_config
from ledger.contracts import DecisionGatePayload, parse_llm_decision
from ledger.gate import DecisionGate, GateContext, Reason
from ledger.tests.bodies import llm_decision

# From the wire contract, worst first; written out so that a change of the gate's order is seen.
ORDER = [
    "kill_switch",
    "automation_disabled",
    "policy_unavailable",
    "schema_invalid",
    "llm_refusal",
    "missing_llm_decision",
    "provider_blocked",
    "model_blocked",
    "missing_risk_score",
    "ml_risk_threshold_exceeded",
    "llm_confidence_below_threshold",
    "llm_confidence_above_ceiling",
    "allowed",
]


def policy(key: str = "decision_gate", config: dict | None = None) -> EffectivePolicy:
    definition = get_definition(key)
    if definition.field_of_kind(FieldKind.CONFIDENCE_CEILING) is None:
        ceiling = get_definition("confidence_gate").field_of_kind(FieldKind.CONFIDENCE_CEILING)
        definition = replace(definition, fields=(*definition.fields, ceiling))
    return EffectivePolicy(definition, parse_config(definition, config or {}), version=3, source="db")


def payload(confidence: float = 0.95, risk: float | None = 0.1, key: str = "decision_gate") -> DecisionGatePayload:
    decision = parse_llm_decision(llm_decision(confidence=confidence), get_definition(key))
    assert decision is not None
    return DecisionGatePayload(
        policy_key=key, llm_decision=decision, ml_risk_score=risk, provider="acme", model="acme-1"
    )


SOUND = GateContext(kill_switch=False, automation_enabled=True, policy=policy())

# What makes each reason apply, alone: a change of the context and a change of the payload.
CAUSES = {
    "kill_switch": ({"kill_switch": True}, {}),
    "automation_disabled": ({"automation_enabled": False}, {}),
    "policy_unavailable": ({"policy": None}, {}),
    "schema_invalid": ({}, {"problems": [FieldProblem("/decision", "type", "Input should be an object")]}),
    "llm_refusal": ({}, {"refused": True}),
    "missing_llm_decision": ({}, {"llm_decision": None}),
    "provider_blocked": ({"blocked_providers": frozenset({"acme"})}, {}),
    "model_blocked": ({"blocked_models": frozenset({"acme-1"})}, {}),
    "missing_risk_score": ({}, {"ml_risk_score": None}),
    "ml_risk_threshold_exceeded": ({}, {"ml_risk_score": 0.99}),
    "llm_confidence_below_threshold": ({}, {"llm_decision": payload(confidence=0.1).llm_decision}),
    "llm_confidence_above_ceiling": ({"policy": policy(config={"values": {"confidence_ceiling": 0.94}})}, {}),
    "allowed": ({}, {}),
}


def judge(causes: list[str]) -> str:
    context, asked = SOUND, payload()
    for cause in causes:
        of_context, of_payload = CAUSES[cause]
        context = replace(context, **of_context)
        asked = replace(asked, **of_payload)
    return DecisionGate(context).evaluate(asked).reason.value


def test_reasons__all_of_them__stand_in_the_documented_order():
    assert [reason.value for reason in Reason] == ORDER


@pytest.mark.parametrize("cause", ORDER)
def test_evaluate__one_cause__its_reason(cause):
    assert judge([cause]) == cause


@pytest.mark.parametrize("index", range(len(ORDER)))
def test_evaluate__a_cause_and_every_later_one__the_first_wins(index):
    # A missing score cannot also be too high, nor a missing decision too unsure.
    exclusive = {"missing_risk_score": "ml_risk_threshold_exceeded"}
    exclusive["missing_llm_decision"] = "llm_confidence_below_threshold"
    later = [cause for cause in ORDER[index + 1 :] if cause != exclusive.get(ORDER[index])]
    assert judge([*reversed(later), ORDER[index]]) == ORDER[index]


def test_evaluate__nothing_known_about_the_controls__blocks():
    assert DecisionGate(GateContext()).evaluate(payload()).reason is Reason.KILL_SWITCH


@pytest.mark.parametrize(
    ("confidence", "risk", "reason"),
    [
        (0.6, 0.1, "allowed"),
        (0.5999, 0.1, "llm_confidence_below_threshold"),
        (0.59995, 0.1, "allowed"),  # as stored: rounded to 0.6000
        (0.9, 0.6999, "allowed"),
        (0.9, 0.7, "ml_risk_threshold_exceeded"),
        (0.9, 0.69999, "ml_risk_threshold_exceeded"),  # as stored: rounded to 0.7000
    ],
)
def test_evaluate__at_the_defaults__compares_what_is_stored(confidence, risk, reason):
    assert DecisionGate(SOUND).evaluate(payload(confidence, risk)).reason.value == reason


@given(
    confidence=st.floats(0, 1),
    risk=st.floats(0, 1),
    least=st.integers(0, 10_000),
    most=st.integers(0, 10_000),
)
def test_evaluate__any_thresholds__agrees_with_exact_decimals(confidence, risk, least, most):
    config = {"values": {"llm_confidence_threshold": least / 10_000, "ml_risk_threshold": most / 10_000}}
    context = replace(SOUND, policy=policy(config=config))
    stored = payload(confidence, round(risk, 4))
    verdict = DecisionGate(context).evaluate(stored)
    exact_confidence = Decimal(str(stored.llm_decision.confidence))
    exact_risk = Decimal(str(stored.ml_risk_score))
    assert verdict.allowed == (exact_confidence >= Decimal(least) / 10_000 and exact_risk < Decimal(most) / 10_000)


def test_evaluate__an_override_matches__its_value_is_applied_and_told():
    config = {"overrides": [{"match": {"model": "acme-1"}, "values": {"llm_confidence_threshold": 0.97}}]}
    verdict = DecisionGate(replace(SOUND, policy=policy(config=config))).evaluate(payload(0.95))
    assert verdict.reason is Reason.LLM_CONFIDENCE_BELOW_THRESHOLD
    assert verdict.thresholds == {"llm_confidence_threshold": 0.97, "ml_risk_threshold": 0.7}
    assert verdict.policy_version == 3


def test_evaluate__policy_without_risk_threshold__needs_no_risk_score():
    context = replace(SOUND, policy=EffectivePolicy(get_definition("confidence_gate"), PolicyConfig({}), 0, "default"))
    assert DecisionGate(context).evaluate(payload(0.95, None, "confidence_gate")).allowed


def test_evaluate__policy_of_budgets__has_nothing_to_gate_by():
    budgets = EffectivePolicy(get_definition("lead_context_bundle"), PolicyConfig({}), 0, "default")
    verdict = DecisionGate(replace(SOUND, policy=budgets)).evaluate(payload())
    assert verdict.reason is Reason.POLICY_UNAVAILABLE


@given(confidence=st.floats(0, 1), least=st.integers(0, 10_000), most=st.integers(0, 10_000))
def test_evaluate__a_band__allows_what_lies_in_it_with_both_ends(confidence, least, most):
    config = {"values": {"confidence_threshold": least / 10_000, "confidence_ceiling": most / 10_000}}
    context = replace(SOUND, policy=policy("confidence_gate", config))
    verdict = DecisionGate(context).evaluate(payload(confidence, None, "confidence_gate"))
    steps = Decimal(confidence) * 10_000
    # Which neighbour a value half-way between two goes to is pinned below.
    assume(abs(steps % 1 - Decimal("0.5")) > Decimal("1e-9"))
    stored = round(steps)
    assert verdict.allowed is (least <= stored <= most)
    assert verdict.allowed or verdict.reason.value == (
        "llm_confidence_below_threshold" if stored < least else "llm_confidence_above_ceiling"
    )


@pytest.mark.parametrize(
    ("half_way", "above"),
    # Doubles times 10,000, plus a half, cut off: awk 'BEGIN { printf "%d", 0.94985 * 10000 + 0.5 }'
    [(0.00005, 0.0001), (0.00025, 0.0003), (0.94985, 0.9499), (0.94995, 0.95), (0.99985, 0.9999), (0.99995, 1.0)],
)
def test_evaluate__confidence_half_way_between_two_that_are_stored__counts_as_the_upper(half_way, above):
    context = replace(SOUND, policy=policy("confidence_gate", {"values": {"confidence_threshold": above}}))
    assert DecisionGate(context).evaluate(payload(half_way, None, "confidence_gate")).allowed


def test_evaluate__ceiling_of_one__is_not_recorded_as_it_bounds_nothing():
    at = {
        most: replace(SOUND, policy=policy("confidence_gate", {"values": {"confidence_ceiling": most}}))
        for most in (0.97, 1)
    }
    said = {most: DecisionGate(each).evaluate(payload(0.95, None, "confidence_gate")) for most, each in at.items()}
    assert said[1].thresholds == {"confidence_threshold": 0.9}
    assert said[0.97].thresholds == {"confidence_threshold": 0.9, "confidence_ceiling": 0.97}
