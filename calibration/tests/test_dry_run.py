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
    return WorkspaceFactory()


def in_force(workspace: Workspace, threshold: float) -> None:
    config = {"values": {"confidence_threshold": threshold}, "overrides": []}
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", config=config, version=1)


def test_dry_run__higher_threshold__shown_and_not_proposed(workspace: Workspace) -> None:
    history(workspace, {0.99: (496, 4), 0.95: (290, 10), 0.92: (60, 60)})
    run = run_calibration(workspace=workspace, dry_run=True, **WINDOW)
    (finding,) = next(policy for policy in run.output["policies"] if policy["findings"])["findings"]
    assert finding["recommended"] == 0.95
    assert not ConfidencePolicyProposal.objects.exists()


def test_dry_run__lower_threshold__is_named_nowhere(workspace: Workspace) -> None:
    history(workspace, HONEST)
    in_force(workspace, 0.99)
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], dry_run=True, **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    assert finding["calibration_error"]["ece"] is not None
    assert (finding["recommended"], finding["is_material"]) == (0.99, False)
    assert "0.95" not in json.dumps([finding["explanation"], finding["statement"], finding["answer"], run.metrics])


def test_dry_run__whatever_lies_below__the_same_words_and_the_same_answer(workspace: Workspace) -> None:
    """Whether a loosening would be certified cannot be told: only figures that promise nothing differ."""
    other = WorkspaceFactory()
    history(workspace, {0.95: (600, 0), 0.85: (600, 0)})
    history(other, {0.95: (600, 0), 0.85: (300, 300)})
    findings = []
    for each in (workspace, other):
        run = run_calibration(workspace=each, policy_keys=["confidence_gate"], dry_run=True, **WINDOW)
        (finding,) = run.output["policies"][0]["findings"]
        findings.append(finding)
        below = [point for point in finding["operating_curve"] if point["threshold"] < 0.9]
        assert [(point["low"], point["high"]) for point in below] == [(None, None)]
    told = ("reason", "recommended", "explanation", "statement", "answer", "at_recommended", "change")
    assert [findings[0][name] for name in told] == [findings[1][name] for name in told]
    assert findings[0]["operating_curve"] != findings[1]["operating_curve"]
