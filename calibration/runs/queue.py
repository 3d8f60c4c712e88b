"""Calibrations that are asked for in a request and carried out by a worker, outside of it."""

from __future__ import annotations

import logging
from typing import Unpack

from django.db import transaction
from django_tasks import task

from calibration.models import ConfidenceCalibrationRun
from calibration.parameters import CalibrationParameters, Question, parameters_of
from calibration.runner import carry_out
from calibration.services import fail_run, queue_run, start_queued_run
from calibration.statistics.costs import Costs
from confidence_project.foundation.errors import Conflict, DomainError
from confidence_project.foundation.routes_in_logs import where
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace

log = logging.getLogger(__name__)


def request_calibration(
    *, actor: Person, workspace: Workspace, **question: Unpack[Question]
) -> ConfidenceCalibrationRun:
    """Ask a worker for a calibration.

    Parameters
    ----------
    **question
        See `Question`.

    Returns
    -------
    ConfidenceCalibrationRun
        The run, PENDING until a worker takes it up.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The parameters make no sense.
    PermissionRefused, NotFound
        The actor may not propose in this workspace.
    Conflict
        Another run of the workspace is under way or waits.
    """
    require(Verb.PROPOSE, actor, workspace)
    parameters = parameters_of(**question)
    with transaction.atomic():
        run = queue_run(workspace=workspace, parameters=parameters, actor=actor)
        # The queue is in the same database: run and task are committed together, or neither is.
        carry_out_queued_run.enqueue(run.pk)
    return run


@task()
def carry_out_queued_run(run_id: int) -> None:
    """Carry out a run that waits; do nothing for one that does not any more.

    The run says how it ended. Nothing is raised: the queue keeps tracebacks, and one could hold data.
    """
    try:
        run = start_queued_run(run_id=run_id)
    except Conflict:
        return
    if run is None:
        return
    try:
        carry_out(run, _parameters_of(run))
    except Exception as error:
        # `carry_out` has done so already, unless a definition that the run was queued with is gone.
        fail_run(run=run, error=error)
        if not isinstance(error, DomainError):
            # Where, and not what: the message of an error may hold a value of the evidence.
            log.error("calibration run %s failed\n%s", run_id, where(error))


def _parameters_of(run: ConfidenceCalibrationRun) -> CalibrationParameters:
    return CalibrationParameters(
        policy_keys=tuple(run.scope),
        window_from=run.window_from,
        window_to=run.window_to,
        target_failure_rate=run.target_failure_rate,
        risk_confidence=run.risk_confidence,
        segment_by=tuple(run.segment_by),
        maturity_days=run.maturity_days,
        dry_run=run.dry_run,
        tighten_only=run.tighten_only,
        costs=Costs(**run.costs) if run.costs else None,
        engine=run.engine,
    )
