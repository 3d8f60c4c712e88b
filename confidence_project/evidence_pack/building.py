"""Building a pack: read everything at one moment, write it into an archive, seal that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string

from calibration.runs.snapshot import read_snapshot
from confidence_project.evidence_pack.archive import Archive
from confidence_project.evidence_pack.clauses import clauses
from confidence_project.evidence_pack.frame import Asked, Frame
from confidence_project.evidence_pack.parts import log, overrides, sample
from confidence_project.evidence_pack.parts.approvals import approvals
from confidence_project.evidence_pack.parts.incidents import incidents
from confidence_project.evidence_pack.parts.inventory import inventory
from confidence_project.evidence_pack.parts.outcomes import outcomes
from confidence_project.evidence_pack.parts.part import Part, csv_of, moment
from confidence_project.evidence_pack.parts.retention import retention
from confidence_project.evidence_pack.parts.thresholds import thresholds
from confidence_project.evidence_pack.parts.versions import Version, versions_in_force
from confidence_project.foundation.errors import Conflict
from ledger.models import Checkpoint
from ledger.transparency.bundles import files_of
from ledger.transparency.notes import SignerKey
from ledger.transparency.selectors import ProvenEntry, prove_consistency
from ledger.transparency.services import configured_signer
from ledger.transparency.witnessing import configured_witnesses

SCHEMA = "confidence-evidence-pack/1"
VERIFIER = "verify_bundle.py"

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a pack became: how far it reaches, whether it is signed, and how many decisions have no proof."""

    as_of: datetime
    is_signed: bool
    drawn: int
    unproved: int


def build_pack(asked: Asked, file: IO[bytes], progress: Progress = lambda share: None) -> Built:
    """Write the pack that was asked for into `file`, which can seek.

    The same question about the same checkpoint gives the same bytes, as long as the settings of the workspace and the
    release stay the same.
    """
    signer = configured_signer() if settings.CONFIDENCE_LOG_KEY else None
    with Archive(file) as archive:
        with read_snapshot():
            built = _fill(archive, Frame.of(asked), signer, progress)
        archive.seal(signer)
    progress(1.0)
    return built


def _fill(archive: Archive, frame: Frame, signer: SignerKey | None, progress: Progress) -> Built:
    versions = versions_in_force(frame)
    proven = set(_add_proofs_of_versions(archive, frame, versions))
    progress(0.1)
    drawn = sample.draw(frame)
    progress(0.3)
    problems = _add_proofs_of_decisions(archive, frame, drawn.picked, lambda share: progress(0.3 + 0.3 * share))
    around = log.checkpoints_around(frame)
    _add_checkpoints(archive, frame, around)
    parts = [
        *inventory(frame),
        *thresholds(frame, versions),
        approvals(frame, versions, proven),
        *outcomes(frame, versions),
        incidents(frame),
        overrides.reviewers(frame),
        sample.sample(frame, drawn, problems),
        log.checkpoints(frame, around),
        *retention(frame),
        clauses(),
    ]
    progress(0.9)
    for part in parts:
        _add_part(archive, part)
    archive.add("overrides.csv", csv_of(overrides.COLUMNS, overrides.overrides(frame)))
    archive.add(VERIFIER, (Path(settings.BASE_DIR) / "docs" / VERIFIER).read_bytes())
    about = _about(frame, signer, drawn.population)
    archive.add("pack.json", json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    page = {"about": about, "frame": frame, "parts": parts, "signer": signer, "unproved": len(problems)}
    archive.add("index.html", render_to_string("evidence_pack/index.html", page))
    return Built(frame.as_of, signer is not None, len(drawn.picked), len(problems))


def _add_part(archive: Archive, part: Part) -> None:
    archive.add(f"{part.name}.csv", part.as_csv())
    archive.add(f"{part.name}.json", part.as_json())
    for picture in part.pictures:
        archive.add(f"pictures/{picture.name}.svg", picture.light)
        archive.add(f"pictures/{picture.name}-dark.svg", picture.dark)


def _add_proofs_of_versions(archive: Archive, frame: Frame, versions: Sequence[Version]) -> Iterator[str]:
    """Yield the names of the files that it adds."""
    for version in versions:
        if frame.prover is None or version.revision is None:
            continue
        try:
            proven = list(frame.prover.revision(version.revision))
        except Conflict:
            continue  # a row is not what was logged; the step stands without a proof, and the verifier names it
        if proven and proven[0].name == "revision":
            proven += frame.prover.signed_before(proven[0])
        yield from _add(archive, version.folder, proven)


def _add_proofs_of_decisions(
    archive: Archive, frame: Frame, picked: Sequence[UUID], progress: Progress
) -> dict[UUID, str]:
    """Add what there is, and return why there is none for others."""
    problems = {}
    for place, decision_id in enumerate(picked):
        proven, problem = sample.proofs_of(frame, decision_id)
        list(_add(archive, sample.folder_of(decision_id), proven))
        if problem:
            problems[decision_id] = problem
        progress(place / len(picked))
    return problems


def _add(archive: Archive, folder: str, proven: Iterable[ProvenEntry]) -> Iterator[str]:
    for name, content in files_of(proven):
        archive.add(f"{folder}/{name}", content)
        yield f"{folder}/{name}"


def _add_checkpoints(archive: Archive, frame: Frame, around: Sequence[Checkpoint]) -> None:
    for checkpoint in around:
        note, *grew = log.files_of(frame, checkpoint)
        archive.add(note, checkpoint.cosigned_note)
        for name in grew:
            archive.add(name, prove_consistency(checkpoint.tree_size))


def _about(frame: Frame, signer: SignerKey | None, population: int) -> dict[str, Any]:
    asked, checkpoint = frame.asked, frame.checkpoint
    return {
        "schema": SCHEMA,
        "workspace": frame.workspace.slug,
        "workspace_id": frame.workspace.pk,
        "policy_key": frame.key,
        "since": moment(asked.since),
        "until": moment(asked.until),
        "as_of": moment(frame.as_of),
        "seed": asked.seed,
        "selection": sample.RULE,
        "decisions_asked_for": asked.decisions,
        "decisions_in_period": population,
        "signed_by": str(signer.verifier) if signer else None,
        "log_size": checkpoint.tree_size if checkpoint else None,
        "log_root": bytes(checkpoint.root_hash).hex() if checkpoint else None,
        "witnesses": [each.key.name for each in configured_witnesses()],
    }
