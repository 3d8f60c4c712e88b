"""The table of the first page: figures of what is in force now, or named as those of then."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from calibration.models import Recommendation
from confidence_project.desk.tests.calibrated import calibrated
from confidence_project.foundation.formatting import percent, threshold
from governance.controls.services import block_source, engage_kill_switch
from governance.models import ConfidencePolicyRevision
from governance.tests.browser import signed_in, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied, viewer_of
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)
from governance.workspaces.services import set_toggles

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    workspace = WorkspaceFactory()
    calibrated(workspace)
    return workspace


def rows(person):
    """The table's rows, each as its words, by the segment that it names."""
    page = signed_in(person).get(reverse("admin:index")).content.decode()
    table = page[page.index('class="figures"') : page.index("</table>", page.index('class="figures"'))]
    found = [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)) for row in table.split("<tr")[1:]]
    return {name: next((row for row in found if name in row), "") for name in ("honest", "braggart", "Figures as of")}


def put_in_force(workspace):
    proposal = workspace.proposals.get()
    ids = {"workspace": workspace, "proposal_id": proposal.pk}
    approve_confidence_policy_proposal(actor=admin_of(workspace), **ids, acknowledge_large_step=True)
    return apply_confidence_policy_proposal(actor=SuperuserFactory(), **ids)


def finding_of(workspace, model):
    return Recommendation.objects.get(workspace=workspace, field="confidence_threshold", segment__model=model)


def test_in_force__nothing_changed_since_the_run__its_figures_with_the_run_they_are_of(workspace):
    found, seen = finding_of(workspace, "honest"), rows(viewer_of(workspace))
    point = found.evidence["at_current"]
    assert f" {threshold(0.9)} " in seen["honest"]
    assert percent(point["failure_rate"]) in seen["honest"]
    assert f"Figures as of run {found.run_id} , of decisions until 20" in seen["Figures as of"]


def test_in_force__what_the_run_recommended_was_applied__the_value_and_the_figures_of_it(workspace):
    put_in_force(workspace)
    found = finding_of(workspace, "honest")
    seen = rows(viewer_of(workspace))["honest"]
    assert threshold(found.recommended) in seen
    assert percent(found.evidence["failure_rate"]) in seen
    assert percent(found.evidence["coverage"]) in seen
    assert "not known yet" not in seen


def test_in_force__another_value_was_applied__no_figure_of_today_and_the_old_one_named_as_of_then(workspace):
    applied(workspace, 0.85)
    found = finding_of(workspace, "honest")
    seen = rows(viewer_of(workspace))["honest"]
    assert f" {threshold(0.85)} " in seen
    assert f"not known yet then, at 0.9: {percent(found.evidence['at_current']['failure_rate'])}" in seen
    assert percent(found.evidence["at_current"]["coverage"]) not in seen


def test_in_force__rolled_back_to_what_the_run_saw__its_figures_again(workspace):
    put_in_force(workspace)
    baseline = ConfidencePolicyRevision.objects.get(workspace=workspace, version=0)
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(),
        workspace=workspace,
        revision_id=baseline.pk,
        reason="Back.",
        acknowledge_uncertified=True,
    )
    point = finding_of(workspace, "honest").evidence["at_current"]
    seen = rows(viewer_of(workspace))["honest"]
    assert f" {threshold(0.9)} " in seen
    assert percent(point["coverage"]) in seen


def test_in_force__fails_far_more_often_than_wanted__red_with_the_one_thing_to_do(workspace):
    admin = admin_of(workspace)
    page = signed_in(admin).get(reverse("admin:index"))
    link = f"{reverse('admin:governance_blockedsource_add')}?workspace={workspace.pk}&amp;policy_key=confidence_gate"
    assert "times as often as wanted" in words(page)
    assert f"{link}&amp;kind=model&amp;value=braggart" in page.content.decode()
    assert 'class="trouble bad"' in page.content.decode()
    viewers = signed_in(viewer_of(workspace)).get(reverse("admin:index"))
    assert "A workspace admin can block it." in words(viewers)
    assert link not in viewers.content.decode()


def test_in_force__blocked_model__has_no_coverage_and_nothing_left_to_do(workspace):
    who = {"actor": admin_of(workspace), "workspace": workspace, "reason": "Wrong."}
    block_source(**who, kind="model", value="braggart")
    seen = rows(viewer_of(workspace))
    assert "Nothing is allowed this model is blocked" in seen["braggart"]
    assert "Nothing is allowed" not in seen["honest"]
    assert "times as often" not in words(signed_in(viewer_of(workspace)).get(reverse("admin:index")))


def test_in_force__blocked_under_another_policy__is_not_blocked_here(workspace):
    who = {"actor": admin_of(workspace), "workspace": workspace, "reason": "Wrong."}
    block_source(**who, kind="model", value="braggart", policy_key="decision_gate")
    assert "Nothing is allowed" not in rows(viewer_of(workspace))["braggart"]


@pytest.mark.parametrize("policy_key", ["", "confidence_gate"])
def test_in_force__kill_switch__nothing_is_allowed(workspace, policy_key):
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, policy_key=policy_key, reason="Wait.")
    assert "Nothing is allowed a kill switch is engaged" in rows(viewer_of(workspace))["honest"]


def test_in_force__automation_off__nothing_is_allowed(workspace):
    set_toggles(actor=admin_of(workspace), workspace=workspace, automation_enabled=False)
    assert "Nothing is allowed automation is off" in rows(viewer_of(workspace))["honest"]
