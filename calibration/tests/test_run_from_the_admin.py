"""A calibration that is asked for in the browser: who may, what a worker makes of it, and workers that die."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from calibration.evidence import registry
from calibration.evidence.contract import EvidenceRequest
from calibration.models import ConfidenceCalibrationRun, HeldReview
from calibration.runs.queue import carry_out_queued_run, request_calibration
from calibration.services import PATIENCE
from calibration.tests.factories import HONEST, WINDOW, history, scheduled
from confidence_project.foundation.errors import Conflict
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.tests.workers import work_off, worker_process

pytestmark = pytest.mark.django_db(transaction=True)
Status = ConfidenceCalibrationRun.Status
LIST = "admin:calibration_confidencecalibrationrun_changelist"
ADD = "admin:calibration_confidencecalibrationrun_add"
REFRESH = '<meta http-equiv="refresh"'

HANGS_AT_READING = """
import time
from calibration.runs import readings
assert readings.read_evidence
readings.read_evidence = lambda *args: time.sleep(600)
"""


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    return workspace


def form(workspace: Workspace, **changes: Any) -> dict[str, Any]:
    return {
        "workspace": workspace.pk,
        "policy_keys": ["confidence_gate"],
        "window_from": "2026-01-01 00:00",
        "window_to": "2026-01-31 00:00",
        "target_failure_rate": "0.05",
        "risk_confidence": "0.95",
        "segment_by": ["provider", "model"],
        "maturity_days": "0",
        **changes,
    }


def page_of(run: ConfidenceCalibrationRun) -> str:
    return reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])


def ask(workspace: Workspace) -> ConfidenceCalibrationRun:
    return request_calibration(
        actor=admin_of(workspace), workspace=workspace, policy_keys=["confidence_gate"], **WINDOW
    )


def test_button__admin__the_worker_runs_it_and_the_page_follows(client: Client, workspace: Workspace) -> None:
    admin = admin_of(workspace)
    client.force_login(admin)
    assert reverse(ADD) in client.get(reverse(LIST)).content.decode()
    assert client.get(reverse(ADD)).status_code == 200
    answer = client.post(reverse(ADD), form(workspace, target_failure_rate="0.1"))
    run = ConfidenceCalibrationRun.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(run))
    assert (run.status, run.computed_by_name, run.scope) == (Status.PENDING, admin.username, ["confidence_gate"])
    waiting = client.get(page_of(run)).content.decode()
    assert "Waits for a worker" in waiting
    assert REFRESH in waiting
    work_off()
    run.refresh_from_db()
    assert (run.status, run.progress, run.target_failure_rate, run.proposals_created) == (Status.COMPLETE, 1.0, 0.1, 1)
    done = client.get(page_of(run)).content.decode()
    assert REFRESH not in done
    assert ConfidencePolicyProposal.objects.get().title in done


def test_page__while_it_runs__shows_progress_and_reloads(client: Client, workspace: Workspace) -> None:
    run = ask(workspace)
    ConfidenceCalibrationRun.objects.update(status=Status.RUNNING, progress=0.25, heartbeat_at=timezone.now())
    client.force_login(viewer_of(workspace))
    shown = client.get(page_of(run)).content.decode()
    assert re.search(r'<progress[^>]*value="0.250"', shown)
    assert REFRESH in shown


def test_button__viewer__is_not_there_and_a_forged_post_is_refused(client: Client, workspace: Workspace) -> None:
    client.force_login(viewer_of(workspace))
    assert reverse(ADD) not in client.get(reverse(LIST)).content.decode()
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), form(workspace)).status_code == 403
    assert not ConfidenceCalibrationRun.objects.exists()


def test_button__admin_of_another_workspace__cannot_choose_this_one(client: Client, workspace: Workspace) -> None:
    client.force_login(admin_of(WorkspaceFactory()))
    assert client.post(reverse(ADD), form(workspace)).status_code == 200
    assert not ConfidenceCalibrationRun.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"window_from": "2026-02-01 00:00"},
        {"window_to": "yesterday"},
        {"target_failure_rate": "0"},
        {"target_failure_rate": "nan"},
        {"target_failure_rate": "1e-320"},
        {"risk_confidence": "0.5"},
        {"risk_confidence": "0.9999999999999999"},
        {"risk_confidence": ""},
        {"segment_by": ["colour"]},
        {"segment_by": ["model", "model"]},
        {"window_from": "0001-01-01 00:00"},
        {"window_from": "", "window_to": "0001-01-02 00:00"},
        {"window_to": "9999-12-31 23:59"},
        {"maturity_days": "-1"},
        {"maturity_days": "31"},
        {"policy_keys": ["unknown"]},
        {"cost_review": "1"},
        {"cost_review": "1", "cost_false_allow": "-1", "cost_false_block": "1"},
        {"cost_review": "0", "cost_false_allow": "0", "cost_false_block": "0"},
        {"cost_review": "inf", "cost_false_allow": "1", "cost_false_block": "1"},
    ],
)
def test_button__senseless_parameters__are_told_and_nothing_is_queued(
    client: Client, workspace: Workspace, changes: dict[str, Any]
) -> None:
    client.force_login(SuperuserFactory())
    answer = client.post(reverse(ADD), form(workspace, **changes))
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not ConfidenceCalibrationRun.objects.exists()
    assert not DBTaskResult.objects.exists()


def test_button__left_blank__the_defaults_of_the_command(client: Client, workspace: Workspace) -> None:
    client.force_login(SuperuserFactory())
    blank = form(workspace, policy_keys=[], window_from="", window_to="", maturity_days="7")
    assert client.post(reverse(ADD), blank).status_code == 302
    work_off()
    run = ConfidenceCalibrationRun.objects.get()
    assert (run.status, run.window_to - run.window_from) == (Status.COMPLETE, timedelta(days=30))


@pytest.mark.parametrize("keys", [["model", "channel"], []])
def test_button__confidence_and_segments__are_those_of_the_run(
    client: Client, workspace: Workspace, keys: list[str]
) -> None:
    client.force_login(admin_of(workspace))
    client.post(reverse(ADD), form(workspace, risk_confidence="0.9", segment_by=keys))
    work_off()
    run = ConfidenceCalibrationRun.objects.get()
    (found,) = run.output["policies"]
    assert (run.status, run.risk_confidence, run.segment_by) == (Status.COMPLETE, 0.9, keys)
    assert (found["review"]["delta"], set(keys) <= set(found["segment_by"])) == (0.1, True)


def test_button__costs_are_stated__the_run_names_the_cheapest_threshold(client: Client, workspace: Workspace) -> None:
    client.force_login(admin_of(workspace))
    costs = {"cost_false_allow": "20", "cost_false_block": "1", "cost_review": "3"}
    client.post(reverse(ADD), form(workspace, **costs))
    work_off()
    run = ConfidenceCalibrationRun.objects.get()
    stated = {"false_allow": 20, "false_block": 1, "review": 3}
    (finding,) = run.output["policies"][0]["findings"]
    assert (run.costs, finding["costs"]["stated"], finding["costs"]["threshold"]) == (stated, stated, 0.95)
    assert "false allow 20, false block 1, review 3" in client.get(page_of(run)).content.decode()


@pytest.mark.parametrize("option", ["dry_run", "tighten_only"])
def test_button__only_to_look__nothing_more_lenient_is_named_and_no_review_is_held(client: Client, option: str) -> None:
    workspace = WorkspaceFactory()
    history(workspace, {0.95: (300, 0), 0.7: (300, 0)})
    scheduled(workspace)
    client.force_login(admin_of(workspace))
    client.post(reverse(ADD), form(workspace, **{option: "on"}))
    work_off()
    run = ConfidenceCalibrationRun.objects.get()
    (finding,) = run.output["policies"][0]["findings"]
    assert (run.dry_run, run.tighten_only) == (option == "dry_run", option == "tighten_only")
    assert (run.status, finding["recommended"], HeldReview.objects.count()) == (Status.COMPLETE, 0.9, 0)


def test_ask__one_waits_already__conflict(workspace: Workspace) -> None:
    ask(workspace)
    with pytest.raises(Conflict, match="under way"):
        ask(workspace)
    assert (ConfidenceCalibrationRun.objects.count(), DBTaskResult.objects.count()) == (1, 1)


def test_ask__one_has_waited_for_too_long__it_is_given_up_and_never_runs(workspace: Workspace) -> None:
    forgotten = ask(workspace)
    ConfidenceCalibrationRun.objects.update(created_at=timezone.now() - PATIENCE)
    run = ask(workspace)
    work_off()
    forgotten.refresh_from_db()
    run.refresh_from_db()
    assert (forgotten.status, run.status) == (Status.FAILED, Status.COMPLETE)
    assert "db_worker" in forgotten.error


def test_worker__another_run_is_under_way__this_one_fails_clearly(workspace: Workspace) -> None:
    run, other = ask(workspace), ask(WorkspaceFactory())
    ConfidenceCalibrationRun.objects.filter(pk=other.pk).update(
        workspace=workspace, status=Status.RUNNING, heartbeat_at=timezone.now()
    )
    work_off()
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.status, other.status) == (Status.FAILED, Status.RUNNING)
    assert "under way" in run.error


def test_worker__task_comes_twice__the_run_runs_once(workspace: Workspace) -> None:
    run = ask(workspace)
    carry_out_queued_run.enqueue(run.pk)
    work_off()
    run.refresh_from_db()
    assert (run.status, ConfidencePolicyProposal.objects.count()) == (Status.COMPLETE, 1)
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}


def test_worker__source_breaks__failed_without_a_word_of_data_in_run_or_queue(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(registry.DecisionLedgerSource):
        def rows(self, request: EvidenceRequest) -> None:
            raise ZeroDivisionError("private text")

    monkeypatch.setattr(registry, "_LEDGER", Broken())
    run = ask(workspace)
    work_off()
    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert "ZeroDivisionError" in run.error
    assert "private" not in f"{run.error}{list(DBTaskResult.objects.values())}"


def test_worker_killed_in_the_middle__the_next_run_finds_and_marks_it(workspace: Workspace) -> None:
    killed = ask(workspace)
    with worker_process(before=HANGS_AT_READING) as worker:
        while killed.status == Status.PENDING:
            assert worker.poll() is None
            time.sleep(0.05)
            killed.refresh_from_db()
        worker.kill()
    killed.refresh_from_db()
    assert killed.status == Status.RUNNING
    with pytest.raises(Conflict, match="under way"):
        ask(workspace)
    ConfidenceCalibrationRun.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=3))
    run = ask(workspace)
    work_off()
    killed.refresh_from_db()
    run.refresh_from_db()
    assert (killed.status, run.status) == (Status.FAILED, Status.COMPLETE)
    assert "no sign of life" in killed.error
