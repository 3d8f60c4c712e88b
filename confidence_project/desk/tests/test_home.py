"""The first page: what runs, what waits, what is in force."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from calibration.models import PolicyAlarm, PolicyLook
from confidence_project.desk.tests.calibrated import calibrated
from governance.controls.services import block_source, engage_kill_switch
from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import (
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    pending,
    reviewer_of,
    viewer_of,
)
from governance.workflow import start_rollout
from governance.workspaces.services import set_toggles
from ledger.counts.services import keep_counts
from ledger.models import DecisionRecord
from ledger.models.decisions import least_decision_id
from ledger.tests.factories import DECIDED_AT, DecisionOutcomeFactory, DecisionRecordFactory

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")


def home(person):
    return words(signed_in(person).get(HOME))


def queries(person) -> int:
    client = signed_in(person)
    client.get(HOME)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(HOME).status_code == 200
    return len(captured)


def test_home__more_workspaces_and_proposals__the_same_queries():
    superuser = SuperuserFactory()
    calibrated(WorkspaceFactory())
    before = queries(superuser)
    for _ in range(3):
        workspace = WorkspaceFactory()
        calibrated(workspace)
        pending(workspace, policy_key="decision_gate", config={"values": {"llm_confidence_threshold": 0.7}})
        engage_kill_switch(actor=superuser, workspace=workspace, policy_key="", reason="Test.")
    assert queries(superuser) == before
    assert before <= 39


def test_home__calibrated__shows_what_is_in_force_and_how_it_does():
    workspace = WorkspaceFactory()
    calibrated(workspace)
    page = home(viewer_of(workspace))
    for expected in ("Confidence gate", "acme · honest", "acme · braggart", "0.9", "95 % interval", "noise floor"):
        assert expected in page


def test_home__decisions_that_were_counted__says_how_they_went_and_as_of_when():
    workspace = WorkspaceFactory()
    calibrated(workspace)
    today = timezone.now()
    made = [DecisionRecordFactory(workspace=workspace, occurred_at=today - timedelta(days=day)) for day in (0, 12, 40)]
    DecisionRecordFactory(workspace=workspace, occurred_at=today, gate_verdict="block", gate_reason="kill_switch")
    for each, success in zip(made, (True, False, True), strict=True):
        DecisionOutcomeFactory(decision=each, success=success)
    viewer = viewer_of(workspace)
    assert "In the last 30 days" not in home(viewer)
    keep_counts()
    said = (
        "In the last 30 days 3 decisions, 66.7 % allowed; of 2 with a label 50 % were right . "
        f"Counted by day, as of {today:%Y-%m-%d}"
    )
    assert said in home(viewer)
    assert "changed since" not in home(viewer)


def test_home__calibrated_and_steady__says_so_and_draws_no_trend():
    workspace = WorkspaceFactory()
    calibrated(workspace)
    response = signed_in(viewer_of(workspace)).get(HOME)
    assert "steady" in words(response)
    assert 'class="spark"' not in response.content.decode()


def test_home__drifting__draws_the_success_rate_and_says_it_to_those_who_do_not_see_it():
    workspace = WorkspaceFactory()
    run, _ = calibrated(workspace)
    for row in run.recommendations.filter(field="confidence_threshold"):
        run.recommendations.filter(pk=row.pk).update(evidence={**row.evidence, "is_drifting": True})
    response = signed_in(viewer_of(workspace)).get(HOME)
    assert response.content.decode().count('class="spark"') == 2
    assert "Success rate by period: " in response.content.decode()


def test_home__pending__waits_for_an_admin_and_not_for_a_viewer():
    workspace = WorkspaceFactory()
    pending(workspace)
    assert "Waiting for you: 1" in home(admin_of(workspace))
    viewers = home(viewer_of(workspace))
    assert "Waiting, not for you" in viewers
    assert "waits for a workspace admin" in viewers


def test_home__own_proposal__waits_for_another_admin():
    workspace = WorkspaceFactory()
    author = admin_of(workspace)
    pending(workspace, author=author, origin="person")
    assert "waits for a workspace admin other than you" in home(author)


def test_home__approved__waits_for_the_superuser():
    workspace = WorkspaceFactory()
    approved(workspace)
    assert "yours to apply" in home(SuperuserFactory())
    assert "waits for a superuser" in home(admin_of(workspace))


def test_home__kill_switch__says_so_with_reason_and_offers_the_release_to_admins_alone():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    assert "Automation is on" in home(admin)
    engage_kill_switch(actor=admin, workspace=workspace, policy_key="", reason="The provider is down.")
    page = home(admin)
    assert "Automation is off: every decision is blocked" in page
    assert "The provider is down." in page
    assert "Release the kill switch" in page
    assert "Release the kill switch" not in home(viewer_of(workspace))


def test_home__switch_of_the_installation__off_everywhere(settings):
    settings.CONFIDENCE_KILL_SWITCH = True
    page = home(viewer_of(WorkspaceFactory()))
    assert "Automation is on" not in page
    assert "CONFIDENCE_KILL_SWITCH" in page


def test_home__switch_on_one_policy_and_a_blocked_model__are_named():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    engage_kill_switch(actor=admin, workspace=workspace, policy_key="confidence_gate", reason="Wait.")
    block_source(actor=admin, workspace=workspace, kind="model", value="m-1", policy_key="", reason="Wrong.")
    page = home(admin)
    assert "Automation is on" in page
    assert "Kill switch on Confidence gate" in page
    assert "Blocked: model m-1" in page


def test_home__alarm_over_the_version_in_force__says_so_until_another_version_is():
    workspace = WorkspaceFactory()
    revision = applied(workspace)
    now = timezone.now()
    look = PolicyLook.objects.create(
        revision=revision, workspace=workspace, day=now.date(), labelled=100, failures=30, alpha=0.05, delta=0.05,
        log_e_value=9, at=now,
    )  # fmt: skip
    PolicyAlarm.objects.create(revision=revision, workspace=workspace, look=look, raised_at=now)
    viewer = viewer_of(workspace)
    assert "Confidence gate: version 1 breaks its promise 30 of 100 failed, at most 5 % was promised" in home(viewer)
    assert "Waiting for you: 1" in home(admin_of(workspace))
    applied(workspace, 0.7)
    assert "breaks its promise" not in home(viewer)


def test_home__proposal_on_trial__is_named():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    start_rollout(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    assert f"Rollout, in shadow: proposal {proposal.pk} of Confidence gate" in home(viewer_of(workspace))


def test_home__applied__version_and_age():
    workspace = WorkspaceFactory()
    applied(workspace)
    assert "version 1, 0 minutes old" in home(viewer_of(workspace)).replace("\xa0", " ")


def drawn(workspace, number):
    first = least_decision_id(DECIDED_AT).int
    DecisionRecord.objects.bulk_create(
        DecisionRecordFactory.build(
            decision_id=UUID(int=first + place), workspace=workspace, gate_verdict="block", audit_selected=True
        )
        for place in range(number)
    )


@pytest.mark.parametrize(
    "number, said",
    [
        (1, "1 decision, drawn at random"),
        (99, "99 decisions, drawn at random"),
        (101, "99+ decisions, drawn at random"),
    ],
)
def test_home__decisions_wait_for_review__says_how_many_and_leads_to_them(number, said):
    workspace = WorkspaceFactory()
    drawn(workspace, number)
    response = signed_in(admin_of(workspace)).get(HOME)
    assert said in words(response)
    assert "Waiting for you: 1" in words(response)
    link = f"{reverse('admin:ledger_judgement_workbench')}?workspace={workspace.slug}"
    assert link in response.content.decode()
    assert f"{said.split()[0]} overdue" in words(response)
    assert "Waiting for you: 1" in home(reviewer_of(workspace))
    viewers = home(viewer_of(workspace))
    assert said in viewers
    assert "Waiting, not for you" in viewers
    assert "Waits for a reviewer or an admin" in viewers


def test_home__nothing_drawn_or_drawn_elsewhere__says_nothing_of_it():
    workspace = WorkspaceFactory()
    drawn(WorkspaceFactory(), 1)
    page = home(admin_of(workspace))
    assert "drawn at random" not in page
    assert "Nothing waits for anybody" in page


def test_home__automation_switched_off__says_who_did_it_and_when():
    workspace, other = WorkspaceFactory(), WorkspaceFactory()
    first, second = admin_of(workspace), admin_of(workspace)
    set_toggles(actor=first, workspace=workspace, automation_enabled=False)
    set_toggles(actor=first, workspace=workspace, automation_enabled=True)
    set_toggles(actor=second, workspace=workspace, automation_enabled=False)
    set_toggles(actor=first, workspace=workspace, auto_book_meetings=True)
    set_toggles(actor=SuperuserFactory(), workspace=other, automation_enabled=False)
    step = workspace.history.filter(after__automation_enabled=False).first()
    page = home(viewer_of(workspace))
    assert f"settings of this workspace by {second.get_username()} , {step.at:%Y-%m-%d %H:%M} UTC" in page
    queried = queries(SuperuserFactory())
    set_toggles(actor=SuperuserFactory(), workspace=WorkspaceFactory(), automation_enabled=False)
    assert queries(SuperuserFactory()) == queried


@pytest.mark.parametrize("is_on_in_history", [False, True])
def test_home__automation_off_past_the_services__names_nobody(is_on_in_history):
    workspace = WorkspaceFactory()
    if is_on_in_history:
        admin = admin_of(workspace)
        set_toggles(actor=admin, workspace=workspace, automation_enabled=False)
        set_toggles(actor=admin, workspace=workspace, automation_enabled=True)
    Workspace.objects.filter(pk=workspace.pk).update(automation_enabled=False)
    assert "switched off in the settings of this workspace ." in home(viewer_of(workspace))


def test_home__nothing_yet__says_what_to_do_first():
    workspace = WorkspaceFactory()
    page = home(viewer_of(workspace))
    assert "Three steps lead to the first proposal" in page
    assert f"run_calibration --workspace {workspace.slug}" in page


def test_home__no_workspace__superuser_adds_one_and_others_ask():
    assert "Add the first workspace" in home(SuperuserFactory())


def test_home__another_workspace__is_not_shown():
    mine, other = WorkspaceFactory(), WorkspaceFactory(name="Somebody else's")
    pending(other)
    page = home(viewer_of(mine))
    assert "Somebody else's" not in page
    assert "Nothing waits for anybody" in page


def test_root__typed_by_a_person__leads_to_the_desk():
    assert Client().get("/").headers["Location"] == "/admin/"
