"""A finding as a row of its run: the figures that fit in a line, and the proposal that it went into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibration.findings.thresholds import Finding
from calibration.models import ConfidenceCalibrationRun, Recommendation
from governance.models import ConfidencePolicyProposal


def headline(finding: Finding) -> dict[str, Any]:
    """Return the figures of a finding that fit in a line."""
    whole = finding.as_json()
    point = whole["at_recommended"] or {}
    return {
        **{name: whole[name] for name in ("policy_key", "field", "segment", "current", "recommended", "reason")},
        "labelled": whole["labelled"],
        "label_coverage": whole["label_coverage"],
        "coverage": point.get("coverage"),
        "failure_rate": point.get("failure_rate"),
        "failure_rate_interval": point.get("interval"),
        "ece": (whole["calibration_error"] or {}).get("ece"),
        "ece_noise_q95": (whole["noise_floor"] or {}).get("q95"),
        "at_current": whole["at_current"],
        "success_rates": [period["success_rate"] for period in whole["periods"] or ()],
        "is_drifting": _is_drifting(whole["drift"]),
    }


def _is_drifting(drift: Mapping[str, Any] | None) -> bool | None:
    """None: the window cannot be divided, or there are no labels."""
    return None if drift is None or drift["recent"]["reason"] else drift["recent"]["flagged"]


def recommendation_of(
    run: ConfidenceCalibrationRun, finding: Finding, proposal: ConfidencePolicyProposal | None
) -> Recommendation:
    """Return the unsaved row of a finding; the proposal is named only where the finding is part of it."""
    is_in_it = proposal is not None and proposal.origin == ConfidencePolicyProposal.Origin.CALIBRATION
    return Recommendation(
        run=run,
        workspace_id=run.workspace_id,
        policy_key=finding.policy_key,
        field=finding.field,
        segment=dict(finding.segment),
        current=finding.current,
        recommended=finding.recommended,
        reason=finding.reason,
        explanation=finding.explanation,
        evidence=headline(finding),
        proposal=proposal if is_in_it and finding.is_proposable else None,
    )
