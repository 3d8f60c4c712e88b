"""Showing a run that has been made."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from calibration.models import ConfidenceCalibrationRun
from calibration.tests.factories import HONEST, WINDOW, history, review
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


def report(run: ConfidenceCalibrationRun, *options: str) -> str:
    out = StringIO()
    call_command("calibration_report", str(run.pk), *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def run() -> ConfidenceCalibrationRun:
    workspace = WorkspaceFactory(slug="acme")
    history(workspace, HONEST, model="<m1>")
    return review(workspace=workspace, **WINDOW)


def test_report__text__same_as_the_run_printed(run: ConfidenceCalibrationRun) -> None:
    assert "Raise confidence_threshold from 0.9000 to 0.9500" in " ".join(report(run).split())


def test_report__json__holds_the_run(run: ConfidenceCalibrationRun) -> None:
    assert json.loads(report(run, "--json"))["run"]["inputs_sha256"] == run.inputs_sha256


def test_report__html__is_escaped_and_loads_nothing(run: ConfidenceCalibrationRun) -> None:
    page = report(run, "--html")
    assert "&lt;m1&gt;" in page
    assert "<m1>" not in page
    assert not any(loader in page for loader in ("src=", "href=", "@import", "url("))
    assert "0.0175" in page


def test_report__no_such_run__clear_error() -> None:
    with pytest.raises(CommandError, match="no run"):
        call_command("calibration_report", "4711")


def test_report__failed_run__says_why(run: ConfidenceCalibrationRun) -> None:
    ConfidenceCalibrationRun.objects.update(status="FAILED", error="It broke.")
    with pytest.raises(CommandError, match=r"FAILED.*It broke\."):
        report(run)
