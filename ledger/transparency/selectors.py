"""Reads of the transparency log: proofs of single entries, and of growth between two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound
from ledger.models import Checkpoint, LogLeaf
from ledger.transparency.leaves import AMENDMENTS, DECISIONS, OUTCOMES, Row, Table
from ledger.transparency.merkle import consistency_proof, inclusion_proof, leaf_hash
from ledger.transparency.proofs import InclusionProof, consistency_text
from ledger.transparency.tree import StoredTree


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry as the log hashes it, with its proof. `name` says what it is, e.g. `outcome-1`."""

    name: str
    content: bytes
    proof: InclusionProof


def prove_decision(decision_id: UUID) -> list[ProvenEntry]:
    """Prove a decision and everything that was recorded about it, the decision first.

    Raises
    ------
    NotFound
        There is no such decision, or no checkpoint covers it yet.
    Conflict
        A row is not what was logged: no proof fits it.
    """
    checkpoint = _last_checkpoint()
    return list(_prove(decision_id, checkpoint, StoredTree()))


def _prove(decision_id: UUID, checkpoint: Checkpoint, tree: StoredTree) -> Iterator[ProvenEntry]:
    decision = DECISIONS.rows().filter(decision_id=decision_id).first()
    if decision is None:
        raise NotFound("There is no decision of this id.")
    proven = _prove_row("decision", DECISIONS, decision, checkpoint, tree)
    if proven is None:
        raise NotFound("No checkpoint covers this decision yet; `manage.py checkpoint_ledger` makes one.")
    yield proven
    for table in (OUTCOMES, AMENDMENTS):
        for number, row in enumerate(table.rows().filter(decision_id=decision_id), start=1):
            proven = _prove_row(f"{table.entry}-{number}", table, row, checkpoint, tree)
            if proven is not None:
                yield proven


def _prove_row(name: str, table: Table, row: Row, checkpoint: Checkpoint, tree: StoredTree) -> ProvenEntry | None:
    leaf = LogLeaf.objects.filter(entry=table.entry, entry_id=table.entry_id(row)).first()
    if leaf is None or leaf.position >= checkpoint.tree_size:
        return None
    content = table.encode(row)
    if leaf_hash(content) != bytes(leaf.leaf_hash):
        raise Conflict(f"The {table.entry} is not what was logged; `manage.py verify_ledger` says more.")
    path = inclusion_proof(leaf.position, checkpoint.tree_size, tree.subtree)
    return ProvenEntry(name, content, InclusionProof(leaf.position, tuple(path), checkpoint.note))


def prove_consistency(old_size: int) -> str:
    """Return the proof that the last checkpoint extends the log of `old_size` leaves (c2sp.org/tlog-witness).

    Raises
    ------
    InvalidInput
        The log never had that size.
    NotFound
        Nothing has been signed yet.
    """
    checkpoint = _last_checkpoint()
    if not 0 < old_size <= checkpoint.tree_size:
        raise InvalidInput(f"Name a size from 1 to {checkpoint.tree_size}, the size of the last checkpoint.")
    path = consistency_proof(old_size, checkpoint.tree_size, StoredTree().subtree)
    return consistency_text(old_size, path, checkpoint.note)


def _last_checkpoint() -> Checkpoint:
    checkpoint = Checkpoint.objects.order_by("-tree_size").first()
    if checkpoint is None:
        raise NotFound("Nothing has been signed yet; `manage.py checkpoint_ledger` signs the log.")
    return checkpoint
