"""What is on record as removed, held against the log and against the archives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from confidence_project.foundation.errors import Conflict, Gone
from ledger.models import LedgerRemoval, LogLeaf, RemovedLeaf
from ledger.transparency.archives import read_archive, sha256_of
from ledger.transparency.leaves import DECISIONS
from ledger.transparency.merkle import leaf_hash

Kind = LedgerRemoval.Kind


def removals_of(decision_ids: Iterable[UUID]) -> dict[UUID, LedgerRemoval]:
    """Return the last removal of each decision that was removed."""
    entries = LogLeaf.objects.filter(entry=DECISIONS.entry, entry_id__in=[str(each) for each in decision_ids])
    positions = dict(entries.values_list("position", "entry_id"))
    removed = RemovedLeaf.objects.filter(position__in=positions).select_related("removal").order_by("id")
    return {UUID(positions[leaf.position]): leaf.removal for leaf in removed}


def gone(removal: LedgerRemoval) -> Gone:
    """Return the error that says what became of a removed decision."""
    day = f"{removal.at:%Y-%m-%d}"
    if removal.kind == Kind.ERASURE:
        return Gone(f"This decision was erased on {day}. Its leaf in the log stays.")
    return Gone(
        f"This decision was removed on {day}, after its retention period. The archive {removal.archive} holds it, with "
        "all that was on record about it, and its leaf in the log stays."
    )


def refuse_removed(decision_id: UUID, workspaces: Iterable[int]) -> None:
    """Raise `Gone` for a decision of one of the workspaces that was removed."""
    removal = removals_of([decision_id]).get(decision_id)
    if removal is not None and removal.workspace_id in workspaces:
        raise gone(removal)


class RemovedLeaves:
    """Which leaves have no row any more, read along with the leaves; and whether each removal says so of just these."""

    def __init__(self) -> None:
        self._digests = {removal: hashlib.sha256() for removal in LedgerRemoval.objects.values_list("pk", flat=True)}
        self._rows = dict.fromkeys(self._digests, 0)

    def within(self, leaves: Sequence[tuple[int, bytes]]) -> set[int]:
        """Return the positions of a page (position and hash of each leaf, in order) whose rows were removed."""
        hashes = dict(leaves)
        found = RemovedLeaf.objects.filter(position__range=(min(hashes), max(hashes))).order_by("position", "id")
        positions = set()
        for position, removal in found.values_list("position", "removal_id"):
            # A removal that is not there excuses nothing.
            if position in hashes and removal in self._digests:
                positions.add(position)
                self._digests[removal].update(hashes[position])
                self._rows[removal] += 1
        return positions

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each removal that says something else than what was removed, after the last page."""
        for removal in LedgerRemoval.objects.order_by("pk").iterator(1000):
            if removal.kind == Kind.RETENTION and not removal.archive:
                yield f"removal {removal.pk:020d}: it names no archive, and is no erasure"
            said = (removal.rows, removal.leaves_sha256)
            if said != (self._rows[removal.pk], self._digests[removal.pk].hexdigest()):
                yield f"removal {removal.pk:020d}: the rows that are gone are not those that it names"


def check_archives(folder: Path) -> Iterator[tuple[str, str]]:
    """Check every archive that a removal names against its recorded hash, and its rows against the leaves.

    Yields
    ------
    tuple
        Name of an archive, and what is wrong; blank where all is well.
    """
    names = LedgerRemoval.objects.exclude(archive="").order_by("archive").values_list("archive", flat=True).distinct()
    for name in names:
        try:
            yield name, _wrong_with(name, folder / name)
        except (Conflict, OSError) as error:
            yield name, error.detail if isinstance(error, Conflict) else "the file is not there"


def archive_on_record(name: str) -> LedgerRemoval | None:
    """Return the removal that says last what an archive is; None: no removal names it."""
    return LedgerRemoval.objects.filter(archive=name).order_by("-id").first()


def _wrong_with(name: str, path: Path) -> str:
    last = archive_on_record(name)
    if last is None or sha256_of(path) != last.archive_sha256:
        return (
            "the file is not the one on record. An erasure that was broken off ends when erase_case or prune_ledger "
            "is run again"
        )
    erased = RemovedLeaf.objects.filter(removal__kind=Kind.ERASURE).values("position")
    expected: dict[int, tuple[str, str, bytes]] = {
        position: (entry, entry_id, bytes(value))
        for position, entry, entry_id, value in LogLeaf.objects.filter(
            position__in=RemovedLeaf.objects.filter(removal__archive=name, removal__kind=Kind.RETENTION)
            .exclude(position__in=erased)
            .values("position")
        ).values_list("position", "entry", "entry_id", "leaf_hash")
    }
    for leaf in read_archive(path):
        if expected.pop(leaf.position, None) != (leaf.entry, leaf.entry_id, leaf_hash(leaf.content)):
            return f"its row of leaf {leaf.position} is not what was logged, or does not belong there"
    return f"it lacks the row of leaf {min(expected)}" if expected else ""
