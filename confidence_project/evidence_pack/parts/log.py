"""The state of the log: checkpoints around the period, who cosigned them, and that the log only grew between them."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, as_digest, as_time, moment
from confidence_project.foundation.formatting import count
from ledger.models import Checkpoint
from ledger.transparency.services import configured_signer
from ledger.transparency.witnessing import configured_witnesses


def checkpoints_around(frame: Frame) -> list[Checkpoint]:
    """Return the last checkpoint before the period, the last within it, and the one that all proofs lead to."""
    if frame.checkpoint is None:
        return []
    signed = Checkpoint.objects.filter(tree_size__gt=0, tree_size__lte=frame.checkpoint.tree_size)
    edges = (signed.filter(created_at__lt=at).order_by("-tree_size").first() for at in (frame.since, frame.end))
    found = {each.tree_size: each for each in (*edges, frame.checkpoint) if each and each.tree_size}
    return [found[size] for size in sorted(found)]


def checkpoints(frame: Frame, around: Sequence[Checkpoint]) -> Part:
    """Return the checkpoints of `around`, and which witnesses cosigned them."""
    signer = configured_signer() if settings.CONFIDENCE_LOG_KEY else None
    witnesses = [each.key.name for each in configured_witnesses()]
    signed = Checkpoint.objects.filter(frame.within("created_at")).count()
    return Part(
        name="checkpoints",
        title="Checkpoints and witnesses",
        says=[
            f"Checkpoints signed in the period: {count(signed)}. Here are the last before it, the last in it, and the "
            "one that the proofs lead to; the others with the proof that the log only grew until then."
            if around
            else "Nothing has been signed yet, so nothing in this pack is proved.",
            f"The log signs as {signer.name}." if signer else "No signing key is configured: CONFIDENCE_LOG_KEY.",
            f"Witnesses that are asked: {', '.join(witnesses)}." if witnesses else "No witness is asked.",
        ],
        columns=[
            Column("tree_size", "Leaves", count, kind="number"),
            Column("signed_at", "Signed (UTC)", as_time, "tight"),
            Column("root_hash", "Root", as_digest, "tight"),
            Column("witnesses", "Cosigned by"),
            Column("files", "Files", kind="files"),
        ],
        rows=[
            {
                "tree_size": each.tree_size,
                "signed_at": moment(each.created_at),
                "root_hash": bytes(each.root_hash).hex(),
                "witnesses": ", ".join(each.cosignatures.order_by("id").values_list("witness", flat=True)),
                "files": files_of(frame, each),
            }
            for each in around
        ],
    )


def files_of(frame: Frame, checkpoint: Checkpoint) -> list[str]:
    """Return the names of the files of a checkpoint: its note, and the proof of growth from it on."""
    assert frame.checkpoint is not None  # noqa: S101 - narrows the type: there is one
    stem = f"checkpoints/{checkpoint.tree_size}"
    grew = checkpoint.tree_size != frame.checkpoint.tree_size
    return [f"{stem}.checkpoint", *([f"{stem}.consistency"] if grew else [])]
