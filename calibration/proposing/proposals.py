"""From findings to proposals: which config they ask for, and the evidence that goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy
import scipy

from calibration.findings.figures import SEED
from calibration.findings.finding import Finding
from calibration.statistics import STATISTICS_VERSION
from confidence_project.foundation.errors import Conflict
from confidence_project.foundation.formatting import segment
from governance.definitions import PolicyDefinition
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies import EffectivePolicy
from governance.policies.config import default_config
from governance.workflow import open_proposal
from governance.workflow.opening import SUMMARY_LENGTH

Origin = ConfidencePolicyProposal.Origin

ROOM_FOR_THE_REST = 100
"""Characters of a summary that are kept for saying how many findings it leaves out."""


def provenance() -> dict[str, Any]:
    """Return what figures were computed with, so that a run can be repeated."""
    return {
        "statistics_version": STATISTICS_VERSION,
        "libraries": {"numpy": numpy.__version__, "scipy": scipy.__version__},
        "seed": SEED,
    }


def propose_findings(
    *, workspace: Workspace, policy: EffectivePolicy, findings: Sequence[Finding], context: Mapping[str, Any]
) -> ConfidencePolicyProposal | None:
    """Open one proposal for all proposable findings of a policy key; None when there is none.

    Parameters
    ----------
    context : mapping
        Parameters and hash of the inputs, for the evidence.

    Raises
    ------
    Conflict
        The policy has changed since the findings were computed.
    """
    proposed = [finding for finding in findings if finding.is_proposable]
    if not proposed:
        return None
    proposal = open_proposal(
        workspace=workspace,
        policy_key=policy.definition.key,
        origin=Origin.CALIBRATION,
        title=_title(policy.definition, proposed),
        summary=_summary(proposed),
        config=_merged(policy, proposed),
        evidence={
            **context,
            **provenance(),
            "findings": [finding.to_json() for finding in proposed],
            "not_proposed": [finding.brief().to_json() for finding in findings if not finding.is_proposable],
        },
    )
    if proposal.base_version != policy.version:
        raise Conflict("The policy changed while the calibration was running. Run it again.")
    return proposal


def propose_defaults(*, workspace: Workspace, definition: PolicyDefinition) -> ConfidencePolicyProposal:
    """Open the bootstrap proposal of a policy key: the defaults, put on record."""
    return open_proposal(
        workspace=workspace,
        policy_key=definition.key,
        origin=Origin.BOOTSTRAP,
        title=f"{definition.title}: put the defaults on record",
        summary="The defaults, as they hold already: no behaviour change until applied, and none then.",
        config=default_config(definition),
        evidence={"defaults": definition.defaults, "findings": []},
    )


def _merged(policy: EffectivePolicy, proposed: Sequence[Finding]) -> dict[str, Any]:
    """The config in force with the recommended values in it, as overrides for the segments that they hold for."""
    config = default_config(policy.definition) if policy.version == 0 else policy.config.as_json()
    for finding in proposed:
        put_value(config, finding.match, {finding.field: finding.recommended})
    return config


def put_value(config: dict[str, Any], match: Mapping[str, str], values: Mapping[str, float | None]) -> None:
    """Put values into the JSON form of a config: into its own, or into those of the override for a segment."""
    if not match:
        config["values"].update(values)
        return
    same = next((each for each in config["overrides"] if each["match"] == match), None)
    if same is None:
        config["overrides"].append({"match": dict(match), "values": dict(values)})
    else:
        same["values"].update(values)


def _title(definition: PolicyDefinition, proposed: Sequence[Finding]) -> str:
    """The segment with what changes in it, or how many segments there are: a segment may have several findings."""
    segments = {tuple(sorted(finding.segment.items())) for finding in proposed}
    if len(segments) > 1:
        return f"{definition.title}: new thresholds for {len(segments)} segments"
    steps = [
        f"{each.field} {each.current:g} → {each.recommended:g}" for each in proposed if each.recommended != each.current
    ]
    return f"{definition.title}: {', '.join([*steps, segment(proposed[0].segment)])}"[:200]


def _summary(proposed: Sequence[Finding]) -> str:
    """One line for each finding, as many as there is room for: the evidence holds all of them."""
    lines = [f"{segment(finding.segment)}: {finding.explanation}" for finding in proposed]
    lengths = accumulate(len(line) + 1 for line in lines)
    kept = sum(length <= SUMMARY_LENGTH - ROOM_FOR_THE_REST for length in lengths)
    rest = [f"And {len(lines) - kept} more: see the evidence."] if kept < len(lines) else []
    return "\n".join([*lines[:kept], *rest])
