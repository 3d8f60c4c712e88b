"""Check the ledger against its log, and the log against the checkpoints: every row, every hash, every signature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from heapq import merge
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from confidence_project.foundation.errors import InvalidInput
from ledger.models import Checkpoint, LogLeaf, LogNode
from ledger.transparency.anchors import Anchors
from ledger.transparency.crosschecks import disagreements
from ledger.transparency.encoding import UNREADABLE
from ledger.transparency.kinds import KINDS, Row, codec_of
from ledger.transparency.leaves import CHECKPOINTS
from ledger.transparency.merkle import CompactRange, complete_root, leaf_hash
from ledger.transparency.notes import TreeHead, VerifierKey, open_note
from ledger.transparency.removed import RemovedLeaves, check_archives
from ledger.transparency.sequencing import PAGE, rows_of, unlogged_keys
from ledger.transparency.tree import TILE_HEIGHT, TILE_WIDTH
from ledger.transparency.witnesses import WitnessPolicy

CLOCK_TOLERANCE = timedelta(minutes=15)
"""How much earlier than a checkpoint that does not hold it a row may say that it was written: longer than any
transaction and any difference of clocks should be."""

NOTHING = bytes(32)
"""Stands for the hash of a row that cannot be read: no row has it."""


Head = tuple[str, TreeHead]
"""What a checkpoint is called in sentences, and what it states."""


@dataclass(slots=True)
class Report:
    """What a verification found. `problems` empty: ledger, log and checkpoints agree."""

    leaves: int = 0
    checkpoints: int = 0
    not_yet_logged: int = 0
    removed: int = 0
    archives: int = 0
    root: bytes = b""
    problems: list[str] = field(default_factory=list)


def verify_ledger(
    *,
    verifiers: Sequence[VerifierKey],
    kept_notes: Sequence[str] = (),
    clock_tolerance: timedelta = CLOCK_TOLERANCE,
    witnesses: WitnessPolicy | None = None,
    archives: Path | None = None,
) -> Report:
    """Recompute every leaf from its row, and every root that was ever signed from those leaves.

    Parameters
    ----------
    verifiers
        Keys whose signatures count.
    kept_notes
        Checkpoints that somebody kept elsewhere: the log must extend these too, whatever the database says now.
    clock_tolerance
        How much earlier than a checkpoint that does not hold it a row may say that it was written.
    witnesses
        Whose cosignatures count, and how many the last checkpoint and each kept one must have.
    archives
        Folder of the archives that removed rows were moved into, to be checked as well; None: they are not looked at.
    """
    report = Report()
    stored, kept = _stored_heads(verifiers, report), list(_kept_heads(verifiers, kept_notes, report))
    if witnesses is not None:
        _check_witnesses(witnesses, kept_notes, report)
    anchors = Anchors(clock_tolerance)
    _walk(_Signed(stored, kept), anchors, report)
    _find_unlogged(anchors, report)
    report.problems += disagreements()
    for name, problem in check_archives(archives) if archives is not None else ():
        report.archives += 1
        report.problems += [f"archive {name}: {problem}"] if problem else []
    return report


def _stored_heads(verifiers: Sequence[VerifierKey], report: Report) -> Iterator[Head]:
    for checkpoint in Checkpoint.objects.order_by("tree_size").iterator(PAGE):
        report.checkpoints += 1
        name = f"checkpoint of size {checkpoint.tree_size}"
        try:
            head = TreeHead.parse(open_note(checkpoint.note, verifiers))
        except InvalidInput as error:
            report.problems.append(f"{name}: {error.detail}")
            continue
        if (head.size, head.root) != (checkpoint.tree_size, bytes(checkpoint.root_hash)):
            report.problems.append(f"{name}: its columns do not say what its signed note says")
        else:
            yield name, head


def _kept_heads(verifiers: Sequence[VerifierKey], notes: Sequence[str], report: Report) -> Iterator[Head]:
    for number, note in enumerate(notes, start=1):
        report.checkpoints += 1
        try:
            head = TreeHead.parse(open_note(note, verifiers))
        except InvalidInput as error:
            report.problems.append(f"kept checkpoint {number}: {error.detail}")
            continue
        yield f"kept checkpoint {number} of size {head.size}", head


def _check_witnesses(policy: WitnessPolicy, kept_notes: Sequence[str], report: Report) -> None:
    valid = WitnessPolicy(policy.keys)
    for each in Checkpoint.objects.exclude(cosignatures=None).order_by("tree_size").distinct().iterator(PAGE):
        _check_cosigned(f"checkpoint of size {each.tree_size}", each.cosigned_note, valid, report)
    last = Checkpoint.objects.order_by("-tree_size").first()
    notes = [(f"checkpoint of size {last.tree_size}", last.cosigned_note)] if last is not None else []
    notes += [(f"kept checkpoint {number}", note) for number, note in enumerate(kept_notes, start=1)]
    for name, note in notes:
        _check_cosigned(name, note, policy, report)


def _check_cosigned(name: str, note: str, policy: WitnessPolicy, report: Report) -> None:
    try:
        missing = policy.missing(note)
    except InvalidInput as error:
        missing = error.detail
    if missing and (problem := f"{name}: {missing}") not in report.problems:
        report.problems.append(problem)


class _Signed:
    """What was signed, by size, as the tree grows to it: one after the other, for there is a checkpoint a minute."""

    def __init__(self, stored: Iterator[Head], kept: Sequence[Head]) -> None:
        self._coming = merge(stored, sorted(kept, key=_size), key=_size)
        self._next = next(self._coming, None)

    def up_to(self, size: int) -> Iterator[Head]:
        """Yield what was signed at this size or a smaller one, and was not asked for yet."""
        while self._next is not None and _size(self._next) <= size:
            yield self._next
            self._next = next(self._coming, None)

    def rest(self) -> Iterator[Head]:
        """Yield what was signed at larger sizes."""
        return self.up_to(1 << 63)


def _size(head: Head) -> int:
    return head[1].size


def _walk(signed: _Signed, anchors: Anchors, report: Report) -> None:
    """Rebuild the tree from the rows, leaf by leaf, and compare the root at every size that was signed."""
    tree, nodes = CompactRange(), _NodeCheck(report)
    _compare(tree, signed, report)
    for recorded, computed in _leaves(anchors, report):
        tree.append(computed)
        nodes.add(recorded)
        _compare(tree, signed, report)
    report.leaves, report.root = tree.size, tree.root()
    for name, _ in signed.rest():
        report.problems.append(f"{name}: the log has only {tree.size} leaves")


def _compare(tree: CompactRange, signed: _Signed, report: Report) -> None:
    for name, head in signed.up_to(tree.size):
        if head.root != tree.root():
            report.problems.append(f"{name}: the rows do not give the root that was signed")


Leaf = tuple[int, str, str, bytes]
"""Position, kind, id and hash, as they are on record."""


def _leaves(anchors: Anchors, report: Report) -> Iterator[tuple[bytes, bytes]]:
    """Yield each leaf hash as it is on record and as its row gives it (as recorded, where the row is gone)."""
    expected, removed = 0, RemovedLeaves()
    while page := _page(expected):
        gone = removed.within([(position, recorded) for position, _, _, recorded in page])
        ids: dict[str, list[str]] = {}
        for _, entry, entry_id, _ in page:
            ids.setdefault(entry, []).append(entry_id)
        rows = {entry: rows_of(KINDS.things[entry], found) for entry, found in ids.items() if entry in KINDS.things}
        for position, entry, entry_id, recorded in page:
            if position != expected:
                report.problems.append(f"log: leaves {expected} to {position - 1} are missing")
            expected = position + 1
            row = rows.get(entry, {}).get(entry_id)
            if position in gone and row is None:
                report.removed += 1
                yield recorded, recorded
                continue
            if position in gone:
                report.problems.append(f"{entry} {entry_id}: the row was removed, and is there (leaf {position})")
            yield recorded, _recompute((position, entry, entry_id, recorded), row, anchors, report)
    report.problems += removed.problems()


def _page(start: int) -> list[Leaf]:
    leaves = LogLeaf.objects.filter(position__gte=start).order_by("position")
    rows = leaves.values_list("position", "entry", "entry_id", "leaf_hash")[:PAGE]
    return [(position, entry, entry_id, bytes(value)) for position, entry, entry_id, value in rows]


def _recompute(leaf: Leaf, row: Row | None, anchors: Anchors, report: Report) -> bytes:
    position, entry, entry_id, recorded = leaf
    if row is None:
        known = "the row is gone" if entry in KINDS.things else "this release knows no such kind"
        report.problems.append(f"{entry} {entry_id}: {known} (leaf {position})")
        return recorded
    codec = codec_of(KINDS.things[entry], connections[DEFAULT_DB_ALIAS].vendor)
    try:
        computed, said = leaf_hash(codec.encode(row)), codec.recorded_at(row)
    except UNREADABLE:
        computed, said = NOTHING, ""
    if computed != recorded:
        report.problems.append(f"{entry} {entry_id}: the row is not what was logged (leaf {position})")
    if said and (signed := anchors.before(position)) and said < signed.bound:
        report.problems.append(
            f"{entry} {entry_id}: it says that it was written at {said}, and the checkpoint of size {signed.size}, "
            f"which holds what was there by {signed.at}, does not hold it (leaf {position})"
        )
    return computed


class _NodeCheck:
    """Folds the leaf hashes on record into the nodes that are kept, and compares those on record with them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._open_tiles: list[list[bytes]] = []
        self._complete: list[int] = []

    def add(self, value: bytes, tier: int = 0) -> None:
        """Take the next hash of a tier, from the left."""
        if tier == len(self._open_tiles):
            self._open_tiles.append([])
            self._complete.append(0)
        self._open_tiles[tier].append(value)
        if len(self._open_tiles[tier]) < TILE_WIDTH:
            return
        computed, index, level = complete_root(self._open_tiles[tier]), self._complete[tier], (tier + 1) * TILE_HEIGHT
        stored = LogNode.objects.filter(level=level, index=index).values_list("node_hash", flat=True).first()
        if stored is None or bytes(stored) != computed:
            self._report.problems.append(f"log: node {index} of level {level} does not fit the leaves")
        self._open_tiles[tier], self._complete[tier] = [], index + 1
        self.add(computed, tier + 1)


def _find_unlogged(anchors: Anchors, report: Report) -> None:
    """Count rows outside the log; one that the last checkpoint had to cover is a problem."""
    last = anchors.last()
    for kind in KINDS.things.values():
        if kind == CHECKPOINTS:
            continue
        try:
            for entry_id, said in unlogged_keys(kind):
                if last is not None and said and said < last.bound:
                    report.problems.append(f"{kind.entry} {entry_id}: the row was never logged")
                else:
                    report.not_yet_logged += 1
        except UNREADABLE:
            report.problems.append(f"{kind.entry}: a row cannot be read, so rows outside the log were not looked for")
