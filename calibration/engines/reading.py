"""Reading the evidence of a policy key from an engine: one statement, its counts, and what names both."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from django.utils import timezone

from calibration.engines.engine import Engine, Row
from calibration.engines.kinds import opened
from calibration.engines.mapping import parse_engine_mapping
from calibration.engines.problems import WORDS, Problem
from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.counting import FETCH, counts_of_rows
from calibration.evidence.decision_ledger import DecisionLedgerSource
from calibration.evidence.reading import CountedIn, KeyEvidence, by_segment
from calibration.models import EvidenceEngine
from confidence_project.foundation.errors import EvidenceChanged, InvalidInput, WrongState
from governance.models import DeclaredName
from governance.vocabulary import identifier_or_blank, name_or_blank
from governance.workspaces.names import WorkspaceNames
from ledger.models import ConfidenceKind

MOST_GROUPS = 1_000_000
"""Counts that may come back. More are no counts: a column that is unique to decisions was taken for a name."""

_NAMES = {"provider": DeclaredName.Kind.PROVIDER, "model": DeclaredName.Kind.MODEL}
_PROMPT_HASH = re.compile("[0-9a-f]{64}")


def read_from_engine(declared: EvidenceEngine, request: EvidenceRequest) -> KeyEvidence:
    """Count the decisions of a policy key in the engine.

    They are decisions as the ledger has them, so the same ones give the same counts and the same hash.

    Raises
    ------
    Unavailable, InvalidInput
        The engine cannot be read; the mapping does not fit, or decisions do not keep the rules of the ledger.
    Conflict
        The declaration was withdrawn, or the files changed while they were read.
    """
    if declared.ended_at is not None:
        raise WrongState(
            f"The engine {declared.name} was withdrawn. Declare it anew; so is the calendar set that names it."
        )
    mapping = parse_engine_mapping(declared.mapping)
    with opened(declared) as engine:
        before = engine.snapshot
        text = engine.text_for(mapping, request, are_in_one=declared.outcomes in ("", declared.decisions))
        rows = rows_of(engine, text)
        if engine.snapshot != before:
            raise EvidenceChanged("The files of the engine changed while they were read. Run it again.")
    _check(rows)
    _check_names(rows, request)
    width, periods = len(request.segment_by), len(request.period_starts) + 1
    return KeyEvidence(
        policy_key=request.policy_key,
        source=DecisionLedgerSource.name,
        request=request,
        segments=by_segment((counts_of_rows(batch, width, periods) for batch in _batches(rows)), request.segment_by),
        counted_in=CountedIn(
            engine=declared.name,
            declaration=declared.pk,
            kind=declared.kind,
            statement=text,
            statement_sha256=hashlib.sha256(text.encode()).hexdigest(),
            snapshot_sha256=before,
            read_at=timezone.now().isoformat(),
            groups=len(rows),
            counts_sha256=counts_sha256(rows),
        ),
    )


def rows_of(engine: Engine, text: str) -> list[Row]:
    """Run the statement; raise `InvalidInput` where it gives more than `MOST_GROUPS` rows."""
    rows: list[Row] = []
    for batch in engine.rows(text):
        rows += batch
        if len(rows) > MOST_GROUPS:
            raise InvalidInput(
                f"The decisions fall into more than {MOST_GROUPS:,} groups. What they are split by is no name: look "
                "at the mapping."
            )
    return rows


def counts_sha256(rows: Iterable[Row]) -> str:
    """Return the hash of a statement's rows: each as a JSON array without blanks, sorted, with a newline after each."""
    lines = sorted(json.dumps([*row], separators=(",", ":"), ensure_ascii=False, default=int) for row in rows)
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), FETCH):
        yield [row[:-1] for row in rows[start : start + FETCH]]


def _check(rows: Iterable[Row]) -> None:
    """Nothing is left out in silence: what the ledger would not have taken in is told, and nothing is computed."""
    wrong: Counter[Problem] = Counter()
    for *_, decisions, _, _, _, _, _, _, _, problem in rows:
        if problem:
            wrong[Problem(problem)] += decisions
    if wrong:
        said = "; ".join(f"{WORDS[problem]}: {number:,} decisions" for problem, number in sorted(wrong.items()))
        raise InvalidInput(f"What the engine holds breaks the rules of the ledger: {said}. Leave them out in a view.")


def _check_names(rows: Iterable[Row], request: EvidenceRequest) -> None:
    """What comes back beside counts is stored, so it keeps the rules of names: no text gets in as one."""
    declared = WorkspaceNames(request.workspace)
    for place, key in enumerate(request.segment_by):
        refused = [value for value in {row[place] for row in rows} if value and not _is_name(key, value, declared)]
        if refused:
            raise InvalidInput(
                f"The column for {key} holds {len(refused):,} different values that are no names of the ledger: with "
                "white space, too long, or not declared in the workspace."
            )


def _is_name(key: str, value: str, declared: WorkspaceNames) -> bool:
    if key in _NAMES:
        return name_or_blank(_NAMES[key], value, declared) != ""
    if key == "confidence_kind":
        return value in ConfidenceKind.values
    if key == "prompt_hash":
        return _PROMPT_HASH.fullmatch(value) is not None
    return identifier_or_blank(value) != ""
