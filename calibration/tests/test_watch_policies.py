"""After an apply: the failures of what the new version allows are watched, and a broken promise is told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.template.loader import render_to_string
from django.utils import timezone
from freezegun import freeze_time

from calibration.models import PolicyAlarm, PolicyLook
from calibration.selectors import alarms_in_force
from calibration.tests.factories import gated, outcome, store
from calibration.watching import look_at
from confidence_project.foundation.append_only import AppendOnlyViolation
from governance import definitions
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    config_of,
    viewer_of,
)
from governance.tests.simultaneous import at_once
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal

pytestmark = pytest.mark.django_db
EVIDENCE = {"parameters": {"target_failure_rate": 0.05, "risk_confidence": 0.95, "maturity_days": 7}}


def apply(workspace, value=0.8, **fields):
    return applied(workspace, value, **{"evidence": EVIDENCE, **fields})


def decisions(revision, successes, failures, unlabelled=0, **fields):
    """Decisions that the revision allowed, a minute apart from its application on."""
    labels = [True] * successes + [False] * failures + [None] * unlabelled
    rows = [
        gated(
            revision.workspace,
            confidence=0.95,
            threshold=0.8,
            **{
                "policy_version": revision.version,
                "occurred_at": revision.created_at + timedelta(minutes=minute),
                "timestamp": revision.created_at + timedelta(minutes=minute),
                **fields,
            },
        )
        for minute, _ in enumerate(labels)
    ]
    store(rows, [outcome(row, label) for row, label in zip(rows, labels, strict=True) if label is not None])


def watch(days=30, **options):
    with freeze_time(timezone.now() + timedelta(days=days)):
        out = StringIO()
        call_command("watch_policies", stdout=out, **options)
        return out.getvalue()


def test_watch__promise_kept__a_look_and_no_alarm():
    revision = apply(WorkspaceFactory())
    decisions(revision, 97, 3, unlabelled=10)
    assert "Looked at 1 policies" in watch()
    look = PolicyLook.objects.get()
    assert (look.labelled, look.failures, look.alpha, look.delta) == (100, 3, 0.05, 0.05)
    assert not PolicyAlarm.objects.exists()


def test_watch__promise_broken__alarm_and_a_proposal_and_the_policy_stays():
    revision = apply(WorkspaceFactory())
    decisions(revision, 70, 30)
    assert "ALARM" in watch()
    alarm = PolicyAlarm.objects.get()
    assert (alarm.proposal.origin, alarm.proposal.status) == ("alarm", "PENDING")
    assert alarm.proposal.config == revision.config_before
    assert "30 of 100 decisions" in alarm.proposal.summary
    policy = ConfidencePolicy.objects.get()
    assert (policy.version, policy.config) == (1, config_of(0.8))


def test_watch__bad_weeks_after_many_good_ones__alarm():
    revision = apply(WorkspaceFactory())
    decisions(revision, 900, 10)
    later = revision.created_at + timedelta(days=30)
    decisions(revision, 100, 28, occurred_at=later, timestamp=later)
    # All in all 38 of 1,038: below the 5 % that were promised.
    assert "ALARM" in watch(days=60)
    assert PolicyLook.objects.get().failures == 38


def test_watch__alarm__its_proposal_takes_the_usual_way_and_ends_the_alarm():
    workspace = WorkspaceFactory()
    decisions(apply(workspace), 70, 30)
    watch()
    proposal = PolicyAlarm.objects.get().proposal
    assert list(alarms_in_force(admin_of(workspace))) == [PolicyAlarm.objects.get()]
    approve_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk, acknowledge_large_step=True
    )
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    assert ConfidencePolicy.objects.get().version == 2
    assert not alarms_in_force(admin_of(workspace)).exists()
    assert "Looked at 0" in watch(days=60)


def test_watch__again_on_the_same_day__nothing():
    decisions(apply(WorkspaceFactory()), 70, 30)
    with freeze_time(timezone.now() + timedelta(days=30)):
        for _ in range(3):
            call_command("watch_policies", stdout=StringIO())
    assert (PolicyLook.objects.count(), PolicyAlarm.objects.count()) == (1, 1)


def test_watch__another_day_after_an_alarm__a_look_and_no_second_alarm():
    decisions(apply(WorkspaceFactory()), 70, 30)
    watch(days=30)
    watch(days=31)
    assert (PolicyLook.objects.count(), PolicyAlarm.objects.count()) == (2, 1)
    assert ConfidencePolicyProposal.objects.filter(origin="alarm").count() == 1


def test_watch__what_the_version_did_not_allow__not_counted():
    workspace = WorkspaceFactory()
    revision = apply(workspace)
    decisions(revision, 0, 50, policy_version=0)
    decisions(revision, 0, 50, gate_verdict="block", gate_reason="kill_switch")
    decisions(revision, 0, 50, rollout_id=1, rollout_arm="canary", candidate_verdict="allow")
    decisions(revision, 0, 50, policy_key="decision_gate")
    decisions(revision, 0, 50, occurred_at=timezone.now() + timedelta(days=25))  # younger than the maturity lag
    decisions(apply(WorkspaceFactory()), 50, 0)
    watch()
    assert PolicyLook.objects.get(workspace=workspace).labelled == 0


def test_watch__case_with_many_decisions__counts_once():
    revision = apply(WorkspaceFactory())
    decisions(revision, 0, 50, case_key="case-1")
    decisions(revision, 5, 0)
    watch()
    look = PolicyLook.objects.get()
    assert (look.labelled, look.failures) == (6, 1)
    assert not PolicyAlarm.objects.exists()


def finding(reason="OK", is_proposable=True, **segment):
    return {"segment": segment, "reason": reason, "is_proposable": is_proposable, "field": "confidence_threshold"}


def apply_to(*findings):
    return apply(WorkspaceFactory(), evidence={**EVIDENCE, "findings": list(findings)})


def test_watch__segment_without_a_promise__raises_no_alarm():
    revision = apply_to(finding(model="good"), finding("NOT_CERTIFIABLE", is_proposable=False, model="bad"))
    decisions(revision, 100, 0, model="good")
    decisions(revision, 70, 30, model="bad")
    assert "ALARM" not in watch()
    look = PolicyLook.objects.get()
    assert (look.labelled, look.failures, look.delta) == (100, 0, 0.05)


def test_watch__small_segment_that_breaks_its_promise__alarm_though_all_together_keep_it():
    revision = apply_to(finding(model="large"), finding(model="small"))
    decisions(revision, 2000, 0, model="large")
    decisions(revision, 10, 20, model="small")
    assert "20 of 30 decisions that version 1 allowed for small" in watch()
    look, alarm = PolicyLook.objects.get(), PolicyAlarm.objects.get()
    assert (look.labelled, look.failures) == (30, 20)
    assert "promised at most 5.00% for small" in alarm.proposal.summary
    assert json.loads(alarm.proposal.evidence)["alarm"]["segment"] == {"model": "small"}


def test_watch__segment_whose_options_are_not_known__is_watched_without_those_that_are():
    revision = apply_to(finding(task="route", options=""))
    decisions(revision, 70, 30, task="route")
    decisions(revision, 50, 0, task="route", options="5:ab")
    assert "30 of 100 decisions" in watch()


@pytest.mark.parametrize(("segments", "alarms"), [(1, 1), (10, 0)])
def test_watch__promised_segments__share_delta(segments, alarms):
    revision = apply_to(*(finding(model=f"m{place}") for place in range(segments)))
    decisions(revision, 85, 15, model="m0")  # an e-value of about 104: above 1/0.05, below 1/0.005
    watch()
    look = PolicyLook.objects.get()
    assert look.delta == pytest.approx(0.05 / segments)
    assert PolicyAlarm.objects.count() == alarms


def test_watch__two_findings_about_one_segment__are_one_promise():
    revision = apply_to(finding(model="m"), finding(model="m"))
    decisions(revision, 10, 0, model="m")
    watch()
    assert PolicyLook.objects.get().delta == 0.05


def test_watch__finding_about_the_whole_policy__counts_every_decision():
    revision = apply_to(finding())
    decisions(revision, 35, 15, model="m1")
    decisions(revision, 35, 15, model="m2")
    assert "30 of 100 decisions that version 1 allowed, and" in watch()


def test_watch__case_in_two_promised_segments__counts_in_each():
    revision = apply_to(finding(model="m1"), finding(model="m2"))
    decisions(revision, 50, 0, model="m1")
    decisions(revision, 1, 0, model="m1", case_key="case-1")
    decisions(revision, 0, 1, model="m2", case_key="case-1")
    watch()
    look = PolicyLook.objects.get()
    assert (look.labelled, look.failures) == (1, 1)


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"parameters": None},
        {"parameters": {"target_failure_rate": "0.05", "risk_confidence": 0.95}},
        {"parameters": {"target_failure_rate": 1.0, "risk_confidence": 0.95}},
        {"parameters": {"target_failure_rate": 0.05}},
        {**EVIDENCE, "findings": []},
        {**EVIDENCE, "findings": None},
        {**EVIDENCE, "findings": ["m1"]},
        {**EVIDENCE, "findings": [{"segment": {"model": "m1"}, "reason": "NOT_CERTIFIABLE", "is_proposable": False}]},
        {**EVIDENCE, "findings": [{"segment": {"workspace": "1"}, "reason": "OK", "is_proposable": True}]},
        {**EVIDENCE, "findings": [{"segment": {"model": None}, "reason": "OK", "is_proposable": True}]},
        {**EVIDENCE, "findings": [{"segment": None, "reason": "OK", "is_proposable": True}]},
    ],
)
def test_watch__evidence_without_a_promise__not_watched(evidence):
    decisions(apply(WorkspaceFactory(), evidence=evidence), 0, 50)
    assert "Looked at 0" in watch()


def test_watch__one_workspace__leaves_the_others():
    mine, other = WorkspaceFactory(), WorkspaceFactory()
    apply(mine)
    apply(other)
    watch(workspace=mine.slug)
    assert PolicyLook.objects.get().workspace == mine


def test_watch__definition_that_refuses_the_old_config__alarm_without_a_proposal(monkeypatch):
    revision = apply(WorkspaceFactory())
    decisions(revision, 70, 30)
    definition = definitions.get_definition(KEY)
    narrow = replace(definition, fields=(replace(definition.fields[0], maximum=0.85, default=0.85),))
    monkeypatch.setitem(definitions.DEFINITIONS.things, KEY, narrow)
    watch()
    assert PolicyAlarm.objects.get().proposal is None


def test_look__version_replaced_meanwhile__nothing_is_stored():
    workspace = WorkspaceFactory()
    revision = apply(workspace)
    decisions(revision, 70, 30)
    apply(workspace, 0.85)
    with freeze_time(timezone.now() + timedelta(days=30)):
        assert look_at(revision) is None
    assert not PolicyLook.objects.exists()


def test_looks__are_append_only():
    decisions(apply(WorkspaceFactory()), 70, 30)
    watch()
    for rows in (PolicyLook.objects.all(), PolicyAlarm.objects.all()):
        with pytest.raises(AppendOnlyViolation):
            rows.delete()


def test_alarms__are_shown_to_members_only():
    workspace = WorkspaceFactory()
    decisions(apply(workspace), 70, 30)
    watch()
    assert not alarms_in_force(admin_of(WorkspaceFactory())).exists()
    assert not alarms_in_force(AnonymousUser()).exists()
    shown = render_to_string("admin/calibration/_alarms.html", {"policy_alarms": alarms_in_force(viewer_of(workspace))})
    assert "fails more often than was promised (30 of 100)" in shown
    alarm = PolicyAlarm.objects.get()
    browser = signed_in(viewer_of(workspace))
    assert browser.get(f"/admin/calibration/policyalarm/{alarm.pk}/change/").status_code == 200
    assert "decisions that version 1 allowed" in words(browser.get(page(alarm.proposal)))
    for name in ("policyalarm", "policylook"):
        assert "1 " in words(browser.get(f"/admin/calibration/{name}/"))


@pytest.mark.django_db(transaction=True)
def test_watchers_on_several_machines__one_look_one_alarm_one_proposal():
    revision = apply(WorkspaceFactory())
    decisions(revision, 70, 30, occurred_at=revision.created_at)
    with freeze_time(timezone.now() + timedelta(days=30)):
        at_once([lambda: look_at(revision) for _ in range(8)])
    assert (PolicyLook.objects.count(), PolicyAlarm.objects.count()) == (1, 1)
    assert ConfidencePolicyProposal.objects.filter(origin="alarm").count() == 1
