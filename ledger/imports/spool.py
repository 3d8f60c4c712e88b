"""Uploaded files and what was rejected of them, in the folder that `CONFIDENCE_IMPORT_FOLDER` names.

They hold the users' own text, so they are readable by the owner of the process only, nothing serves them, and they go
when their import is over.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from confidence_project.foundation.errors import Unavailable

UPLOAD, REJECTS, TABLE = "upload", "rejects", "rejects-table"
"""What is kept under one name: the file as it came, its rejected records verbatim, and these with their reasons."""


def path_of(name: UUID, what: str) -> Path:
    """Return where `UPLOAD`, `REJECTS` or `TABLE` of an import stands, or would stand."""
    folder: Path = settings.CONFIDENCE_IMPORT_FOLDER
    return folder / f"{name.hex}.{what}"


def keep(pieces: Iterable[bytes]) -> tuple[UUID, int]:
    """Keep a file; return its name and its bytes.

    Raises
    ------
    Unavailable
        The folder cannot be written.
    """
    name = uuid.uuid4()
    path = path_of(name, UPLOAD)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            return name, sum(file.write(piece) for piece in pieces)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(f"The file cannot be kept until it is imported: {error.strerror}.") from error


def drop(name: UUID, *what: str) -> None:
    """Remove some of what is kept under a name, without a word about all: what is not there any more is gone."""
    for each in what or (UPLOAD, REJECTS, TABLE):
        path_of(name, each).unlink(missing_ok=True)


def names_older_than(moment: datetime) -> Iterator[UUID]:
    """Yield each name under which something was kept before `moment`."""
    for path in settings.CONFIDENCE_IMPORT_FOLDER.glob("*.*"):
        try:
            name = UUID(hex=path.stem)
            if path.stat().st_mtime < moment.timestamp():
                yield name
        except (ValueError, FileNotFoundError):
            continue
