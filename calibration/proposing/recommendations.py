"""A finding as a row of its run: the figures that fit in a line, and the proposal that it went into."""

from __future__ import annotations

from calibration.findings.finding import Finding
from calibration.models import ConfidenceCalibrationRun, Recommendation
from governance.models import ConfidencePolicyProposal


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
        evidence=finding.headline().to_json(),
        proposal=proposal if is_in_it and finding.is_proposable else None,
    )
