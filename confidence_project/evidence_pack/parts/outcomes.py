"""What came of the decisions: failures against what was promised, who has a label, and how audits were drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from calibration.models import PolicyLook
from calibration.statistics.intervals import clopper_pearson
from calibration.watching import Promise, count_allowed
from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from confidence_project.evidence_pack.parts.versions import Version
from confidence_project.foundation.formatting import count, percent, segment
from governance.models import AuditSampling, ConfidencePolicyRevision
from ledger.models import DecisionOutcome
from ledger.selectors import drawn_for_review, ruling_success

BELOW, ABOVE, OPEN = "below", "above", "open"
"""Where the interval lies: under what was promised, over it, or on both sides."""


def outcomes(frame: Frame, versions: Sequence[Version]) -> Iterator[Part]:
    """Yield failures against the promise, the alarm's looks at them, label coverage, and the design of audits."""
    yield _against_the_promise(frame, versions)
    yield _looks(frame)
    yield _labels(frame)
    yield _audits(frame)


def _against_the_promise(frame: Frame, versions: Sequence[Version]) -> Part:
    rows = [row for version in versions if version.revision for row in _kept(frame, version, version.revision)]
    return Part(
        name="outcomes",
        title="Outcomes against the promise",
        says=[
            "Of what each version allowed in the period, how much failed, by the outcome that rules as of this pack. "
            "Of each case the first decision counts; decisions that had no fair time for an outcome, and those of a "
            "canary, do not. The interval is Clopper and Pearson's, 95 %, two-sided, for each row by itself: where it "
            "lies below what was promised, outcomes bear the promise out; where it lies open, on both sides, they are "
            "too few to tell.",
            *([] if rows else ["No version that a proposal put in force was in force: nothing was promised."]),
        ],
        columns=[
            Column("version", "Version", kind="number"),
            Column("segment", "Segment", segment),
            Column("labelled", "Labelled", count, kind="number"),
            Column("failures", "Failed", count, kind="number"),
            Column("failure_rate", "Failure rate", percent, kind="number"),
            Column("low", "95 % from", percent, kind="number"),
            Column("high", "to", percent, kind="number"),
            Column("promised", "Promised at most", percent, kind="number"),
            Column("interval_lies", "The interval lies"),
        ],
        rows=rows,
    )


def _kept(frame: Frame, version: Version, revision: ConfidencePolicyRevision) -> Iterator[Row]:
    promise = version.promise
    for match in promise.segments if promise else [{}]:
        days = count_allowed(
            revision,
            match,
            since=frame.since,
            until=min(frame.end, frame.as_of - promise.maturity) if promise else frame.end,
            labels_as_of=frame.as_of,
        )
        labelled, failures = sum(day[1] for day in days), sum(day[2] for day in days)
        yield {"version": version.number, "segment": dict(match), **_figures(labelled, failures, promise)}


def _figures(labelled: int, failures: int, promise: Promise | None) -> Mapping[str, Any]:
    known = {"labelled": labelled, "failures": failures, "promised": promise.alpha if promise else None}
    if not labelled:
        return known
    low, high = (float(end[0]) for end in clopper_pearson([failures], [labelled]))
    lies = None
    if promise:
        lies = BELOW if high <= promise.alpha else ABOVE if low > promise.alpha else OPEN
    rate = failures / labelled
    return {**known, "failure_rate": rate, "low": low, "high": high, "interval_lies": lies}


def _looks(frame: Frame) -> Part:
    looks = PolicyLook.objects.in_workspace(frame.workspace).filter(frame.within("at"), revision__policy_key=frame.key)
    rows = [
        {
            "day": look.day.isoformat(),
            "version": look.revision.version,
            "labelled": look.labelled,
            "failures": look.failures,
            "promised": look.alpha,
            "log_e_value": look.log_e_value,
        }
        for look in looks.select_related("revision").order_by("day", "revision__version")
    ]
    return Part(
        name="looks",
        title="The daily look",
        says=["The anytime-valid test of the promise, as it stood each day."]
        if rows
        else ["Nobody looked in the period: watch_policies did not run, or nothing in force promised anything."],
        columns=[
            Column("day", "Day (UTC)"),
            Column("version", "Version", kind="number"),
            Column("labelled", "Labelled so far", count, kind="number"),
            Column("failures", "Failed so far", count, kind="number"),
            Column("promised", "Promised at most", percent, kind="number"),
            Column("log_e_value", "log of the e-value", "{:.3f}".format, kind="number"),
        ],
        rows=rows,
    )


def _labels(frame: Frame) -> Part:
    by = ("origin", "gate_verdict")
    counted = (
        frame.decisions()
        .order_by()
        .annotate(succeeded=ruling_success(frame.as_of))
        .values(*by)
        .annotate(decisions=Count("pk"), labelled=Count("succeeded"), drawn=Count("pk", filter=Q(audit_selected=True)))
        .order_by(*by)
    )
    labels = DecisionOutcome.objects.filter(
        decision=OuterRef("pk"), source=DecisionOutcome.Source.HUMAN_REVIEW, recorded_at__lte=frame.as_of
    )
    looked_at = drawn_for_review(frame.decisions()).filter(Exists(labels)).order_by().values(*by)
    reviewed = {tuple(each[name] for name in by): each["n"] for each in looked_at.annotate(n=Count("pk"))}
    rows = [{**row, "reviewed": reviewed.get(tuple(row[name] for name in by), 0)} for row in counted]
    return Part(
        name="labels",
        title="Label coverage",
        says=["Which decisions of the period have an outcome, and how many of those drawn a person looked at."],
        columns=[
            Column("origin", "Origin"),
            Column("gate_verdict", "Verdict"),
            Column("decisions", "Decisions", count, kind="number"),
            Column("labelled", "With an outcome", count, kind="number"),
            Column("coverage", "Share", percent, kind="number"),
            Column("drawn", "Drawn for audit", count, kind="number"),
            Column("reviewed", "of them reviewed", count, kind="number"),
        ],
        rows=[{**row, "coverage": row["labelled"] / row["decisions"]} for row in rows],
    )


def _audits(frame: Frame) -> Part:
    rates = AuditSampling.objects.in_workspace(frame.workspace).filter(
        frame.during("started_at", "ended_at"), policy_key=frame.key
    )
    rows = [
        {
            "rate": float(each.rate),
            "rules": ". ".join(map(str, each.rates.rules)),
            "from": moment(each.started_at),
            "until": moment(each.ended_at),
            "set_by": each.started_by_name,
            "reason": each.reason,
        }
        for each in rates.order_by("started_at", "pk")
    ]
    return Part(
        name="audits",
        title="Design of audits",
        says=["With which probability a decision was drawn at random for a person to look at."]
        if rows
        else ["No audit sampling was set in the period: nothing was drawn."],
        columns=[
            Column("rate", "Of what was blocked", percent, kind="number"),
            Column("rules", "Rules before it"),
            Column("from", "From (UTC)", as_time, "tight"),
            Column("until", "Until (UTC)", as_time, "tight"),
            Column("set_by", "Set by"),
            Column("reason", "Reason"),
        ],
        rows=rows,
    )
