"""The defaults are put on record once."""

from __future__ import annotations

import pytest

from calibration.tests.factories import HONEST, WINDOW, history, review
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    reject_confidence_policy_proposal,
)

pytestmark = pytest.mark.django_db

BOOTSTRAP = ConfidencePolicyProposal.Origin.BOOTSTRAP


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def run(workspace: Workspace, *keys: str) -> None:
    review(workspace=workspace, policy_keys=keys, **WINDOW)


def test_bootstrap__one_key_asked_for__its_defaults_are_proposed_once(workspace: Workspace) -> None:
    run(workspace, "decision_gate")
    run(workspace, "decision_gate")
    one = ConfidencePolicyProposal.objects.get()
    assert (one.origin, one.policy_key) == (BOOTSTRAP, "decision_gate")
    assert one.config["values"] == {"llm_confidence_threshold": 0.6, "ml_risk_threshold": 0.7}
    assert "no behaviour change until applied" in one.summary


def test_bootstrap__run_over_all_keys__defaults_are_proposed_only_of_what_is_in_use(workspace: Workspace) -> None:
    history(workspace, {0.95: (20, 0)})
    run(workspace)
    one = ConfidencePolicyProposal.objects.get()
    assert (one.origin, one.policy_key) == (BOOTSTRAP, "confidence_gate")


def test_bootstrap__defaults_were_applied__no_second_one(workspace: Workspace) -> None:
    run(workspace, "decision_gate")
    proposal = ConfidencePolicyProposal.objects.get()
    approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    run(workspace, "decision_gate")
    assert ConfidencePolicyProposal.objects.count() == 1


def test_bootstrap__rejected__not_offered_again(workspace: Workspace) -> None:
    run(workspace, "decision_gate")
    proposal = ConfidencePolicyProposal.objects.get()
    reject_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk, reason="not needed"
    )
    run(workspace, "decision_gate")
    assert ConfidencePolicyProposal.objects.count() == 1


def test_bootstrap__there_is_a_recommendation__it_is_proposed_instead(workspace: Workspace) -> None:
    history(workspace, HONEST)
    run(workspace, "confidence_gate")
    assert ConfidencePolicyProposal.objects.get().origin == "calibration"
