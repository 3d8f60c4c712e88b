"""Who proposed, approved and applied what was in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from confidence_project.evidence_pack.parts.versions import Version

COLUMNS = [
    Column("version", "Version", kind="number"),
    Column("step", "Step"),
    Column("by", "By"),
    Column("at", "At (UTC)", as_time, "tight"),
    Column("break_glass", "Break-glass"),
    Column("knew_uncertified", "Knew that nothing certifies it"),
    Column("reason", "Reason"),
    Column("proof", "Proof", kind="files"),
]


def approvals(frame: Frame, versions: Sequence[Version], proven: set[str]) -> Part:
    """Return each step towards each version. `proven`: the files of proofs that the pack has."""
    rows = [row for version in versions for row in _steps(version, proven)]
    bare = [each.number for each in versions if each.revision is None]
    return Part(
        name="approvals",
        title="Who decided",
        says=[
            "Each step of each proposal that was in force in the period. A step by nobody was the system's; a proof "
            "shows that the entry is in the log.",
            *(["Version 0 is the defaults of the definition; nobody decided on it."] if bare else []),
            *(["There are no proofs: nothing has been signed yet."] if not frame.prover else []),
        ],
        columns=COLUMNS,
        rows=rows,
    )


def _steps(version: Version, proven: set[str]) -> Iterator[Row]:
    def proof(name: str) -> list[str]:
        file = f"{version.folder}/{name}.json"
        return [file] if file in proven else []

    events = version.proposal.events.filter(at__lte=version.since).order_by("pk") if version.proposal else ()
    for number, event in enumerate(events, start=1):
        yield {
            "version": version.number,
            "step": event.verb.replace("_", " "),
            "by": event.actor_name,
            "at": moment(event.at),
            "break_glass": event.break_glass,
            "knew_uncertified": event.acknowledged_uncertified,
            "reason": event.reason,
            "proof": proof(f"proposal_event-{number}"),
        }
    revision = version.revision
    if revision is not None:
        yield {
            "version": version.number,
            "step": revision.get_action_display().lower(),
            "by": revision.actor_name,
            "at": moment(revision.created_at),
            "break_glass": revision.break_glass,
            "knew_uncertified": False,
            "reason": revision.reason,
            "proof": proof("revision"),
        }
