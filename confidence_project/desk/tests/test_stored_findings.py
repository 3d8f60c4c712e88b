"""Findings that an earlier release has stored are read, shown and compared; those of a later one do no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.urls import reverse

from calibration.findings.finding import Brief, Finding, Headline
from calibration.models import Recommendation
from calibration.tests.factories import HONEST, history, review
from confidence_project.desk.tests.calibrated import DAY, calibrated
from confidence_project.foundation.errors import InvalidInput
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import WorkspaceFactory, pending, viewer_of

STORED = json.loads((Path(__file__).parent / "data" / "findings_of_version_1.json").read_text())
"""One of each method, and one of a run that does not say its answer, as they were stored before there was a type."""


LEFT_OUT = {"direction", "method"}
"""What answers said of themselves while there were several; each stored one says the same."""


def without_what_is_said_no_more(answer: object) -> object:
    """The answer of a stored finding without `LEFT_OUT`, at any depth."""
    if isinstance(answer, dict):
        return {k: without_what_is_said_no_more(v) for k, v in answer.items() if k not in LEFT_OUT}
    return [without_what_is_said_no_more(each) for each in answer] if isinstance(answer, list) else answer


def through_json(stored: object) -> object:
    return json.loads(json.dumps(stored))


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: f"{stored['method']} {stored['reason']}")
def test_finding__stored_by_an_earlier_release__is_read_without_a_loss(stored):
    kept = {**stored, "answer": without_what_is_said_no_more(stored["answer"])}
    read = through_json(Finding.from_json(stored).to_json())
    assert (read["left_out"].pop("above_ceiling"), read["left_out"].pop("untold")) == (0, 0)
    assert (read["cohort"].pop("labels_left_aside"), read["cohort"].pop("labels_of_drawn")) == (0, 0)
    assert {name: value for name, value in read.items() if name in kept} == kept
    assert {name: read[name] for name in read.keys() - kept.keys()} == {"every_decision": None}


def test_finding__of_this_release__has_the_keys_that_were_stored_before(db):
    run, proposal = calibrated(WorkspaceFactory())
    (policy,) = run.output["policies"]
    assert all(set(each) == {*STORED[0], "every_decision"} for each in policy["findings"])
    read = [Finding.from_json(each) for each in policy["findings"]]
    assert [through_json(each.to_json()) for each in read] == policy["findings"]
    briefs = json.loads(proposal.evidence)["not_proposed"]
    assert [Brief.from_json(each).to_json() for each in briefs] == briefs
    for row, finding in zip(Recommendation.objects.filter(run=run), read, strict=True):
        assert Headline.from_json(row.evidence) == finding.headline()


def test_finding__answer__is_that_of_its_method():
    kinds = [type(Finding.from_json(stored).answer).__name__ for stored in STORED]
    assert kinds == [
        "ThresholdRecommendation",
        "ThresholdRecommendation",
        "JointRecommendation",
        "BudgetRecommendation",
        "AuditedRecommendation",
        "NoneType",
    ]


@pytest.mark.parametrize(
    "stored",
    [
        {**STORED[0], "version": 2},
        {**STORED[0], "decisions": "secret"},
        {name: value for name, value in STORED[0].items() if name != "cohort"},
        [],
        None,
    ],
    ids=["later version", "wrong type", "missing", "list", "null"],
)
def test_finding__of_another_form__refused_without_its_values(stored):
    with pytest.raises(InvalidInput) as refused:
        Finding.from_json(stored)
    assert "secret" not in refused.value.detail


def of_a_later_release(findings):
    return [{**finding, "version": 2} for finding in findings]


def test_proposal__evidence_of_a_later_release__is_shown_as_recorded(db):
    run, proposal = calibrated(WorkspaceFactory())
    evidence = json.loads(proposal.evidence)
    later = pending(run.workspace, evidence={**evidence, "findings": of_a_later_release(evidence["findings"])})
    shown = words(signed_in(viewer_of(run.workspace)).get(page(later)))
    assert later.evidence_sha256 in shown
    assert "Try any threshold" not in shown


def test_run__output_of_a_later_release__its_page_and_the_first_page_are_shown_without_it(db):
    run, _ = calibrated(WorkspaceFactory())
    for policy in run.output["policies"]:
        policy["findings"] = of_a_later_release(policy["findings"])
    run.save()
    for row in run.recommendations.all():
        row.evidence["version"] = 2
        row.save()
    viewer = signed_in(viewer_of(run.workspace))
    of_run = words(viewer.get(reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])))
    assert "only what wrote it can read it" in of_run
    home = viewer.get(reverse("admin:index"))
    assert home.status_code == 200
    assert "No policy has been looked at yet." in words(home)


def test_run__the_one_before_is_of_a_later_release__is_compared_with_nothing(db):
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    first = review(workspace=workspace, policy_keys=["confidence_gate"], **DAY)
    for policy in first.output["policies"]:
        policy["findings"] = of_a_later_release(policy["findings"])
    first.save()
    history(workspace, HONEST, model="another")
    second = review(workspace=workspace, policy_keys=["confidence_gate"], **DAY)
    assert {each["since_last_run"] for each in second.output["policies"][0]["findings"]} == {None}
