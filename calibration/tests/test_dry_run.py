"""A dry run shows figures, proposes nothing, and does not let anybody look for a lower threshold."""

from __future__ import annotations

import json

import pytest

from calibration.runner import run_calibration
from calibration.tests.factories import HONEST, WINDOW, history
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    return workspace


def in_force(workspace: Workspace, threshold: float) -> None:
    config = {"values": {"confidence_threshold": threshold}, "overrides": []}
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", config=config, version=1)


def test_dry_run__higher_threshold__shown_and_not_proposed(workspace: Workspace) -> None:
    run = run_calibration(workspace=workspace, dry_run=True, **WINDOW)
    (finding,) = next(policy for policy in run.output["policies"] if policy["findings"])["findings"]
    assert finding["recommended"] == 0.95
    assert not ConfidencePolicyProposal.objects.exists()


def test_dry_run__lower_threshold__is_named_nowhere(workspace: Workspace) -> None:
    in_force(workspace, 0.99)
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], dry_run=True, **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    assert finding["reason"] == "REVIEW_REQUIRED"
    assert finding["calibration_error"]["ece"] is not None
    withheld = ("recommended", "answer", "statement", "at_recommended", "change")
    assert [finding[name] for name in withheld] == [None] * 5
    assert "0.95" not in json.dumps([finding["explanation"], run.metrics])
