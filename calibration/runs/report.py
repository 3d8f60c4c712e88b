"""A run in words: as one JSON object, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

from calibration.engines.wording import counted_in
from calibration.evidence.wording import where_counted
from calibration.findings import wording
from calibration.findings.finding import Finding
from calibration.models import ConfidenceCalibrationRun
from calibration.selectors import proposals_of
from calibration.statistics.operating_points import OperatingPoint
from confidence_project.foundation.formatting import count, decimals, percent, rate, threshold

WIDTH = 118


def run_as_json(run: ConfidenceCalibrationRun) -> dict[str, Any]:
    """Return a run as one object; `docs/calibration.md` describes its keys."""
    return {
        "run": {
            "id": run.pk,
            "workspace": run.workspace.slug,
            "status": run.status,
            "created_at": _iso(run.created_at),
            "finished_at": _iso(run.finished_at),
            "labels_as_of": _iso(run.labels_as_of),
            "computed_by": run.computed_by_name,
            "decisions": run.samples,
            "inputs_sha256": run.inputs_sha256,
            "error": run.error,
        },
        "parameters": run.output.get("parameters"),
        "statistics_version": run.statistics_version,
        "libraries": run.output.get("libraries"),
        "seed": run.output.get("seed"),
        "policies": run.output.get("policies", []),
        "proposals": [
            {"id": proposal.pk, "policy_key": proposal.policy_key, "origin": proposal.origin, "title": proposal.title}
            for proposal in proposals_of(run)
        ],
    }


def run_as_text(run: ConfidenceCalibrationRun) -> str:
    """Return a run as text: what was asked, a table of findings, and what each says in words."""
    return "\n".join(
        [
            *_heading(run),
            *(line for policy in run.output["policies"] if policy["findings"] for line in _policy(policy)),
            *_nothing_found(run.output["policies"], run.maturity_days),
            *_proposals(run),
        ]
    )


def _heading(run: ConfidenceCalibrationRun) -> list[str]:
    return [
        f"Run {run.pk} of {run.workspace.slug}: {run.samples:,} decisions from {run.window_from:%Y-%m-%d %H:%M} "
        f"to {run.window_to:%Y-%m-%d %H:%M} UTC.",
        f"Wanted: a failure rate of at most {percent(run.target_failure_rate)} among what is allowed, with "
        f"{percent(run.risk_confidence, 4)} confidence."
        + (f" Decisions of the last {run.maturity_days:g} days were left out." if run.maturity_days else ""),
        f"Inputs {run.inputs_sha256}",
    ]


_COLUMNS = ("labelled", "of all", "now", "then", "allowed", "failure rate", "ECE", "noise")


def _policy(policy: Mapping[str, Any]) -> list[str]:
    findings = [Finding.from_json(stored) for stored in policy["findings"]]
    names = [each.field if each.is_of_budget else _segment(each.segment, policy["segment_by"]) for each in findings]
    rows = [[name, *_cells(finding)] for name, finding in zip(names, findings, strict=True)]
    return [
        "",
        f"{policy['policy_key']} ({findings[0].field}, from {policy['source']})",
        *(_in_lines(counted_in(policy["engine"])) if policy.get("engine") else []),
        *(_in_lines(where_counted(policy["days"])) if policy.get("days") else []),
        *table([["segment", *_COLUMNS], *rows]),
        *(
            line
            for name, finding in zip(names, findings, strict=True)
            for line in _in_lines(f"{name}: {finding.explanation}")
        ),
        *(_in_lines(f"Costs: {wording.costs_in_use(policy['costs'])}.") if policy.get("costs") else []),
        *_in_lines(wording.calendar(policy["review"])),
    ]


def _cells(finding: Finding) -> list[str]:
    point = finding.at_recommended
    return [
        count(finding.labelled),
        rate(finding.label_coverage, 1),
        _value(finding.current),
        _value(finding.recommended),
        rate(point.coverage if point else None, 1),
        _with_interval(point),
        decimals(finding.ece),
        decimals(finding.ece_noise_q95),
    ]


def _in_lines(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _nothing_found(policies: Iterable[Mapping[str, Any]], maturity_days: float) -> list[str]:
    without = [policy for policy in policies if not policy["findings"]]
    if not without:
        return []
    young = (
        _in_lines(f"{policy['policy_key']}: {wording.too_young(policy['too_young'], maturity_days)}")
        for policy in without
        if policy.get("too_young")
    )
    names = ", ".join(policy["policy_key"] for policy in without)
    return ["", f"No evidence in the window: {names}.", *(line for lines in young for line in lines)]


def _proposals(run: ConfidenceCalibrationRun) -> list[str]:
    if run.output["parameters"]["dry_run"]:
        return ["", "Dry run: nothing was proposed."]
    proposals = [f"  {proposal.pk}  {proposal.title}" for proposal in proposals_of(run)]
    return ["", "Proposals that wait for approval:", *proposals] if proposals else ["", "Nothing to propose."]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Line up rows of cells, the first column to the left."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  "
        + row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def _segment(segment: Mapping[str, str], keys: Sequence[str]) -> str:
    """By the order of the keys, which jsonb does not keep, and with what was not said: each segment has a row."""
    return " ".join(segment[key] for key in keys if segment.get(key)) or "all decisions"


def _with_interval(point: OperatingPoint | None) -> str:
    """The failure rate; one of budgets has no interval."""
    failed = rate(point.failure_rate if point else None)
    return f"{failed} [{rate(point.interval[0])}, {rate(point.interval[1])}]" if point and point.interval else failed


def _value(value: float | None) -> str:
    """A threshold with its four decimals, a budget as the whole number that it is."""
    return decimals(value) if value is None or value <= 1 else threshold(value)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
