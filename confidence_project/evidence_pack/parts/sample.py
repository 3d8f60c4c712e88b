"""Decisions that the auditor's seed picks, so that nobody here chose them, each with its proofs."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_digest, as_time, moment
from confidence_project.foundation.errors import Conflict, NotFound
from ledger.models import DecisionRecord
from ledger.selectors import ruling_success
from ledger.transparency.selectors import ProvenEntry

PAGE = 10_000

RULE = (
    "Of every decision recorded under the policy in the period, the SHA-256 of the text “seed:decision_id” is taken "
    "(the id in lower case, with dashes). Picked are those with the smallest hashes, in the order of these."
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The picked ids, in order, of how many decisions."""

    picked: list[UUID]
    population: int


def rank_of(seed: str, decision_id: UUID) -> str:
    """Return the hash by which a decision is picked."""
    return hashlib.sha256(f"{seed}:{decision_id}".encode()).hexdigest()


def draw(frame: Frame) -> Drawn:
    """Look at every id of the period, a page at a time, and keep as many as were asked for."""
    population = 0

    def ranked() -> Iterator[tuple[str, UUID]]:
        nonlocal population
        ids = frame.decisions().order_by("decision_id").values_list("decision_id", flat=True)
        page = list(ids[:PAGE])
        while page:
            population += len(page)
            yield from ((rank_of(frame.asked.seed, each), each) for each in page)
            page = list(ids.filter(decision_id__gt=page[-1])[:PAGE])

    smallest = heapq.nsmallest(frame.asked.decisions, ranked())
    return Drawn([decision_id for _, decision_id in smallest], population)


def folder_of(decision_id: UUID) -> str:
    """Where the proofs of a decision are."""
    return f"proofs/decision-{decision_id}"


def proofs_of(frame: Frame, decision_id: UUID) -> tuple[list[ProvenEntry], str]:
    """Return the proofs of a decision, or none and why."""
    if frame.prover is None:
        return [], "Nothing has been signed yet."
    try:
        proven = frame.prover.decision(decision_id)
        return [*proven, *frame.prover.signed_before(proven[0])], ""
    except (NotFound, Conflict) as error:
        return [], error.detail


def sample(frame: Frame, drawn: Drawn, problems: dict[UUID, str]) -> Part:
    """Return the picked decisions. `problems`: why one has no proof."""
    found = DecisionRecord.objects.annotate(succeeded=ruling_success(frame.as_of)).in_bulk(drawn.picked)
    rows = [_row(frame, place, found[each], problems) for place, each in enumerate(drawn.picked, start=1)]
    unproved = f" {len(problems)} of them have no proof; the table says why." if problems else ""
    return Part(
        name="sample",
        title="Decisions picked by the auditor's seed",
        says=[
            RULE,
            f"Seed: {frame.asked.seed}. Picked: {len(rows):,} of {drawn.population:,} decisions.{unproved}",
        ],
        columns=[
            Column("place", "Place", kind="number"),
            Column("rank", "Hash", as_digest, "tight"),
            Column("decision_id", "Decision", kind="tight"),
            Column("recorded_at", "Recorded (UTC)", as_time, "tight"),
            Column("model", "Model"),
            Column("confidence", "Confidence", kind="number"),
            Column("policy_version", "Version", kind="number"),
            Column("verdict", "Verdict"),
            Column("gate_reason", "Reason"),
            Column("succeeded", "Success"),
            Column("proof", "Proof", kind="files"),
            Column("problem", "No proof, because"),
        ],
        rows=rows,
    )


def _row(frame: Frame, place: int, decision: DecisionRecord, problems: dict[UUID, str]) -> Row:
    problem = problems.get(decision.pk, "")
    return {
        "place": place,
        "rank": rank_of(frame.asked.seed, decision.pk),
        "decision_id": str(decision.pk),
        "recorded_at": moment(decision.timestamp),
        "model": decision.model,
        "confidence": None if decision.llm_confidence is None else float(decision.llm_confidence),
        "policy_version": decision.policy_version,
        "verdict": decision.gate_verdict,
        "gate_reason": decision.gate_reason,
        "succeeded": decision.succeeded,  # type: ignore[attr-defined]  # annotated
        "proof": [] if problem else [f"{folder_of(decision.pk)}/decision.json"],
        "problem": problem,
    }
