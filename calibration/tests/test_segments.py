"""A finding for each segment; nothing is pooled silently."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.models import ConfidenceCalibrationRun
from calibration.runs.report import run_as_text
from calibration.statistics.costs import Costs
from calibration.tests.factories import HONEST, OVERCONFIDENT, WINDOW, history, review
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def run(workspace: Workspace, **options: Any) -> ConfidenceCalibrationRun:
    return review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW, **options)


def findings(stored: ConfidenceCalibrationRun) -> list[dict[str, Any]]:
    return stored.output["policies"][0]["findings"]


def test_segments__two_models__one_is_recommended_and_one_refused(workspace: Workspace) -> None:
    history(workspace, HONEST, model="honest")
    history(workspace, OVERCONFIDENT, model="loud")
    assert [(f["segment"]["model"], f["recommended"], f["reason"]) for f in findings(run(workspace))] == [
        ("honest", 0.95, "OK"),
        ("loud", None, "NOT_CERTIFIABLE"),
    ]
    (override,) = ConfidencePolicyProposal.objects.get().config["overrides"]
    assert override["match"]["model"] == "honest"


def test_segments__several_in_one_proposal__share_delta(workspace: Workspace) -> None:
    for model in ("a", "b", "c"):
        history(workspace, HONEST, model=model)
    history(workspace, {0.95: (20, 0)}, model="tiny")
    found = findings(run(workspace))
    assert [finding["is_tested"] for finding in found] == [True, True, True, False]
    assert [finding["answer"]["delta"] for finding in found[:3]] == pytest.approx([0.05 / 3] * 3)
    assert found[3]["reason"] == "INSUFFICIENT_DATA"
    assert found[3]["label_coverage_by_tenth"] == [None] * 9 + [1.0]
    assert ConfidencePolicyProposal.objects.get().title.endswith(": new thresholds for 3 segments")


def test_segments__confidence_kinds__are_split_unasked(workspace: Workspace) -> None:
    history(workspace, HONEST, confidence_kind="self_reported")
    history(workspace, HONEST, confidence_kind="token_probability")
    assert [finding["segment"]["confidence_kind"] for finding in findings(run(workspace, segment_by=["model"]))] == [
        "self_reported",
        "token_probability",
    ]


def test_segments__asked_for_task__each_task_has_its_finding(workspace: Workspace) -> None:
    history(workspace, HONEST, task="route")
    history(workspace, HONEST, task="refund")
    found = findings(run(workspace, segment_by=["provider", "model", "task"]))
    assert [finding["segment"]["task"] for finding in found] == ["refund", "route"]


def test_segments__override_exists__its_value_is_the_current_one_and_other_overrides_stay(workspace: Workspace) -> None:
    match = {"provider": "acme", "model": "m1", "confidence_kind": "unspecified"}
    other = {"match": {"model": "other"}, "values": {"confidence_threshold": 0.7}}
    strict = {"match": match, "values": {"confidence_threshold": 0.99}}
    config = {"values": {"confidence_threshold": 0.8}, "overrides": [strict, other]}
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", config=config, version=3)
    history(workspace, HONEST)
    (finding,) = findings(run(workspace))
    assert (finding["current"], finding["recommended"]) == (0.99, 0.95)
    proposal = ConfidencePolicyProposal.objects.get()
    assert proposal.base_version == 3
    assert proposal.config == {
        "values": {"confidence_threshold": 0.8},
        "overrides": [{"match": match, "values": {"confidence_threshold": 0.95}}, other],
    }


def test_segments__all_decisions_leave_all_blank__the_policys_own_value_is_proposed(workspace: Workspace) -> None:
    history(workspace, HONEST, confidence_kind="", provider="", model="")
    run(workspace)
    config = ConfidencePolicyProposal.objects.get().config
    assert config == {"values": {"confidence_threshold": 0.95, "confidence_ceiling": 1.0}, "overrides": []}


def test_segments__blank_beside_named__no_override_can_single_it_out(workspace: Workspace) -> None:
    history(workspace, HONEST, provider="")
    history(workspace, OVERCONFIDENT)
    blank, _ = findings(run(workspace))
    assert (blank["recommended"], blank["is_material"], blank["is_proposable"]) == (0.95, True, False)
    assert "leave blank" in blank["explanation"]
    assert not ConfidencePolicyProposal.objects.filter(origin="calibration").exists()


def test_segments__answers_of_decision_models__are_split_by_provider_model_and_task_unasked(
    workspace: Workspace,
) -> None:
    for model, task in [("m-2026-01", "route"), ("m-2026-01", "refund"), ("m-2026-02", "route")]:
        history(workspace, HONEST, confidence_kind="openai_choice", model=model, task=task)
    for model in ("m1", "m2"):
        history(workspace, HONEST, confidence_kind="self_reported", model=model, task="route")
    stored = run(workspace, segment_by=["channel"])
    answers = [
        {
            "provider": "acme",
            "model": model,
            "confidence_kind": "openai_choice",
            "task": task,
            "options": "",
            "channel": "",
            "prompt_hash": "",
        }
        for model, task in [("m-2026-01", "refund"), ("m-2026-01", "route"), ("m-2026-02", "route")]
    ]
    stated = {"confidence_kind": "self_reported", "channel": ""}
    assert [(finding["segment"], finding["labelled"]) for finding in findings(stored)] == [
        (stated, 2 * 1_100),
        *((segment, 1_100) for segment in answers),
    ]
    assert stored.output["policies"][0]["segment_by"] == [
        "provider", "model", "confidence_kind", "task", "options", "channel", "prompt_hash",
    ]  # fmt: skip


def test_segments__answers_of_decision_models__each_has_an_override_of_its_own(workspace: Workspace) -> None:
    history(workspace, HONEST, confidence_kind="predicate_yes", task="route")
    history(workspace, OVERCONFIDENT, confidence_kind="predicate_yes", task="refund")
    stored = run(workspace)
    (override,) = ConfidencePolicyProposal.objects.get(origin="calibration").config["overrides"]
    assert override["match"] == {
        "provider": "acme", "model": "m1", "confidence_kind": "predicate_yes", "task": "route",
    }  # fmt: skip
    text = run_as_text(stored)
    assert "acme m1 predicate_yes route: Raise" in text
    assert "acme m1 predicate_yes refund: No threshold" in text


def test_segments__unnamed_question_alone__an_override_without_the_task_singles_it_out(workspace: Workspace) -> None:
    history(workspace, HONEST, confidence_kind="openai_score")
    history(workspace, OVERCONFIDENT, confidence_kind="openai_choice", task="refund")
    run(workspace)
    (override,) = ConfidencePolicyProposal.objects.get(origin="calibration").config["overrides"]
    assert override["match"] == {"provider": "acme", "model": "m1", "confidence_kind": "openai_score"}


@pytest.mark.parametrize("key, values", [("options", ("2:ab", "5:cd")), ("prompt_hash", ("a" * 64, "b" * 64))])
def test_segments__other_options_or_another_wording__another_question(workspace: Workspace, key, values) -> None:
    history(workspace, HONEST, confidence_kind="choice_probability", task="route", **{key: values[0]})
    history(workspace, OVERCONFIDENT, confidence_kind="choice_probability", task="route", **{key: values[1]})
    run(workspace)
    (override,) = ConfidencePolicyProposal.objects.get(origin="calibration").config["overrides"]
    assert override["match"][key] == values[0]


def test_segments__unknown_options_beside_known_ones__no_override_could_single_them_out(workspace: Workspace) -> None:
    history(workspace, HONEST, confidence_kind="system_one_score", task="route")
    history(workspace, HONEST, confidence_kind="system_one_score", task="route", options="5:cd")
    unknown, known = sorted(findings(run(workspace)), key=lambda finding: finding["segment"]["options"])
    assert (unknown["is_proposable"], known["is_proposable"]) == (False, True)


def test_segments__model_named_by_an_alias__the_finding_says_what_it_leaves_open(workspace: Workspace) -> None:
    for model in ("jev-latest", "jev-1.14.0"):
        history(workspace, HONEST, confidence_kind="predicate_yes", task="route", model=model)
    said = {finding["segment"]["model"]: finding["explanation"] for finding in findings(run(workspace))}
    assert "by an alias" in said["jev-latest"]
    assert "alias" not in said["jev-1.14.0"]


def test_segments__kind_that_is_yet_to_come__is_not_pooled(workspace: Workspace) -> None:
    for task in ("route", "refund"):
        history(workspace, HONEST, confidence_kind="new_dialect_choice", task=task)
    assert [finding["segment"]["task"] for finding in findings(run(workspace))] == ["refund", "route"]


def test_segments__other_workspaces__are_never_seen(workspace: Workspace) -> None:
    history(WorkspaceFactory(), HONEST)
    assert findings(run(workspace)) == []


def test_segments__more_than_a_summary_holds__are_proposed_and_counted(workspace: Workspace) -> None:
    for place in range(30):
        history(workspace, {0.95: (130, 0)}, model=f"{place:02}-{'a-model-with-a-long-name' * 4}")
    stored = run(workspace, costs=Costs(false_allow=20, false_block=1, review=3))
    proposal = ConfidencePolicyProposal.objects.get()
    assert (stored.status, len(proposal.config["overrides"])) == ("COMPLETE", 30)
    named = proposal.summary.count("acme · ")
    assert 20 <= named < 30
    assert proposal.summary.endswith(f"And {30 - named} more: see the evidence.")
