"""A proposal held against recorded decisions: what flips, what it covers, what fails, and what nobody knows."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.proposing.backtest import backtest_proposal
from calibration.tests.factories import START, decision, gated, outcome, store
from confidence_project.foundation.errors import InvalidInput
from governance.definitions import get_definition
from governance.policies import EffectivePolicy
from governance.policies.config import parse_config
from governance.tests.browser import page, signed_in, words
from governance.tests.callers import Person
from governance.tests.factories import WorkspaceFactory, admin_of, config_of, pending, viewer_of
from governance.workflow import propose_confidence_policy
from ledger.contracts import DecisionGatePayload
from ledger.gate import DecisionGate, GateContext
from ledger.models import DecisionRecord

pytestmark = pytest.mark.django_db
NOW = START + timedelta(days=10)


def backtest(proposal):
    with freeze_time(NOW):
        return backtest_proposal(proposal)


def labelled(workspace, confidence, *successes, **fields):
    rows = [gated(workspace, confidence=confidence, **fields) for _ in successes]
    store(rows, [outcome(row, won) for row, won in zip(rows, successes, strict=True) if won is not None])


def test_backtest__lower_threshold__flips_coverage_and_failure_rates():
    workspace = WorkspaceFactory()
    labelled(workspace, 0.95, True, True, False, None)
    labelled(workspace, 0.85, False, None, None)
    labelled(workspace, 0.5, None)
    found = backtest(pending(workspace, 0.8))
    assert (found.decisions, found.allowed_before, found.allowed_after) == (8, 4, 7)
    assert (found.to_block, found.to_allow) == (0, 3)
    assert (found.coverage_before, found.coverage_after) == (0.5, 0.875)
    assert (found.failure_rate_before, found.failure_rate_after) == (1 / 3, 2 / 4)
    assert found.newly_allowed_unlabelled == 2
    assert "not known for 3 of the 7" in found.caveat


def test_backtest__higher_threshold_and_every_outcome_known__no_caveat():
    workspace = WorkspaceFactory()
    labelled(workspace, 0.95, True)
    labelled(workspace, 0.91, False)
    found = backtest(pending(workspace, 0.95))
    assert (found.to_block, found.to_allow, found.failure_rate_after, found.caveat) == (1, 0, 0.0, "")


def test_backtest__no_decisions__rates_are_undefined():
    found = backtest(pending(WorkspaceFactory(), 0.8))
    assert (found.decisions, found.coverage_after, found.failure_rate_after, found.caveat) == (0, None, None, "")


def test_backtest__what_no_threshold_decided_or_lies_elsewhere__not_counted():
    workspace = WorkspaceFactory()
    labelled(workspace, 0.95, True, gate_reason="kill_switch", gate_verdict="block")
    labelled(workspace, 0.95, True, minute=-31 * 24 * 60)
    labelled(WorkspaceFactory(), 0.95, True)
    labelled(workspace, 0.95, True, policy_key="decision_gate")
    store([decision(workspace, confidence=None)])
    assert backtest(pending(workspace, 0.8)).decisions == 0


def test_backtest__two_outcomes__the_person_rules():
    workspace = WorkspaceFactory()
    row = gated(workspace, confidence=0.95)
    store([row], [outcome(row, True, source="human_review"), outcome(row, False, sequence=2)])
    assert backtest(pending(workspace, 0.8)).failures_after == 0


def test_backtest__budgets__refused():
    proposal = pending(
        WorkspaceFactory(), policy_key="lead_context_bundle", config={"values": {"total_token_budget": 3000}}
    )
    with pytest.raises(InvalidInput, match="budgets"):
        backtest(proposal)


lattice = st.integers(0, 20).map(lambda place: place / 20)
matches = st.dictionaries(st.sampled_from(["provider", "model", "task"]), st.sampled_from(["a", "b"]), min_size=1)
overrides = st.lists(
    st.tuples(matches, lattice, lattice), max_size=4, unique_by=lambda each: tuple(sorted(each[0].items()))
)


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_backtest__any_config__agrees_with_the_gate(data):
    """The expression in SQL and the gate in Python are two writings of one rule."""
    definition = get_definition("decision_gate")
    config = {
        "values": {"llm_confidence_threshold": data.draw(lattice), "ml_risk_threshold": data.draw(lattice)},
        "overrides": [
            {"match": match, "values": {"llm_confidence_threshold": one, "ml_risk_threshold": other}}
            for match, one, other in data.draw(overrides)
        ],
    }
    policy = EffectivePolicy(definition, parse_config(definition, config), 1, "db")
    gate = DecisionGate(GateContext(kill_switch=False, automation_enabled=True, policy=policy))
    workspace = WorkspaceFactory()
    names = st.sampled_from(["a", "b"])
    drawn = data.draw(st.lists(st.tuples(lattice, lattice, names, names, names), min_size=1, max_size=20))
    allowed = 0
    rows = []
    for confidence, risk, provider, model, task in drawn:
        where = {"provider": provider, "model": model, "task": task}
        payload = DecisionGatePayload(
            policy_key="decision_gate", stated_confidence=confidence, ml_risk_score=risk, **where
        )
        allowed += gate.evaluate(payload).allowed
        rows.append(
            gated(
                workspace,
                confidence=confidence,
                policy_key="decision_gate",
                ml_risk_score=Decimal(str(risk)),
                **where,
            )
        )
    store(rows)
    found = backtest(pending(workspace, policy_key="decision_gate", config=config))
    assert (found.decisions, found.allowed_after) == (len(rows), allowed)


def test_api_and_page__show_the_backtest_to_members_only():
    workspace = WorkspaceFactory()
    with freeze_time(NOW):
        labelled(workspace, 0.85, None)
        proposal = pending(workspace, config=config_of(0.8))
        path = f"proposals/{proposal.pk}/backtest"
        shown = Person(viewer_of(workspace), workspace).get(path).json()
        assert (shown["decisions"], shown["to_allow"], shown["failure_rate_after"]) == (1, 1, None)
        assert "no fair sample" in shown["caveat"]
        assert Person(admin_of(WorkspaceFactory()), workspace).get(path).status_code == 404
        reading = words(signed_in(viewer_of(workspace)).get(page(proposal), {"backtest": "1"}))
    assert "It would have blocked 0 that are allowed before, and allowed 1 that are blocked before" in reading
    assert "no fair sample" in reading


def test_page__fetches_the_backtest_by_itself__for_members_and_while_it_is_open():
    workspace = WorkspaceFactory()
    proposal = pending(workspace, 0.8)
    member = signed_in(viewer_of(workspace))
    (address,) = re.findall(r'data-later="([^"]+)"', member.get(page(proposal)).content.decode())
    assert "Decisions from" in words(member.get(address))
    assert signed_in(viewer_of(WorkspaceFactory())).get(address).status_code == 404
    pending(workspace, 0.81)
    assert member.get(address).status_code == 404
    assert "data-later" not in member.get(page(proposal)).content.decode()


def test_proposal_of_a_person__keeps_what_it_would_have_done__and_says_it_first():
    workspace = WorkspaceFactory()
    recorded(workspace)
    before = Counted(workspace, 0.9), Counted(workspace, 0.85)
    made = propose_confidence_policy(
        actor=admin_of(workspace),
        workspace=workspace,
        policy_key="confidence_gate",
        title="Let more through",
        rationale="The queue is long.",
        config={"values": {"confidence_threshold": 0.85}},
    )
    recorded(workspace)
    assert (
        f"Of the {before[0].all} decisions of the weeks before it was written, it would have allowed "
        f"{before[1].allowed} instead of {before[0].allowed}: {before[1].allowed - before[0].allowed} more, 0 fewer."
    ) in words(signed_in(viewer_of(workspace)).get(page(made)))


class Counted:
    """How many of a workspace's decisions a threshold allows, counted one by one."""

    def __init__(self, workspace, threshold):
        confidences = list(DecisionRecord.objects.in_workspace(workspace).values_list("llm_confidence", flat=True))
        self.all = len(confidences)
        self.allowed = sum(float(each) >= threshold for each in confidences)


def recorded(workspace):
    """Decisions of yesterday, some of them between the two thresholds."""
    yesterday = timezone.now() - timedelta(days=1)
    confidences = [0.8, 0.86, 0.88, 0.92, 0.97]
    store([gated(workspace, confidence=each, timestamp=yesterday, occurred_at=yesterday) for each in confidences])
