"""Check the ledger against its log, and the log against the checkpoints: every row, every hash, every signature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from confidence_project.foundation.errors import InvalidInput
from ledger.models import Checkpoint, LogLeaf, LogNode
from ledger.transparency.leaves import TABLE_OF, TABLES, Row, Table
from ledger.transparency.merkle import CompactRange, complete_root, leaf_hash
from ledger.transparency.notes import TreeHead, VerifierKey, open_note
from ledger.transparency.sequencing import OVERLAP, PAGE, unlogged_pages
from ledger.transparency.tree import TILE_HEIGHT, TILE_WIDTH

UNREADABLE = (TypeError, ValueError, ArithmeticError)
"""What reading a row raises when somebody wrote values that its columns cannot hold."""

NOTHING = bytes(32)
"""Stands for the hash of a row that cannot be read: no row has it."""


@dataclass(slots=True)
class Report:
    """What a verification found. `problems` empty: ledger, log and checkpoints agree."""

    leaves: int = 0
    checkpoints: int = 0
    not_yet_logged: int = 0
    root: bytes = b""
    problems: list[str] = field(default_factory=list)


def verify_ledger(*, verifiers: Sequence[VerifierKey], kept_notes: Sequence[str] = ()) -> Report:
    """Recompute every leaf from its row, and every root that was ever signed from those leaves.

    Parameters
    ----------
    verifiers
        Keys whose signatures count.
    kept_notes
        Checkpoints that somebody kept elsewhere: the log must extend these too, whatever the database says now.
    """
    report = Report()
    heads = list(_stored_heads(verifiers, report)) + list(_kept_heads(verifiers, kept_notes, report))
    _walk(heads, report)
    _find_unlogged(report)
    return report


def _stored_heads(verifiers: Sequence[VerifierKey], report: Report) -> Iterator[tuple[str, TreeHead]]:
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
        yield name, head


def _kept_heads(
    verifiers: Sequence[VerifierKey], notes: Sequence[str], report: Report
) -> Iterator[tuple[str, TreeHead]]:
    for number, note in enumerate(notes, start=1):
        report.checkpoints += 1
        try:
            head = TreeHead.parse(open_note(note, verifiers))
        except InvalidInput as error:
            report.problems.append(f"kept checkpoint {number}: {error.detail}")
            continue
        yield f"kept checkpoint {number} of size {head.size}", head


def _walk(heads: Sequence[tuple[str, TreeHead]], report: Report) -> None:
    """Rebuild the tree from the rows, leaf by leaf, and compare the root at every size that was signed."""
    signed: dict[int, list[tuple[str, TreeHead]]] = {}
    for name, head in heads:
        signed.setdefault(head.size, []).append((name, head))
    tree, nodes = CompactRange(), _NodeCheck(report)
    _compare(tree, signed, report)
    for recorded, computed in _leaves(report):
        tree.append(computed)
        nodes.add(recorded)
        _compare(tree, signed, report)
    report.leaves, report.root = tree.size, tree.root()
    for late in (name for size, names in signed.items() if size > tree.size for name, _ in names):
        report.problems.append(f"{late}: the log has only {tree.size} leaves")


def _compare(tree: CompactRange, signed: dict[int, list[tuple[str, TreeHead]]], report: Report) -> None:
    for name, head in signed.get(tree.size, ()):
        if head.root != tree.root():
            report.problems.append(f"{name}: the rows do not give the root that was signed")


def _leaves(report: Report) -> Iterator[tuple[bytes, bytes]]:
    """Yield each leaf hash as it is on record and as its row gives it (as recorded, where the row is gone)."""
    expected = 0
    while page := list(LogLeaf.objects.filter(position__gte=expected).order_by("position")[:PAGE]):
        rows = {
            table.entry: _rows(table, [leaf.entry_id for leaf in page if leaf.entry == table.entry]) for table in TABLES
        }
        for leaf in page:
            if leaf.position != expected:
                report.problems.append(f"log: leaves {expected} to {leaf.position - 1} are missing")
            expected = leaf.position + 1
            recorded = bytes(leaf.leaf_hash)
            yield recorded, _recompute(leaf, rows.get(leaf.entry, {}).get(leaf.entry_id), recorded, report)


def _rows(table: Table, entry_ids: Sequence[str]) -> dict[str, Row]:
    """Return the rows by id; one whose columns hold what they cannot hold (SQLite keeps anything) is empty."""
    try:
        return dict(table.rows_by_entry_id(entry_ids))
    except UNREADABLE:
        if len(entry_ids) == 1:
            return {entry_ids[0]: {}}
    return {key: row for entry_id in entry_ids for key, row in _rows(table, [entry_id]).items()}


def _recompute(leaf: LogLeaf, row: Row | None, recorded: bytes, report: Report) -> bytes:
    name = f"{leaf.entry} {leaf.entry_id}"
    if row is None:
        report.problems.append(f"{name}: the row is gone (leaf {leaf.position})")
        return recorded
    try:
        computed = leaf_hash(TABLE_OF[leaf.entry].encode(row))
    except (KeyError, *UNREADABLE):
        computed = NOTHING
    if computed != recorded:
        report.problems.append(f"{name}: the row is not what was logged (leaf {leaf.position})")
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


def _find_unlogged(report: Report) -> None:
    """Count rows outside the log; one that an earlier checkpoint had to cover is a problem."""
    last = Checkpoint.objects.order_by("-tree_size").values_list("created_at", flat=True).first()
    for table in TABLES:
        try:
            for page in unlogged_pages(table, everything=True):
                _judge_unlogged(table, page, last, report)
        except UNREADABLE:
            report.problems.append(f"{table.entry}: a row cannot be read, so rows outside the log were not looked for")


def _judge_unlogged(table: Table, page: Sequence[Row], last: datetime | None, report: Report) -> None:
    for row in page:
        if last is not None and _was_due(row[table.recorded_at], last):
            report.problems.append(f"{table.entry} {table.entry_id(row)}: the row was never logged")
        else:
            report.not_yet_logged += 1


def _was_due(recorded_at: datetime, signed_at: datetime) -> bool:
    return recorded_at < signed_at - OVERLAP
