"""What the command refuses, before it creates a run."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from calibration.models import ConfidenceCalibrationRun
from calibration.tests.factories import HONEST, history
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all-workspaces"], "not allowed with"),
        (["--policy-key", "no.such.key"], "not registered|unknown|known"),
        (["--segment", "provider,colour"], "split by some of: prompt_hash, task, model"),
        (["--segment", "provider,provider"], "twice"),
        (["--from", "2026-02-01", "--to", "2026-01-01"], "ends before it starts"),
        (["--from", "2026-02-01", "--to", "2026-02-01"], "ends before it starts"),
        (["--from", "yesterday"], "a time with its offset"),
        (["--from", "2026-01-01T00:00:00"], "a time with its offset"),
        (["--to", "2026-13-01"], "a time with its offset"),
        (["--target-failure-rate", "little"], "give a number"),
        (["--from", "2026-01-01", "--to", "2026-01-03", "--maturity-days", "3"], "old enough"),
        (["--target-failure-rate", "0"], r"--target-failure-rate.*\[0.000001, 0.999999\]"),
        (["--target-failure-rate", "nan"], "--target-failure-rate"),
        (["--target-failure-rate", "1e-320"], "--target-failure-rate"),
        (["--target-failure-rate", "0.9999999999999999"], "--target-failure-rate"),
        (["--risk-confidence", "0.5"], r"--risk-confidence.*\[0.75, 0.999999\]"),
        (["--risk-confidence", "1"], "--risk-confidence"),
        (["--risk-confidence", "0.9999999999999999"], "--risk-confidence"),
        (["--to", "0001-01-02", "--maturity-days", "1"], "--to.*between 1970-01-01 and 9000-01-01"),
        (["--to", "1970-01-01", "--maturity-days", "1"], "--from.*between 1970-01-01 and 9000-01-01"),
        (["--from", "0001-01-01T00:00:00+01:00", "--to", "2026-01-01"], "--from.*between"),
        (["--from", "2026-01-01", "--to", "9999-12-31T23:59:59-05:00"], "--to.*between"),
        (["--maturity-days", "-1"], "at least 0"),
        (["--maturity-days", "inf"], "at least 0"),
    ],
)
def test_run__bad_argument__clear_error_and_no_run(arguments: list[str], message: str) -> None:
    WorkspaceFactory(slug="acme")
    with pytest.raises(CommandError, match=message):
        call_command("run_calibration", "--workspace", "acme", *arguments)
    assert not ConfidenceCalibrationRun.objects.exists()


def test_run__smallest_rates__are_computed() -> None:
    workspace = WorkspaceFactory(slug="acme")
    history(workspace, HONEST)
    window = ["--from", "2026-01-01", "--to", "2026-01-31", "--maturity-days", "0"]
    for rates in (["0.000001", "0.999999"], ["0.999999", "0.75"]):
        options = ["--target-failure-rate", rates[0], "--risk-confidence", rates[1]]
        call_command("run_calibration", "--workspace", "acme", *window, *options, stdout=StringIO())
    assert set(ConfidenceCalibrationRun.objects.values_list("status", flat=True)) == {"COMPLETE"}


def test_run__unknown_workspace__clear_error() -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call_command("run_calibration", "--workspace", "nowhere")


def test_run__no_workspace_named__clear_error() -> None:
    with pytest.raises(CommandError, match="required"):
        call_command("run_calibration")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run_calibration", "--workspace", "acme", "--from", "private text"],
        ["run_calibration", "--workspace", "acme", "--from", "2026-01-01 private"],
        ["run_calibration", "--workspace", "acme", "--maturity-days", "private text"],
        ["run_calibration", "--workspace", "acme", "--cost-review", "private text"],
        ["calibration_report", "private text"],
    ],
)
def test_command__offending_value__is_not_repeated(arguments: list[str]) -> None:
    WorkspaceFactory(slug="acme")
    with pytest.raises(CommandError) as refusal:
        call_command(*arguments)
    assert "private" not in str(refusal.value)


def test_run__time_with_its_offset__is_that_moment() -> None:
    WorkspaceFactory(slug="acme")
    window = ["--from", "2026-01-01T06:00:00+02:00", "--to", "2026-02-01", "--maturity-days", "0"]
    call_command("run_calibration", "--workspace", "acme", *window, stdout=StringIO())
    run = ConfidenceCalibrationRun.objects.get()
    assert (run.window_from, run.window_to) == (
        datetime(2026, 1, 1, 4, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )
