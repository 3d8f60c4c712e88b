"""A workspace with evidence, a run and what it proposes."""

from __future__ import annotations

from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.tests.factories import HONEST, OVERCONFIDENT, WINDOW, history
from governance.models import ConfidencePolicyProposal, Workspace


def calibrated(workspace: Workspace) -> tuple[ConfidenceCalibrationRun, ConfidencePolicyProposal]:
    """Calibrate over one model that can be thresholded and one that cannot."""
    history(workspace, HONEST, model="honest")
    history(workspace, OVERCONFIDENT, model="braggart")
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    return run, ConfidencePolicyProposal.objects.get(workspace=workspace)
