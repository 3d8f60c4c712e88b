"""Runs and recommendations in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from calibration.models import ConfidenceCalibrationRun, Recommendation
from calibration.tests.factories import HONEST, WINDOW, history, review
from governance.tests.factories import UserFactory, WorkspaceFactory, viewer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> ConfidenceCalibrationRun:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    return review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)


def pages(run: ConfidenceCalibrationRun) -> list[str]:
    return [
        reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk]),
        reverse("admin:calibration_recommendation_change", args=[run.recommendations.get().pk]),
    ]


def test_admin__member__sees_findings_and_a_link_to_the_proposal(client: Client, run: ConfidenceCalibrationRun) -> None:
    client.force_login(viewer_of(run.workspace))
    proposal = run.recommendations.get().proposal
    for url in pages(run):
        page = client.get(url)
        assert page.status_code == 200
        assert "Raise confidence_threshold from 0.9000 to 0.9500" in page.content.decode()
        assert reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk]) in page.content.decode()


def test_admin__member_of_another_workspace__finds_nothing(client: Client, run: ConfidenceCalibrationRun) -> None:
    client.force_login(viewer_of(WorkspaceFactory()))
    assert [client.get(url).status_code for url in pages(run)] == [302, 302]
    listed = client.get(reverse("admin:calibration_confidencecalibrationrun_changelist"))
    assert str(run) not in listed.content.decode()


def test_admin__lists__show_what_there_is(client: Client, run: ConfidenceCalibrationRun) -> None:
    client.force_login(viewer_of(run.workspace))
    for model, text in [("confidencecalibrationrun", str(run)), ("recommendation", "0.95")]:
        page = client.get(reverse(f"admin:calibration_{model}_changelist"))
        assert text in page.content.decode()


def test_admin__superuser__cannot_change_or_delete_findings(client: Client, run: ConfidenceCalibrationRun) -> None:
    client.force_login(UserFactory(is_superuser=True))
    before = list(ConfidenceCalibrationRun.objects.values()), list(Recommendation.objects.values())
    for url in pages(run):
        assert client.post(url, {"status": "PENDING"}).status_code == 403
        assert client.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:calibration_recommendation_add")).status_code == 403
    assert before == (list(ConfidenceCalibrationRun.objects.values()), list(Recommendation.objects.values()))
