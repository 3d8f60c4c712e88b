"""Reads of the transparency log: proofs of entries with what belongs to them, and of growth between two sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models

from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound
from confidence_project.foundation.registry import Registry
from governance.models import ConfidencePolicyRevision, ProposalEvent
from ledger.models import Checkpoint, DecisionOutcome, DecisionRecord, LedgerAmendment, LogLeaf, OutcomeVoid
from ledger.transparency.governed import PROPOSAL_EVENTS, PROPOSALS, REVISIONS
from ledger.transparency.kinds import Kind, codec_of
from ledger.transparency.leaves import AMENDMENTS, CHECKPOINTS, DECISIONS, OUTCOMES, VOIDS
from ledger.transparency.merkle import consistency_proof, inclusion_proof, leaf_hash
from ledger.transparency.notes import TreeHead, open_note
from ledger.transparency.proofs import InclusionProof, consistency_text
from ledger.transparency.receipts import cose_receipt
from ledger.transparency.removed import gone, removals_of
from ledger.transparency.sequencing import rows_of
from ledger.transparency.services import configured_signer
from ledger.transparency.tree import StoredTree

EVIDENCE_OF_PROPOSAL: Registry[Callable[[int], tuple[Kind, Sequence[int]]]] = Registry("source of evidence in the log")
"""For a proposal's id, the kind and the keys of entries that its evidence was computed by: a floor above knows them."""


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry as the log hashes it, with its proof. `name` says what it is, e.g. `outcome-1`."""

    name: str
    content: bytes
    proof: InclusionProof


def prove_decision(decision_id: UUID) -> list[ProvenEntry]:
    """Prove a decision, what was recorded about it, and the policy that it was made under; the decision first.

    Raises
    ------
    NotFound
        There is no such decision, or no checkpoint covers it yet.
    Gone
        It was removed: an archive has its bytes, or nothing has.
    Conflict
        A row is not what was logged: no proof fits it.
    """
    prover = Prover()
    decision = DecisionRecord.objects.filter(pk=decision_id).values("workspace_id", "policy_key", "policy_version")
    policy = decision.first()
    if policy is None:
        _refuse_removed(decision_id)
        raise NotFound("There is no decision of this id.")
    proven = prover.decision(decision_id)
    of_the_policy = ConfidencePolicyRevision.objects.filter(
        workspace_id=policy["workspace_id"], policy_key=policy["policy_key"]
    )
    version = policy["policy_version"]
    revision = of_the_policy.filter(version=version).first() if version is not None else None
    return [*proven, *(prover.revision(revision) if revision else []), *prover.signed_before(proven[0])]


def prove_entry(decision_id: UUID) -> ProvenEntry:
    """Prove a decision alone. Raises as `prove_decision`."""
    if not DecisionRecord.objects.filter(pk=decision_id).exists():
        _refuse_removed(decision_id)
        raise NotFound("There is no decision of this id.")
    return Prover().must("decision", DECISIONS, decision_id)


def _refuse_removed(decision_id: UUID) -> None:
    for removal in removals_of([decision_id]).values():
        raise gone(removal)


def receipt_of(decision_id: UUID) -> bytes:
    """Return the COSE receipt of a decision.

    Raises
    ------
    NotFound, Conflict
        As `prove_decision`.
    Unavailable
        No signing key is configured.
    """
    # Where nothing was ever signed, it is that which is to be said, and no key is missing yet.
    proof, signer = prove_entry(decision_id).proof, configured_signer()
    head = TreeHead.parse(open_note(proof.checkpoint, [signer.verifier]))
    return cose_receipt(proof, head, signer, subject=f"urn:uuid:{decision_id}")


def prove_revision(*, workspace_slug: str, policy_key: str, version: int) -> list[ProvenEntry]:
    """Prove a revision of a policy with its proposal, every transition of that, and the runs behind its evidence.

    Raises
    ------
    NotFound
        There is no such revision, or no checkpoint covers it yet.
    Conflict
        A row is not what was logged: no proof fits it.
    """
    revision = ConfidencePolicyRevision.objects.filter(
        workspace__slug=workspace_slug, policy_key=policy_key, version=version
    ).first()
    if revision is None:
        raise NotFound("There is no revision of this policy and version.")
    prover = Prover()
    proven = prover.must("revision", REVISIONS, revision.pk)
    return [proven, *list(prover.revision(revision))[1:], *prover.signed_before(proven)]


class Prover:
    """Proves entries against the last checkpoint; raises `NotFound` where nothing has been signed."""

    def __init__(self) -> None:
        self.checkpoint = last_checkpoint()
        self._tree, self._note = StoredTree(), self.checkpoint.cosigned_note

    def decision(self, decision_id: UUID) -> list[ProvenEntry]:
        """Prove a decision, which comes first, and what was recorded about it."""
        return [
            self.must("decision", DECISIONS, decision_id),
            *self.each(OUTCOMES, DecisionOutcome.objects.filter(decision=decision_id)),
            *self.each(VOIDS, OutcomeVoid.objects.filter(outcome__decision=decision_id)),
            *self.each(AMENDMENTS, LedgerAmendment.objects.filter(decision=decision_id)),
        ]

    def revision(self, revision: ConfidencePolicyRevision) -> Iterator[ProvenEntry]:
        """Prove a revision, its proposal with every transition, and the runs behind the evidence."""
        yield from filter(None, [self.prove("revision", REVISIONS, revision.pk)])
        if revision.proposal_id is None:
            return
        yield from filter(None, [self.prove("proposal", PROPOSALS, revision.proposal_id)])
        yield from self.each(PROPOSAL_EVENTS, ProposalEvent.objects.filter(proposal=revision.proposal_id))
        for source in EVIDENCE_OF_PROPOSAL.all():
            kind, keys = source(revision.proposal_id)
            yield from self.each(kind, kind.model._default_manager.filter(pk__in=keys))

    def must(self, name: str, kind: Kind, key: UUID | int) -> ProvenEntry:
        """Prove what has to be in the log; raise NotFound while no checkpoint covers it."""
        proven = self.prove(name, kind, key)
        if proven is None:
            raise NotFound(f"No checkpoint covers this {name} yet; `manage.py checkpoint_ledger` makes one.")
        return proven

    def each(self, kind: Kind, rows: models.QuerySet[Any]) -> Iterator[ProvenEntry]:
        """Prove the rows that a checkpoint covers, numbered from 1."""
        for number, key in enumerate(rows.order_by("pk").values_list("pk", flat=True), start=1):
            yield from filter(None, [self.prove(f"{kind.entry}-{number}", kind, key)])

    def signed_before(self, proven: ProvenEntry) -> Iterator[ProvenEntry]:
        """Prove what states the size and the time of the last checkpoint that does not hold an entry."""
        before = Checkpoint.objects.filter(tree_size__lte=proven.proof.index).order_by("-tree_size").first()
        if before is not None:
            yield from filter(None, [self.prove("checkpoint", CHECKPOINTS, before.pk)])

    def prove(self, name: str, kind: Kind, key: UUID | int) -> ProvenEntry | None:
        """Prove an entry; None while no checkpoint covers it."""
        entry_id = kind.entry_id_of(key)
        leaf = LogLeaf.objects.filter(entry=kind.entry, entry_id=entry_id).first()
        if leaf is None or leaf.position >= self.checkpoint.tree_size:
            return None
        content = codec_of(kind, connections[DEFAULT_DB_ALIAS].vendor).encode(rows_of(kind, [entry_id])[entry_id])
        if leaf_hash(content) != bytes(leaf.leaf_hash):
            raise Conflict(f"The {name} is not what was logged; `manage.py verify_ledger` says more.")
        path = inclusion_proof(leaf.position, self.checkpoint.tree_size, self._tree.subtree)
        return ProvenEntry(name, content, InclusionProof(leaf.position, tuple(path), self._note))


def prove_consistency(old_size: int) -> str:
    """Return the proof that the last checkpoint extends the log of `old_size` leaves (c2sp.org/tlog-witness).

    Raises
    ------
    InvalidInput
        The log never had that size.
    NotFound
        Nothing has been signed yet.
    """
    checkpoint = last_checkpoint()
    if not 0 < old_size <= checkpoint.tree_size:
        raise InvalidInput(f"Name a size from 1 to {checkpoint.tree_size}, the size of the last checkpoint.")
    path = consistency_proof(old_size, checkpoint.tree_size, StoredTree().subtree)
    return consistency_text(old_size, path, checkpoint.cosigned_note)


def last_checkpoint() -> Checkpoint:
    """Return the checkpoint of the largest size; raise NotFound where nothing has been signed."""
    checkpoint = Checkpoint.objects.order_by("-tree_size").first()
    if checkpoint is None:
        raise NotFound("Nothing has been signed yet; `manage.py checkpoint_ledger` signs the log.")
    return checkpoint
