"""What is known of the values that a person proposes: the newest run's findings, and where the values fall on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from calibration.findings.finding import Finding
from calibration.findings.reading import Evidence, read_evidence
from calibration.proposing.backtest import backtest_configs
from calibration.selectors import completed_runs
from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.formatting import count, percent, segment, threshold
from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.stored import stored_policy

NO_RUN = "No completed calibration run has looked at this policy, so nothing is known of these values."


def evidence_for_people(workspace: Workspace, policy_key: str, config: PolicyConfig) -> Mapping[str, Any]:
    """Return the newest completed run's findings for the fields and segments whose values `config` would change.

    Beside each finding stands where the proposed value falls on it: the point of the operating curve at or next above
    it, which is descriptive and certifies nothing; and beside all of them, what the config would have done to recorded
    decisions.
    """
    return {**_findings_for(workspace, policy_key, config), "backtest": _backtest(workspace, policy_key, config)}


def _backtest(workspace: Workspace, policy_key: str, config: PolicyConfig) -> Mapping[str, Any] | None:
    """Return the counts of the backtest, as they are now; None where there is nothing to hold the config against."""
    definition = get_definition(policy_key)
    try:
        before = parse_config(definition, stored_policy(workspace, policy_key)[1])
        found = backtest_configs(workspace, definition, before, config)
    except InvalidInput:
        return None
    counts = asdict(found)
    return {**counts, "window_from": found.window_from.isoformat(), "window_to": found.window_to.isoformat()}


def _findings_for(workspace: Workspace, policy_key: str, config: PolicyConfig) -> Mapping[str, Any]:
    for run in completed_runs(workspace).only("pk", "created_at", "inputs_sha256", "output").iterator():
        found = next((each for each in run.output.get("policies", []) if each["policy_key"] == policy_key), None)
        if found is None or not found["findings"]:
            continue
        findings = [Finding.from_json(each) for each in found["findings"]]
        definition = get_definition(policy_key)
        # The curve is over thresholds: it has no place for a ceiling.
        ceiling = definition.field_of_kind(FieldKind.CONFIDENCE_CEILING)
        placed = [each for each in findings if ceiling is None or each.field != ceiling.name]
        values = [(each, config.value(definition, each.field, each.segment)) for each in placed]
        changed = [(each, value) for each, value in values if value != each.current]
        return {
            "run": {"id": run.pk, "created_at": run.created_at.isoformat(), "inputs_sha256": run.inputs_sha256},
            "target_failure_rate": run.output["parameters"]["target_failure_rate"],
            "findings_of_the_run": [each.to_json() for each, _ in changed],
            "proposed": [_place(each, value) for each, value in changed],
        }
    return {"run": None, "reason": NO_RUN}


def _place(finding: Finding, value: float) -> dict[str, Any]:
    """Say what is seen at a value; None where no fair label speaks of it."""
    above = (point for point in finding.fair_curve if point.threshold >= value)
    at = min(above, key=lambda point: point.threshold, default=None)
    floor = finding.cohort.threshold_in_force
    is_judged = at is not None and at.failure_rate is not None and (floor is None or value >= floor)
    return {
        "field": finding.field,
        "segment": dict(finding.segment),
        "current": finding.current,
        "value": value,
        "certified": finding.recommended,
        "labelled": finding.labelled,
        "curve_point": {"threshold": at.threshold, "failure_rate": at.failure_rate, "interval": [at.low, at.high]}
        if at is not None and is_judged
        else None,
    }


@dataclass(frozen=True, slots=True)
class EvidenceForPeople:
    """That evidence, for reading."""

    raw: Mapping[str, Any]
    template = "admin/calibration/_evidence_for_people.html"

    @property
    def sentence(self) -> str:
        if self.raw["run"] is None:
            known = str(self.raw["reason"])
        else:
            known = " ".join(self.sentences) or "It changes nothing that the newest run has looked at."
        return f"{self.replayed} {known}" if self.replayed else known

    @property
    def replayed(self) -> str:
        """What it would have done to recorded decisions, when it was written; blank where there were none."""
        found = self.raw.get("backtest")
        if not found or not found["decisions"]:
            return ""
        return (
            f"Of the {count(found['decisions'])} decisions of the weeks before it was written, it would have allowed "
            f"{count(found['allowed_after'])} instead of {count(found['allowed_before'])}: "
            f"{count(found['to_allow'])} more, {count(found['to_block'])} fewer."
        )

    @property
    def sentences(self) -> Sequence[str]:
        """One sentence for each value."""
        return [self._sentence(each) for each in self.raw["proposed"]]

    def _sentence(self, place: Mapping[str, Any]) -> str:
        is_looser = place["value"] < place["current"]
        step = f"{'Lower' if is_looser else 'Raise'} {place['field']} for {segment(place['segment'])} from "
        step += f"{threshold(place['current'])} to {threshold(place['value'])}."
        point = place["curve_point"]
        if point is None:
            return f"{step} No fair label speaks of decisions there, so nothing is known of how they would go."
        low, high = point["interval"]
        seen = (
            f"At or above {threshold(point['threshold'])}, {percent(point['failure_rate'])} failed "
            f"({percent(low)} to {percent(high)} at 95 %) of the {count(place['labelled'])} decisions with a label."
        )
        certified = place["certified"]
        if certified is not None and place["value"] >= certified:
            return f"{step} {seen} The run certified {threshold(certified)}."
        return f"{step} {seen} No run certified this value."


def read_evidence_of_proposal(raw: Mapping[str, Any]) -> Evidence | EvidenceForPeople | None:
    """Return the evidence of a proposal for reading, a run's or a person's; None for any other."""
    if "run" in raw and ("proposed" in raw or raw["run"] is None):
        return EvidenceForPeople(raw)
    return read_evidence(raw)
