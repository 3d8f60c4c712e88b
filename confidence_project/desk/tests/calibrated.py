"""A workspace with evidence, a run and what it proposes."""

from __future__ import annotations

from datetime import timedelta

from calibration.models import ConfidenceCalibrationRun
from calibration.tests.factories import HONEST, OVERCONFIDENT, START, history, review
from governance.models import ConfidencePolicyProposal, Workspace

DAY = {"window_from": START, "window_to": START + timedelta(days=1), "maturity_days": 0}
"""The window that `history` fills, so that each of its periods has something in it."""


def calibrated(workspace: Workspace) -> tuple[ConfidenceCalibrationRun, ConfidencePolicyProposal]:
    """Calibrate over one model that can be thresholded and one that cannot."""
    history(workspace, HONEST, model="honest")
    history(workspace, OVERCONFIDENT, model="braggart")
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **DAY)
    return run, ConfidencePolicyProposal.objects.get(workspace=workspace)
