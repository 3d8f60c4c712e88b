"""Proofs as a folder of files: what an auditor takes away, and `docs/verify_bundle.py` checks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from ledger.transparency.selectors import ProvenEntry


def files_of(proven: Iterable[ProvenEntry]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each entry and of its proof."""
    for entry in proven:
        yield f"{entry.name}.json", entry.content
        yield f"{entry.name}.tlog-proof", str(entry.proof).encode()


def zipped(proven: Sequence[ProvenEntry]) -> bytes:
    """Return the files in a ZIP archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files_of(proven):
            file.writestr(name, content)
    return archive.getvalue()


def add_directory(parser: Any) -> None:
    """Add the option `--directory` to a parser or a group of one."""
    parser.add_argument(
        "--directory", type=Path, metavar="DIR", help="write entry and proof of everything that belongs to it"
    )


def write_bundle(command: BaseCommand, folder: Path, proven: Sequence[ProvenEntry]) -> None:
    """Write the files into `folder`, which is made, and name each proof."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(proven):
        (folder / name).write_bytes(content)
        if name.endswith(".tlog-proof"):
            command.stdout.write(str(folder / name))
