"""What went wrong or was stopped: alarms, switches, blocks, rollbacks, emergencies, rollouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from calibration.models import PolicyAlarm
from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from governance.models import (
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicyRevision,
    KillSwitch,
    RolloutEvent,
    WorkspaceEvent,
)
from governance.models.controls import Control


def incidents(frame: Frame) -> Part:
    """Return all of it in the order of time."""
    rows = sorted(
        [*_alarms(frame), *_controls(frame), *_changes(frame), *_rollouts(frame), *_toggles(frame)],
        key=lambda row: (row["at"], row["what"]),
    )
    return Part(
        name="incidents",
        title="Alarms, switches, rollbacks",
        says=["What was in force or happened in the period, of this policy and of the whole workspace."]
        if rows
        else ["None in the period: no alarm, no switch, no block, no rollback, no emergency, no rollout."],
        columns=[
            Column("at", "At (UTC)", as_time, "tight"),
            Column("what", "What"),
            Column("about", "About"),
            Column("by", "By"),
            Column("reason", "Reason"),
            Column("until", "Until (UTC)", as_time, "tight"),
            Column("ended_by", "Ended by"),
        ],
        rows=rows,
    )


def _alarms(frame: Frame) -> Iterator[Row]:
    alarms = PolicyAlarm.objects.in_workspace(frame.workspace).filter(
        frame.within("raised_at"), revision__policy_key=frame.key
    )
    for alarm in alarms.select_related("revision", "look"):
        look = alarm.look
        yield {
            "at": moment(alarm.raised_at),
            "what": "Alarm: the promise is broken",
            "about": f"version {alarm.revision.version}, {look.failures} of {look.labelled} failed, "
            f"at most {look.alpha:.2%} were promised",
            "by": "",
        }


_CONTROLS: tuple[tuple[type[Control], str], ...] = (
    (KillSwitch, "Kill switch"),
    (BlockedSource, "Blocked source"),
    (BreakGlassReview, "Break-glass review"),
)


def _controls(frame: Frame) -> Iterator[Row]:
    for model, what in _CONTROLS:
        rows = model.objects.in_workspace(frame.workspace).covering(frame.key)
        for row in rows.filter(frame.during("started_at", "ended_at")):
            yield {
                "at": moment(row.started_at),
                "what": what,
                "about": _about(row),
                "by": row.started_by_name,
                "reason": row.reason,
                "until": moment(row.ended_at),
                "ended_by": row.ended_by_name,
            }


def _about(row: Any) -> str:
    where = row.policy_key or "the whole workspace"
    return f"{row.kind} {row.value}, {where}" if isinstance(row, BlockedSource) else where


def _changes(frame: Frame) -> Iterator[Row]:
    changes = ConfidencePolicyRevision.objects.in_workspace(frame.workspace).filter(
        frame.within("created_at"), policy_key=frame.key
    )
    for change in changes.select_related("restored_revision"):
        is_rollback = change.action == ConfidencePolicyRevision.Action.ROLLBACK
        if not is_rollback and not change.break_glass:
            continue
        back = f", back to what version {change.restored_revision.version} had" if change.restored_revision else ""
        yield {
            "at": moment(change.created_at),
            "what": change.get_action_display() + (" (break-glass)" if change.break_glass else ""),
            "about": f"version {change.version}{back}",
            "by": change.actor_name,
            "reason": change.reason,
        }


def _rollouts(frame: Frame) -> Iterator[Row]:
    steps = RolloutEvent.objects.in_workspace(frame.workspace).filter(frame.within("at"), rollout__policy_key=frame.key)
    for step in steps.select_related("rollout"):
        yield {
            "at": moment(step.at),
            "what": f"Rollout: {step.verb.replace('_', ' ')}" + (" (break-glass)" if step.break_glass else ""),
            "about": f"proposal {step.rollout.proposal_id}, {step.share.normalize():f} of the cases",
            "by": step.actor_name,
            "reason": step.reason,
        }


def _toggles(frame: Frame) -> Iterator[Row]:
    changes = WorkspaceEvent.objects.filter(
        frame.within("at"), workspace=frame.workspace, kind=WorkspaceEvent.Kind.TOGGLES_CHANGED
    )
    for change in changes:
        yield {
            "at": moment(change.at),
            "what": change.get_kind_display(),
            "about": ", ".join(f"{name} {before} → {after}" for name, before, after in change.values),
            "by": change.actor_name,
        }
