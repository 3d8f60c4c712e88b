"""A run in words: as one JSON object, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

from calibration.findings import wording
from calibration.models import ConfidenceCalibrationRun
from calibration.selectors import proposals_of

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
        f"Wanted: a failure rate of at most {run.target_failure_rate:.3g} among what is allowed, to be "
        f"{run.risk_confidence:.4g} sure."
        + (f" Decisions of the last {run.maturity_days:g} days were left out." if run.maturity_days else ""),
        f"Inputs {run.inputs_sha256}",
    ]


_COLUMNS = ("labelled", "of all", "now", "then", "allowed", "failure rate", "ECE", "noise")


def _policy(policy: Mapping[str, Any]) -> list[str]:
    findings = policy["findings"]
    # By the order of the keys, which jsonb does not keep.
    is_of_budgets = findings[0]["method"] == "budget"
    names = [each["field"] if is_of_budgets else _segment(each["segment"], policy["segment_by"]) for each in findings]
    rows = [[name, *_cells(finding)] for name, finding in zip(names, findings, strict=True)]
    return [
        "",
        f"{policy['policy_key']} ({findings[0]['field']}, from {policy['source']})",
        *_table([["segment", *_COLUMNS], *rows]),
        *(line for name, finding in zip(names, findings, strict=True) for line in _in_words(name, finding)),
        *(_in_lines(f"Costs: {wording.costs_in_use(policy['costs'])}.") if policy.get("costs") else []),
        *([f"  {wording.spending(policy['review']['spending'])}"] if policy["review"]["spending"] else []),
    ]


def _cells(finding: Mapping[str, Any]) -> list[str]:
    point = finding["at_recommended"] or {}
    return [
        f"{finding['labelled']:,}",
        _percent(finding["label_coverage"]),
        _value(finding["current"]),
        _value(finding["recommended"]),
        _percent(point.get("coverage")),
        _rate(point.get("failure_rate"), point.get("interval")),
        _decimal((finding["calibration_error"] or {}).get("ece")),
        _decimal((finding["noise_floor"] or {}).get("q95")),
    ]


def _in_words(name: str, finding: Mapping[str, Any]) -> list[str]:
    return _in_lines(f"{name}: {finding['explanation']}")


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


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  "
        + row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]


def _segment(segment: Mapping[str, str], keys: Sequence[str]) -> str:
    return " ".join(segment[key] for key in keys if segment.get(key)) or "all decisions"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _rate(rate: float | None, interval: Sequence[float] | None) -> str:
    """A rate with its interval; one of budgets, or weighted by audits, has none."""
    if rate is None:
        return "–"
    return f"{rate:.2%} [{interval[0]:.2%}, {interval[1]:.2%}]" if interval else f"{rate:.2%}"


def _value(value: float | None) -> str:
    """A threshold with its four decimals, a budget as the whole number that it is."""
    return _decimal(value) if value is None or value <= 1 else f"{value:,.0f}"


def _decimal(number: float | None) -> str:
    return "–" if number is None else f"{number:.4f}"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
