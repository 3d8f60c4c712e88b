"""The command from the ledger to a proposal."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from calibration.models import ConfidenceCalibrationRun, Recommendation
from calibration.tests.factories import HONEST, OVERCONFIDENT, WINDOW, history, scheduled
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies import resolve_threshold
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal

pytestmark = pytest.mark.django_db

SEGMENT = {"provider": "acme", "model": "m1", "confidence_kind": "unspecified"}


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def run(**options: Any) -> str:
    """What the command prints, on the day of a review of the calendar."""
    calendar = {name: options[name] for name in ("target_failure_rate", "risk_confidence") if name in options}
    scheduled(Workspace.objects.get(), policy_keys=["confidence_gate"], **calendar)
    out = StringIO()
    call_command(
        "run_calibration", **{"workspace": "acme", "policy_key": ["confidence_gate"], **WINDOW, **options}, stdout=out
    )
    return out.getvalue()


def run_json(**options: Any) -> dict[str, Any]:
    return json.loads(run(json=True, **options))


def test_run__honest_model__threshold_is_proposed_as_override_and_can_be_applied(workspace: Workspace) -> None:
    history(workspace, HONEST)
    run()
    proposal = ConfidencePolicyProposal.objects.get()
    assert proposal.origin == "calibration"
    assert proposal.config["values"] == {"confidence_threshold": 0.9, "confidence_ceiling": 1.0}
    assert proposal.config["overrides"] == [{"match": SEGMENT, "values": {"confidence_threshold": 0.95}}]

    admin = admin_of(workspace)
    approve_confidence_policy_proposal(actor=admin, workspace=workspace, proposal_id=proposal.pk)
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    assert resolve_threshold(workspace, "confidence_gate", "confidence_threshold", **SEGMENT) == 0.95
    assert resolve_threshold(workspace, "confidence_gate", "confidence_threshold", provider="other") == 0.9


def test_run__overconfident_model__refusal_says_what_is_shown_and_what_is_not(workspace: Workspace) -> None:
    history(workspace, OVERCONFIDENT)
    text = run()
    recommendation = Recommendation.objects.get()
    assert (recommendation.reason, recommendation.recommended, recommendation.proposal) == (
        "NOT_CERTIFIABLE",
        None,
        None,
    )
    said = text.replace("\n    ", " ")
    assert "at the 500 most confident of the 800 labelled decisions, 100 failed (20.00%), at or above 5 %" in said
    assert "It is not shown that no threshold would do." in said


def test_run__few_labels__refusal_says_how_many_are_needed(workspace: Workspace) -> None:
    history(workspace, {0.95: (58, 0)})
    run()
    recommendation = Recommendation.objects.get()
    assert recommendation.reason == "INSUFFICIENT_DATA"
    assert "at least 59" in recommendation.explanation


def test_run__evidence_of_proposal__stands_on_its_own(workspace: Workspace) -> None:
    history(workspace, HONEST)
    run()
    evidence = json.loads(ConfidencePolicyProposal.objects.get().evidence)
    (finding,) = evidence["findings"]
    assert evidence["parameters"]["target_failure_rate"] == 0.05
    assert len(evidence["inputs_sha256"]) == 64
    assert {"statistics_version", "libraries", "seed"} <= set(evidence)
    assert "exceeds 0.05 with probability at most 0.05" in finding["statement"]
    assert finding["at_recommended"]["labelled"] == 800
    assert finding["at_recommended"]["failures"] == 14
    assert finding["change"]["allow_to_block"] == 0
    assert len(finding["reliability"]["equal_width"]["bins"]) == 10


@pytest.mark.parametrize(
    ("counts", "recommended", "flips"),
    [
        ({0.95: (300, 0), 0.8: (200, 0), 0.6: (0, 100)}, 0.8, {"block_to_allow": 200, "allow_to_block": 0}),
        ({0.99: (300, 0), 0.92: (30, 40)}, 0.99, {"block_to_allow": 0, "allow_to_block": 70}),
    ],
)
def test_run__threshold_moves_from_090__says_what_flips_which_way(
    workspace: Workspace, counts: dict[float, tuple[int, int]], recommended: float, flips: dict[str, int]
) -> None:
    history(workspace, counts)
    ((finding,),) = [policy["findings"] for policy in run_json()["policies"]]
    assert finding["recommended"] == recommended
    assert {way: finding["change"][way] for way in flips} == flips


def test_run__json__keys_are_stable(workspace: Workspace) -> None:
    history(workspace, HONEST)
    report = run_json()
    assert set(report) == {
        "run", "parameters", "statistics_version", "libraries", "seed", "policies", "proposals",
    }  # fmt: skip
    (policy,) = report["policies"]
    assert set(policy) == {
        "policy_key", "policy_version", "source", "segment_by", "too_young", "parameters", "costs", "inputs_sha256",
        "engine", "review", "findings", "days", "label_error",
    }  # fmt: skip
    (finding,) = policy["findings"]
    assert set(finding) == {
        "policy_key", "field", "segment", "current", "recommended", "reason", "explanation", "is_material",
        "is_proposable", "is_tested", "decisions", "labelled", "successes", "label_coverage",
        "label_coverage_by_tenth", "cohort", "left_out",
        "method", "drift", "statement", "answer", "at_current", "at_recommended", "every_decision", "change",
        "reliability", "operating_curve",
        "calibration_error", "noise_floor", "brier_score", "log_loss", "auroc", "confidence_bias", "recalibration",
        "periods", "costs", "since_last_run",
    }  # fmt: skip
    assert report["run"]["status"] == "COMPLETE"
    assert report["proposals"][0]["policy_key"] == "confidence_gate"


def test_run__text__shows_current_and_recommended_and_the_interval(workspace: Workspace) -> None:
    history(workspace, HONEST)
    text = run()
    (line,) = [line for line in text.splitlines() if line.strip().startswith("acme m1") and "[" in line]
    assert line.split() == [
        "acme", "m1", "unspecified", "1,100", "100.0%", "0.9000", "0.9500", "72.7%", "1.75%", "[0.96%,", "2.92%]",
        *line.split()[-2:],
    ]  # fmt: skip


def test_run__immaterial_change__nothing_is_proposed(workspace: Workspace, settings: Any) -> None:
    settings.CONFIDENCE_MATERIALITY = 0.05
    history(workspace, HONEST)
    run()
    assert Recommendation.objects.get().recommended == 0.95
    assert not ConfidencePolicyProposal.objects.filter(origin="calibration").exists()


def test_run__counts_and_times__are_stored(workspace: Workspace) -> None:
    history(workspace, HONEST)
    run()
    stored = ConfidenceCalibrationRun.objects.get()
    assert (stored.status, stored.samples, stored.proposals_created) == ("COMPLETE", 1100, 1)
    assert stored.labels_as_of is not None
    assert stored.started_at <= stored.finished_at
    assert stored.progress == 1.0


def test_run__help__holds_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("run_calibration", "--help")
    assert (
        "manage.py run_calibration --workspace acme --policy-key confidence_gate --dry-run" in capsys.readouterr().out
    )
