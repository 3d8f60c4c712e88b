"""Recurring runs of all workspaces, from cron on several machines."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from calibration.evidence import registry
from calibration.evidence.contract import EvidenceRequest
from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.runs import heartbeat as heartbeat_module
from calibration.tests.factories import WINDOW
from confidence_project.foundation.errors import Conflict
from governance.models import ConfidencePolicy, Workspace
from governance.tests.factories import WorkspaceFactory


def run_all(*options: str) -> str:
    out = StringIO()
    call_command("run_calibration", "--all-workspaces", *options, stdout=out)
    return out.getvalue()


def runs_of(workspace: Workspace) -> int:
    return ConfidenceCalibrationRun.objects.filter(workspace=workspace).count()


@pytest.mark.django_db
def test_recurring__due__only_workspaces_whose_last_run_is_old() -> None:
    fresh, old, never = WorkspaceFactory(), WorkspaceFactory(), WorkspaceFactory()
    for workspace in (fresh, old):
        run_calibration(workspace=workspace, tighten_only=True)
    ConfidenceCalibrationRun.objects.filter(workspace=old).update(created_at=timezone.now() - timedelta(days=8))
    run_all("--due")
    assert [runs_of(workspace) for workspace in (fresh, old, never)] == [1, 2, 1]


@pytest.mark.django_db
def test_recurring__calibrated_by_another_machine_meanwhile__nothing_is_stored() -> None:
    workspace = WorkspaceFactory()
    run_calibration(workspace=workspace)
    with pytest.raises(Conflict, match="short time ago"):
        run_calibration(workspace=workspace, only_if_due=True)
    assert runs_of(workspace) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"dry_run": True}, {"policy_keys": ["followup.auto_book"]}, WINDOW])
def test_recurring__run_that_is_no_recurring_one__the_workspace_stays_due(other: dict[str, Any]) -> None:
    workspace = WorkspaceFactory()
    run_calibration(workspace=workspace, **other)
    run_all("--due")
    assert runs_of(workspace) == 2


@pytest.mark.django_db
def test_recurring__over_some_policies__waits_after_itself() -> None:
    workspace = WorkspaceFactory()
    for _ in range(2):
        run_all("--due", "--policy-key", "confidence_gate")
    assert runs_of(workspace) == 1
    with pytest.raises(CommandError, match="policy key"):
        run_all("--due", "--policy-key", "no.such.key")


@pytest.mark.django_db
def test_recurring__json_when_nothing_is_due__an_object_for_one_workspace_and_no_line_for_all() -> None:
    run_calibration(workspace=WorkspaceFactory(slug="acme"))
    out = StringIO()
    call_command("run_calibration", "--workspace", "acme", "--due", "--json", stdout=out)
    reason = "The workspace was calibrated a short time ago."
    assert json.loads(out.getvalue()) == {"run": None, "workspace": "acme", "reason": reason}
    assert run_all("--due", "--json") == ""


@pytest.mark.django_db
def test_recurring__one_workspace_fails__the_others_run_and_the_exit_code_tells() -> None:
    broken, sound = WorkspaceFactory(slug="a-broken"), WorkspaceFactory(slug="b-sound")
    config = {"values": {"confidence_threshold": 7}, "overrides": []}
    ConfidencePolicy.objects.create(workspace=broken, policy_key="confidence_gate", config=config, version=1)
    with pytest.raises(CommandError, match="a-broken: The stored policy"):
        run_all()
    assert ConfidenceCalibrationRun.objects.get(workspace=sound).status == "COMPLETE"


@pytest.mark.django_db
def test_recurring__json__one_object_a_line() -> None:
    WorkspaceFactory(slug="a")
    WorkspaceFactory(slug="b")
    lines = run_all("--json").splitlines()
    assert [json.loads(line)["run"]["workspace"] for line in lines] == ["a", "b"]


@pytest.mark.django_db(transaction=True)
def test_recurring__two_machines_at_once__one_run_for_each_workspace_and_neither_fails() -> None:
    workspaces = [WorkspaceFactory(), WorkspaceFactory(), WorkspaceFactory()]
    both = threading.Barrier(2)
    ends: list[str] = []

    def machine() -> None:
        both.wait()
        try:
            run_all("--due")
            ends.append("done")
        except CommandError as error:
            ends.append(str(error))
        finally:
            connection.close()

    machines = [threading.Thread(target=machine) for _ in range(2)]
    for each in machines:
        each.start()
    for each in machines:
        each.join()
    assert ends == ["done", "done"]
    assert [runs_of(workspace) for workspace in workspaces] == [1, 1, 1]
    assert set(ConfidenceCalibrationRun.objects.values_list("status", flat=True)) == {"COMPLETE"}


@pytest.mark.django_db(transaction=True)
def test_heartbeat__while_a_statement_takes_its_time__progress_and_life_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    class Slow(registry.DecisionLedgerSource):
        def rows(self, request: EvidenceRequest) -> Any:
            def look() -> None:
                for _ in range(200):
                    run = ConfidenceCalibrationRun.objects.get()
                    if run.heartbeat_at > run.started_at:
                        seen.append(run.status)
                        break
                    time.sleep(0.05)
                connection.close()

            onlooker = threading.Thread(target=look)
            onlooker.start()
            onlooker.join()
            return super().rows(request)

    monkeypatch.setattr(heartbeat_module, "HEARTBEAT", timedelta(milliseconds=20))
    monkeypatch.setattr(registry, "_LEDGER", Slow())
    run_calibration(workspace=WorkspaceFactory(), policy_keys=["confidence_gate"], **WINDOW)
    assert seen == ["RUNNING"]
