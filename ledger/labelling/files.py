"""Label files at the desk: what waits is taken as a file, and a file of answers is brought in, by a person.

Nothing of a file is kept beyond its answers. Whoever may not administer the workspace takes for themselves, and brings
in answers of their own alone: nobody confirms themselves under another name.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Person, Verb, may, require
from governance.models import Workspace
from ledger.imports.mapping import ImportMapping
from ledger.imports.options import format_for
from ledger.imports.records import Record
from ledger.imports.rejects import RejectsFile
from ledger.imports.source import Source
from ledger.labelling.importing import LabelSummary, import_labels
from ledger.labelling.outgoing import take_queue
from ledger.labelling.tools import WRITERS

MOST_RECORDS = 1_000
"""What one file holds at most, either way: a page waits for it. Commands take any number."""

LARGEST_BYTES = 5 << 20

MOST_NAMED = 100
"""Refusals that are named by line; all of them are in the file of rejects."""


@dataclass(slots=True, kw_only=True)
class Brought:
    """What became of a file of answers.

    Parameters
    ----------
    summary : LabelSummary
        How many records and answers.
    refused : list of (int, str)
        Line and reason of the first `MOST_NAMED`.
    rejects : bytes
        The records that were not kept as they were, with the header; empty for none.
    suffix : str
        Of the file of rejects, `csv` or `jsonl`.
    """

    summary: LabelSummary
    suffix: str
    refused: list[tuple[int, str]] = field(default_factory=list)
    rejects: bytes = b""


def take_label_file(
    *, actor: Person, workspace: Workspace, form: str, days: int, limit: int, policy_key: str = ""
) -> tuple[str, int]:
    """Take what waits for some days, and return it in a form of `WRITERS` with the number of its decisions.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not label; a value is not possible.
    """
    require(Verb.LABEL, actor, workspace)
    if not 1 <= limit <= MOST_RECORDS:
        raise InvalidInput(f"limit: a whole number from 1 to {MOST_RECORDS:,}.")
    rows = take_queue(
        workspace,
        days=days,
        limit=limit,
        policy_key=policy_key,
        given_by=actor.get_username(),
        taken_by=None if may(Verb.OPERATE, actor, workspace) else actor,
    )
    file = io.StringIO(newline="")
    written = WRITERS[form](rows, file)
    return file.getvalue(), written


def bring_label_file(*, actor: Person, workspace: Workspace, name: str, size: int, pieces: IO[bytes]) -> Brought:
    """Record the answers of a file, each once; the same file again changes nothing.

    Raises
    ------
    NotFound, PermissionRefused
        The workspace is not the actor's; the actor may not label.
    InvalidInput
        The file is empty, too large, or not of the format that its name tells. Nothing of it is recorded.
    """
    require(Verb.LABEL, actor, workspace)
    if size > LARGEST_BYTES:
        raise InvalidInput(f"file: at most {LARGEST_BYTES >> 20} MB; bring more in with “manage.py import_labels”.")
    layout = format_for(Path(name), None, ImportMapping(), LARGEST_BYTES)
    with TemporaryDirectory(prefix="confidence-labels-") as folder:
        path = Path(folder) / "answers"
        path.write_bytes(pieces.read())
        if Source(path, name).is_longer_than(LARGEST_BYTES):
            raise InvalidInput(f"file: at most {LARGEST_BYTES >> 20} MB unpacked; see “manage.py import_labels”.")
        if sum(1 for _ in islice(layout.records(Source(path, name)), MOST_RECORDS + 1)) > MOST_RECORDS:
            raise InvalidInput(f"file: at most {MOST_RECORDS:,} records; split it, or use “manage.py import_labels”.")
        refused: list[tuple[int, str]] = []

        def note(record: Record, reason: str) -> None:
            if len(refused) < MOST_NAMED:
                refused.append((record.number, reason))

        with RejectsFile(Path(folder) / "rejects") as rejects:
            summary = import_labels(
                workspace=workspace,
                source=Source(path, name),
                layout=layout,
                rejects=rejects,
                reporter=actor.get_username(),
                only_of=None if may(Verb.OPERATE, actor, workspace) else actor.get_username(),
                on_rejected=note,
                on_progress=lambda: None,
            )
        kept = rejects.path.read_bytes() if rejects.path.exists() else b""
    return Brought(summary=summary, refused=refused, rejects=kept, suffix=layout.rejects)
