"""Equal inputs give equal findings and equal hashes."""

from __future__ import annotations

import json

import pytest

from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.tests.factories import HONEST, OVERCONFIDENT, WINDOW, decision, history, outcome, review, store
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, HONEST, model="honest")
    history(workspace, OVERCONFIDENT, model="loud")
    return workspace


def run(workspace: Workspace, *keys: str) -> ConfidenceCalibrationRun:
    return review(workspace=workspace, policy_keys=keys or ["confidence_gate"], **WINDOW)


def evidence_hashes() -> list[str]:
    proposals = ConfidencePolicyProposal.objects.filter(origin="calibration").order_by("pk")
    return list(proposals.values_list("evidence_sha256", flat=True))


def test_repeat__same_data__same_findings_and_same_hashes(workspace: Workspace) -> None:
    first, second = run(workspace), run(workspace)
    assert first.inputs_sha256 == second.inputs_sha256
    assert first.output == second.output
    (kept,) = evidence_hashes()
    ConfidencePolicyProposal.objects.update(status="SUPERSEDED")
    run(workspace)
    assert evidence_hashes() == [kept, kept]


def test_repeat__wider_scope__same_evidence_for_the_same_policy(workspace: Workspace) -> None:
    run(workspace)
    ConfidencePolicyProposal.objects.update(status="SUPERSEDED")
    run(workspace, "confidence_gate", "decision_gate")
    one, two = evidence_hashes()
    assert one == two


def test_repeat__another_label__other_hash_and_a_comparison_with_before(workspace: Workspace) -> None:
    before = run(workspace)
    unlabelled = decision(workspace, confidence=0.99, minute=3, model="honest")
    store([unlabelled], [outcome(unlabelled, False)])
    after, again = run(workspace), run(workspace)
    assert after.inputs_sha256 != before.inputs_sha256
    finding, _ = after.output["policies"][0]["findings"]
    assert finding["since_last_run"]["inputs_sha256"] == before.metrics["inputs"]["confidence_gate"]
    assert (finding["since_last_run"]["labelled_before"], finding["labelled"]) == (1100, 1101)
    assert finding["since_last_run"]["buckets"][9]["labelled"] == 801
    # One decision more at 0.99: of 1,101 instead of 1,100 decisions 801 instead of 800 lie in the last tenth.
    assert finding["since_last_run"]["ks_at_least"] == pytest.approx(801 / 1_101 - 800 / 1_100, abs=1e-12)
    assert 0 < finding["since_last_run"]["psi"] < 1e-6
    assert again.output == after.output


def test_repeat__same_hash_at_another_level__other_findings() -> None:
    workspace = WorkspaceFactory()
    history(workspace, {0.95: (80, 0), 0.6: (5, 20)})
    question = {"workspace": workspace, "policy_keys": ["confidence_gate"], **WINDOW}
    stricter = run_calibration(tighten_only=True, **question)
    held = review(candidate_share=0.8, **question)
    assert stricter.inputs_sha256 == held.inputs_sha256
    found = [each.output["policies"][0]["findings"][0]["recommended"] for each in (stricter, held)]
    assert found == [0.9, None]


def test_repeat__other_parameters__other_hash(workspace: Workspace) -> None:
    other = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], target_failure_rate=0.1, **WINDOW)
    assert other.inputs_sha256 != run(workspace).inputs_sha256


def test_repeat__evidence__names_neither_run_nor_time_of_computing(workspace: Workspace) -> None:
    run(workspace)
    evidence = json.loads(ConfidencePolicyProposal.objects.get().evidence)
    assert not {"run", "run_id", "created_at", "labels_as_of"} & set(evidence)
