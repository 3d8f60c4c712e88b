"""Runs that fail, die or meet."""

from __future__ import annotations

import threading
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from calibration.evidence import registry
from calibration.evidence.contract import EvidenceRequest
from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.runs.snapshot import read_snapshot
from calibration.tests.factories import HONEST, WINDOW, decision, history, review, store
from confidence_project.foundation.errors import Conflict, NotFound, PermissionRefused
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Workspace
from governance.tests.factories import UserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.models import DecisionRecord

Status = ConfidenceCalibrationRun.Status


def running(workspace: Workspace, *, silent_for: timedelta) -> ConfidenceCalibrationRun:
    """A run that another process is busy with."""
    then = timezone.now() - silent_for
    return ConfidenceCalibrationRun.objects.create(
        workspace=workspace,
        window_from=WINDOW["window_from"],
        window_to=WINDOW["window_to"],
        target_failure_rate=0.05,
        risk_confidence=0.95,
        maturity_days=0,
        status=Status.RUNNING,
        model="fallback",
        statistics_version="1",
        created_at=then,
        started_at=then,
        heartbeat_at=then,
    )


@pytest.mark.django_db
def test_run__stored_policy_is_invalid__failed_with_its_error_and_exit_code() -> None:
    workspace = WorkspaceFactory(slug="acme")
    config = {"values": {"confidence_threshold": 7}, "overrides": []}
    ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", config=config, version=1)
    with pytest.raises(CommandError, match="not valid"):
        call_command("run_calibration", workspace="acme", stdout=StringIO())
    run = ConfidenceCalibrationRun.objects.get()
    assert run.status == Status.FAILED
    assert "confidence_gate (version 1) is not valid" in run.error
    assert run.finished_at is not None
    assert not ConfidencePolicyProposal.objects.exists()


@pytest.mark.django_db
def test_run__source_breaks__failed_without_a_word_of_data(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(registry.DecisionLedgerSource):
        def rows(self, request: EvidenceRequest) -> None:
            raise ZeroDivisionError("private text")

    monkeypatch.setattr(registry, "_LEDGER", Broken())
    with pytest.raises(ZeroDivisionError):
        run_calibration(workspace=WorkspaceFactory(), policy_keys=["confidence_gate"], **WINDOW)
    run = ConfidenceCalibrationRun.objects.get()
    assert run.status == Status.FAILED
    assert "ZeroDivisionError" in run.error
    assert "private" not in run.error


@pytest.mark.django_db
def test_run__another_is_under_way__conflict_and_the_other_goes_on() -> None:
    workspace = WorkspaceFactory()
    other = running(workspace, silent_for=timedelta(minutes=1))
    with pytest.raises(Conflict, match="under way"):
        run_calibration(workspace=workspace, **WINDOW)
    other.refresh_from_db()
    assert other.status == Status.RUNNING
    assert ConfidenceCalibrationRun.objects.count() == 1


@pytest.mark.django_db
def test_run__another_workspace_is_busy__no_conflict() -> None:
    running(WorkspaceFactory(), silent_for=timedelta(0))
    assert run_calibration(workspace=WorkspaceFactory(), **WINDOW).status == Status.COMPLETE


@pytest.mark.django_db
def test_run__the_last_one_died__it_is_marked_and_this_one_runs() -> None:
    workspace = WorkspaceFactory()
    dead = running(workspace, silent_for=timedelta(days=1))
    assert run_calibration(workspace=workspace, **WINDOW).status == Status.COMPLETE
    dead.refresh_from_db()
    assert dead.status == Status.FAILED
    assert "no sign of life" in dead.error


@pytest.mark.django_db
def test_run__taken_for_dead_meanwhile__its_results_are_not_stored() -> None:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)

    def take_for_dead(share: float, text: str) -> None:
        ConfidenceCalibrationRun.objects.filter(status=Status.RUNNING).update(status=Status.FAILED, error="dead")

    with pytest.raises(Conflict, match="taken for dead"):
        run_calibration(workspace=workspace, progress=take_for_dead, **WINDOW)
    run = ConfidenceCalibrationRun.objects.get()
    assert (run.status, run.error) == (Status.FAILED, "dead")
    assert not ConfidencePolicyProposal.objects.exists()


@pytest.mark.django_db
def test_run__policy_changes_meanwhile__conflict_and_no_proposal() -> None:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)

    def change(share: float, text: str) -> None:
        if text == "computing confidence_gate":
            config = {"values": {"confidence_threshold": 0.8}, "overrides": []}
            ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", config=config, version=1)

    with pytest.raises(Conflict, match="policy changed"):
        review(workspace=workspace, policy_keys=["confidence_gate"], progress=change, **WINDOW)
    assert ConfidenceCalibrationRun.objects.get().status == Status.FAILED
    assert not ConfidencePolicyProposal.objects.exists()


@pytest.mark.django_db
def test_run__progress__is_told_from_start_to_end() -> None:
    told: list[float] = []
    run_calibration(workspace=WorkspaceFactory(), progress=lambda share, text: told.append(share), **WINDOW)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, 1)


@pytest.mark.django_db
def test_run__person__needs_to_be_admin_of_the_workspace() -> None:
    workspace = WorkspaceFactory()
    with pytest.raises(PermissionRefused):
        run_calibration(workspace=workspace, actor=viewer_of(workspace), **WINDOW)
    with pytest.raises(NotFound):
        run_calibration(workspace=workspace, actor=UserFactory(), **WINDOW)
    admin = admin_of(workspace)
    assert run_calibration(workspace=workspace, actor=admin, **WINDOW).computed_by_name == admin.get_username()


@pytest.mark.django_db(transaction=True)
def test_snapshot__somebody_writes_meanwhile__is_neither_seen_nor_held_up() -> None:
    workspace = WorkspaceFactory()

    def write() -> None:
        store([decision(workspace, confidence=0.9)])
        connection.close()

    with read_snapshot():
        before = DecisionRecord.objects.count()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(timeout=15)
        assert not writer.is_alive()
        assert DecisionRecord.objects.count() == before == 0
    assert DecisionRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_run__outside_of_a_test_transaction__completes() -> None:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    assert (run.status, run.proposals_created) == (Status.COMPLETE, 1)
