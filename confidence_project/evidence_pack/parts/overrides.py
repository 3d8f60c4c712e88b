"""What people said against the gate: labels of reviewers that its verdict did not meet."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Q, QuerySet

from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from confidence_project.foundation.formatting import count, percent
from ledger.models import DecisionOutcome, DecisionRecord

AGAINST = Q(decision__gate_verdict=DecisionRecord.Verdict.ALLOW, success=False) | Q(
    decision__gate_verdict=DecisionRecord.Verdict.BLOCK, success=True
)
"""It allowed what failed, or blocked what would have been right."""

PAGE = 2_000

COLUMNS = [
    Column("decision_id", "Decision"),
    Column("verdict", "Verdict"),
    Column("gate_reason", "Reason of the gate"),
    Column("confidence", "Confidence", kind="number"),
    Column("was_right", "The reviewer: the action was, or would have been, right"),
    Column("reviewer", "Reviewer"),
    Column("recorded_at", "Recorded (UTC)", as_time, "tight"),
]


def reviewers(frame: Frame) -> Part:
    """Return how often each reviewer said otherwise than the gate."""
    rows = list(
        _labels(frame)
        .order_by()
        .values("reporter")
        .annotate(
            reviewed=Count("pk"),
            allowed_and_wrong=Count("pk", filter=AGAINST & Q(success=False)),
            blocked_and_right=Count("pk", filter=AGAINST & Q(success=True)),
        )
        .order_by("reporter")
    )
    return Part(
        name="reviewers",
        title="Reviewers' overrides",
        says=[
            "Labels that people gave in the period, and how many of them say otherwise than the gate. Each of these is "
            "in overrides.csv."
        ]
        if rows
        else ["No person labelled a decision under this policy in the period."],
        columns=[
            Column("reporter", "Reviewer"),
            Column("reviewed", "Labels", count, kind="number"),
            Column("allowed_and_wrong", "Allowed, and wrong", count, kind="number"),
            Column("blocked_and_right", "Blocked, and right", count, kind="number"),
            Column("share", "Otherwise than the gate", percent, kind="number"),
        ],
        rows=[
            {**row, "share": (row["allowed_and_wrong"] + row["blocked_and_right"]) / row["reviewed"]} for row in rows
        ],
    )


def overrides(frame: Frame) -> Iterator[Row]:
    """Yield each label against the gate, in the order in which they came, a page of them at a time."""
    labels = (
        _labels(frame)
        .filter(AGAINST)
        .order_by("pk")
        .annotate(
            verdict=F("decision__gate_verdict"),
            gate_reason=F("decision__gate_reason"),
            confidence=F("decision__llm_confidence"),
        )
    )
    last = 0
    while page := list(labels.filter(pk__gt=last)[:PAGE]):
        for label in page:
            yield {
                "decision_id": str(label.decision_id),
                "verdict": label.verdict,
                "gate_reason": label.gate_reason,
                "confidence": None if label.confidence is None else float(label.confidence),
                "was_right": label.success,
                "reviewer": label.reporter,
                "recorded_at": moment(label.recorded_at),
            }
        last = page[-1].pk


def _labels(frame: Frame) -> QuerySet[DecisionOutcome]:
    rows: QuerySet[DecisionOutcome] = DecisionOutcome.objects.in_workspace(frame.workspace).filter(
        frame.within("recorded_at"),
        source=DecisionOutcome.Source.HUMAN_REVIEW,
        decision__policy_key=frame.key,
    )
    return rows.exclude(void__at__lte=frame.as_of)
