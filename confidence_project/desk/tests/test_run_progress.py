"""How far a run is, as the script of its page asks for it: under the permission of the run."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calibration.models import ConfidenceCalibrationRun
from calibration.runs.queue import request_calibration
from governance.tests.browser import signed_in
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of

pytestmark = pytest.mark.django_db
Status = ConfidenceCalibrationRun.Status


@pytest.fixture
def run(db):
    workspace = WorkspaceFactory()
    return request_calibration(actor=admin_of(workspace), workspace=workspace)


def path(run):
    return reverse("admin:desk_run_progress", args=[run.pk])


def test_progress__waiting__then_running__then_over(run):
    viewer = signed_in(viewer_of(run.workspace))
    reply = viewer.get(path(run))
    assert "no-store" in reply["Cache-Control"]
    assert reply.json() == {
        "status": "PENDING", "label": "Waits", "progress": 0.0, "sign_of_life": None, "is_over": False,
    }  # fmt: skip
    rows = ConfidenceCalibrationRun.objects.filter(pk=run.pk)
    rows.update(status=Status.RUNNING, progress=0.25, heartbeat_at=timezone.now())
    running = viewer.get(path(run)).json()
    assert (running["progress"], running["is_over"]) == (0.25, False)
    assert running["sign_of_life"].replace("\xa0", " ") == "0 minutes ago"
    for status in (Status.COMPLETE, Status.FAILED):
        rows.update(status=status)
        assert viewer.get(path(run)).json()["is_over"] is True


def test_progress__of_another_workspace__is_not_found(run):
    assert signed_in(viewer_of(WorkspaceFactory())).get(path(run)).status_code == 404


def test_progress__signed_out__leads_to_the_sign_in(run):
    assert Client().get(path(run)).status_code == 302


def test_progress__by_post__is_refused(run):
    assert signed_in(viewer_of(run.workspace)).post(path(run)).status_code == 405
