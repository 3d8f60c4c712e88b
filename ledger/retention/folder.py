"""The folder of archives: one process at a time removes rows, and what a broken run left there is settled first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confidence_project.foundation.errors import Conflict, Unavailable
from governance.models import Workspace
from ledger.transparency.archives import PART, SUFFIX, publish, sha256_of
from ledger.transparency.removed import archive_on_record


@contextmanager
def kept_alone(folder: Path) -> Iterator[int]:
    """Make the folder where it is missing, and keep other removals out of it. The lock ends with the process.

    Yields
    ------
    int
        Erasures from archives that were broken off after they were on record, and are finished now.

    Raises
    ------
    Unavailable
        The folder cannot be written.
    Conflict
        Another process is at work in it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"The folder of archives cannot be written: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise Conflict("Another process is pruning or erasing with this folder of archives.") from error
    try:
        yield _settle(folder)
    finally:
        os.close(lock)


def _settle(folder: Path) -> int:
    """Finish a rewriting that is on record and did not come to replace its file; drop other unfinished files."""
    finished = 0
    for part in folder.glob(f"*{SUFFIX}{PART}"):
        path = part.with_name(part.name.removesuffix(PART))
        last = archive_on_record(path.name)
        if last is not None and sha256_of(part) == last.archive_sha256:
            publish(path)
            finished += 1
        else:
            part.unlink()
    return finished


def archives_of(folder: Path, workspace: Workspace) -> list[Path]:
    """Return the archives of a workspace, those of a run that was broken off before its rows went among them."""
    return sorted(path for path in folder.glob(f"{workspace.pk}-*{SUFFIX}"))


def archive_name(workspace: Workspace, first_decision_id: str) -> str:
    """Return what the archive that begins with a decision is called: the same again after a broken run."""
    return f"{workspace.pk}-{first_decision_id}{SUFFIX}"
