"""How long things are kept, and what was removed."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from confidence_project.foundation.formatting import count
from governance.controls.retention import hold_on, retention_of
from governance.models import LegalHold, RetentionPeriod
from ledger.models import LedgerRemoval


def retention(frame: Frame) -> Iterator[Part]:
    """Yield what is kept for how long, what was set in the period, and which decisions are gone."""
    period, hold = retention_of(frame.workspace), hold_on(frame.workspace)
    kept = f"{period.days} days, then in archives" if period else "for good: no retention period is set"
    yield Part(
        name="retention",
        title="Retention",
        says=[
            "How long what is kept, as it is set when the pack is made. "
            + ("A legal hold is in force: nothing is removed." if hold else "No legal hold is in force.")
        ],
        columns=[Column("what", "What"), Column("kept", "Kept")],
        rows=[
            {"what": "Decisions, outcomes, corrections", "kept": kept},
            {"what": "Policies, proposals, controls, reviews, runs and their history", "kept": "for good"},
            {"what": "The log, its checkpoints and cosignatures", "kept": "for good"},
            {"what": "Prompts, answers and messages", "kept": "never stored"},
            {"what": "Uploads of imports", "kept": f"{settings.CONFIDENCE_IMPORT_KEEP_DAYS} days"},
            {"what": "Webhook messages", "kept": f"{settings.CONFIDENCE_WEBHOOK_KEEP_DAYS} days"},
        ],
    )
    yield _set(frame)
    yield _removed(frame)


def _set(frame: Frame) -> Part:
    rows: list[Row] = [
        {
            "what": f"Retention of {row.days} days" if isinstance(row, RetentionPeriod) else "Legal hold",
            "from": moment(row.started_at),
            "until": moment(row.ended_at),
            "set_by": row.started_by_name,
            "reason": row.reason,
        }
        for model in (RetentionPeriod, LegalHold)
        for row in model.objects.in_workspace(frame.workspace)
        .filter(frame.during("started_at", "ended_at"))
        .order_by("started_at", "pk")
    ]
    return Part(
        name="holds",
        title="Retention periods and legal holds",
        says=[] if rows else ["None was in force in the period."],
        columns=[
            Column("what", "What"),
            Column("from", "From (UTC)", as_time, "tight"),
            Column("until", "Until (UTC)", as_time, "tight"),
            Column("set_by", "Set by"),
            Column("reason", "Reason"),
        ],
        rows=rows,
    )


def _removed(frame: Frame) -> Part:
    removals = LedgerRemoval.objects.in_workspace(frame.workspace).filter(
        at__lt=frame.as_of, recorded_to__gte=frame.since
    )
    rows = [
        {
            "at": moment(removal.at),
            "kind": removal.get_kind_display(),
            "decisions": removal.decisions,
            "recorded_until": moment(removal.recorded_to),
            "archive": removal.archive,
            "archive_sha256": removal.archive_sha256,
            "by": removal.actor_name,
            "reason": removal.reason,
        }
        for removal in removals.order_by("pk").iterator(1_000)
        if frame.key in removal.policy_keys
    ]
    return Part(
        name="removals",
        title="Removed decisions",
        says=[
            "Batches of removed decisions, of this policy among others, that reach into the period. What was removed "
            "is in no figure and in no draw of this pack; leaves of the log stay, and archives verify against them."
        ]
        if rows
        else ["Nothing of the period was removed: every decision that was recorded is counted and may be drawn."],
        columns=[
            Column("at", "Removed (UTC)", as_time, "tight"),
            Column("kind", "How"),
            Column("decisions", "Decisions", count, "number"),
            Column("recorded_until", "Recorded until (UTC)", as_time, "tight"),
            Column("archive", "Archive"),
            Column("archive_sha256", "Archive (SHA-256)"),
            Column("by", "By"),
            Column("reason", "Reason"),
        ],
        rows=rows,
    )
