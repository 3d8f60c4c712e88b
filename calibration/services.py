"""Writes of calibration: the life of a run, and what it recommends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from calibration.engines.declaring import check_engine
from calibration.models import ConfidenceCalibrationRun, HeldReview, Recommendation
from calibration.parameters import METHOD, CalibrationParameters
from calibration.selectors import runs_not_due
from calibration.statistics import STATISTICS_VERSION
from confidence_project.foundation.errors import Conflict
from governance.access.permissions import Person
from governance.models import Workspace

Status = ConfidenceCalibrationRun.Status

UNDER_WAY = "Another calibration of this workspace is under way. Wait for it to end."

HEARTBEAT = timedelta(seconds=15)
SILENCE = timedelta(minutes=2)
"""A run that gave no sign of life for so long is dead: it has missed eight."""

PATIENCE = timedelta(hours=1)
"""A run that waited for so long may be given up for another: its task was lost, or no worker is there."""


def start_run(
    *, workspace: Workspace, parameters: CalibrationParameters, actor: Person | None = None, only_if_due: bool = False
) -> ConfidenceCalibrationRun:
    """Create a run and set it running; mark as failed a run of the workspace that died.

    Raises
    ------
    Conflict
        Another run of the workspace is under way; or the workspace is not due, if that was asked for. Nothing is
        stored.
    NotFound
        The engine is not the workspace's.
    """
    now = timezone.now()
    try:
        with transaction.atomic(durable=True):
            _fail_dead_runs(workspace, now)
            run = _create(workspace, parameters, actor, now)
            _move(run, Status.PENDING, Status.RUNNING, started_at=now, heartbeat_at=now)
            # Asked only after this run is the only one that is RUNNING, lest another completes in between.
            if only_if_due and runs_not_due(parameters.policy_keys).in_workspace(workspace).exists():
                raise Conflict("The workspace was calibrated a short time ago.")
    except IntegrityError as error:
        # The partial unique index lets one run of a workspace be RUNNING.
        raise Conflict(UNDER_WAY) from error
    return run


def queue_run(
    *, workspace: Workspace, parameters: CalibrationParameters, actor: Person | None = None
) -> ConfidenceCalibrationRun:
    """Create a run that waits to be started; give up one of the workspace that has waited longer than `PATIENCE`.

    Raises
    ------
    Conflict
        Another run of the workspace is under way or waits. Nothing is stored.
    """
    with transaction.atomic():
        workspace.lock()
        now = timezone.now()
        runs = ConfidenceCalibrationRun.objects.in_workspace(workspace)
        _fail_dead_runs(workspace, now)
        runs.filter(status=Status.PENDING, created_at__lt=now - PATIENCE).update(
            status=Status.FAILED, finished_at=now, error="No worker took the run up. Is `manage.py db_worker` running?"
        )
        if runs.filter(status__in=[Status.PENDING, Status.RUNNING]).exists():
            raise Conflict(UNDER_WAY)
        return _create(workspace, parameters, actor, now)


def start_queued_run(*, run_id: int) -> ConfidenceCalibrationRun | None:
    """Set a waiting run running; mark as failed a run of the workspace that died. None: it does not wait any more.

    Raises
    ------
    Conflict
        Another run of the workspace is under way. This one is stored as FAILED.
    """
    run = ConfidenceCalibrationRun.objects.select_related("workspace").filter(pk=run_id, status=Status.PENDING).first()
    if run is None:
        return None
    now = timezone.now()
    try:
        with transaction.atomic(durable=True):
            _fail_dead_runs(run.workspace, now)
            _move(run, Status.PENDING, Status.RUNNING, started_at=now, heartbeat_at=now)
    except IntegrityError as error:
        conflict = Conflict(UNDER_WAY)
        fail_run(run=run, error=conflict)
        raise conflict from error
    return run


def _create(
    workspace: Workspace, parameters: CalibrationParameters, actor: Person | None, now: datetime
) -> ConfidenceCalibrationRun:
    if parameters.engine is not None:
        check_engine(parameters.engine, workspace)
    return ConfidenceCalibrationRun.objects.create(
        workspace=workspace,
        scope=list(parameters.policy_keys),
        segment_by=list(parameters.segment_by),
        window_from=parameters.window_from,
        window_to=parameters.window_to,
        target_failure_rate=parameters.target_failure_rate,
        risk_confidence=parameters.risk_confidence,
        maturity_days=parameters.maturity_days,
        dry_run=parameters.dry_run,
        tighten_only=parameters.tighten_only,
        costs=asdict(parameters.costs) if parameters.costs else None,
        engine=parameters.engine,
        model=METHOD,
        statistics_version=STATISTICS_VERSION,
        computed_by_id=actor.pk if actor else None,
        computed_by_name=actor.get_username() if actor else "",
        created_at=now,
    )


def _fail_dead_runs(workspace: Workspace, now: datetime) -> None:
    ConfidenceCalibrationRun.objects.in_workspace(workspace).filter(
        status=Status.RUNNING, heartbeat_at__lt=now - SILENCE
    ).update(status=Status.FAILED, finished_at=now, error="The run gave no sign of life any more: its process died.")


def report_progress(*, run: ConfidenceCalibrationRun, share: float) -> None:
    """Store which share of the run is done, and that it is alive."""
    ConfidenceCalibrationRun.objects.filter(pk=run.pk, status=Status.RUNNING).update(
        progress=share, heartbeat_at=timezone.now()
    )


def complete_run(*, run: ConfidenceCalibrationRun, recommendations: Sequence[Recommendation], **results: Any) -> None:
    """Store what a run found; call it inside the transaction that opens its proposals.

    Raises
    ------
    Conflict
        The run is not RUNNING any more: another one has taken it for dead.
    """
    now = timezone.now()
    _move(run, Status.RUNNING, Status.COMPLETE, finished_at=now, heartbeat_at=now, progress=1.0, **results)
    Recommendation.objects.bulk_create(recommendations, batch_size=500)


def keep_review(*, run: ConfidenceCalibrationRun, policy_key: str, on: str, level: float) -> None:
    """Enter into the ledger what a review spent; once, whenever and however often it is computed."""
    review = {"workspace_id": run.workspace_id, "policy_key": policy_key, "on": date.fromisoformat(on)}
    if not HeldReview.objects.filter(**review).exists():
        HeldReview.objects.create(**review, level=level, run=run, at=timezone.now())


def fail_run(*, run: ConfidenceCalibrationRun, error: BaseException) -> None:
    """Store why a run did not come to its end. The text names the error, never data."""
    text = getattr(error, "detail", "") or f"{type(error).__name__}: the log of the process says more."
    ConfidenceCalibrationRun.objects.filter(pk=run.pk, status__in=[Status.PENDING, Status.RUNNING]).update(
        status=Status.FAILED, error=text, finished_at=timezone.now()
    )


def _move(run: ConfidenceCalibrationRun, source: str, target: str, **changes: Any) -> None:
    unmoved = ConfidenceCalibrationRun.objects.filter(pk=run.pk, status=source)
    if unmoved.update(status=target, **changes) != 1:
        raise Conflict("The run was taken for dead and marked as failed meanwhile. Run it again.")
    run.refresh_from_db()
