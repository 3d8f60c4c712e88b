"""Archives: leaves of the log as Parquet, each row the bytes that a leaf commits to beside its place in the log.

Who reads one needs nothing of ours: SHA-256(0x00 ‖ content) is the leaf at `position`. Columns: `position` (int64, in
order), `entry`, `entry_id`, `decision_id` (the decision that the row is about), `content` (text: the canonical JSON of
docs/ledger.md), `leaf_hash` (32 bytes). Pages carry CRC-32 checksums, and the log holds the SHA-256 of the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from confidence_project.foundation.errors import Conflict, Unavailable
from ledger.transparency.merkle import leaf_hash

SUFFIX, PART = ".parquet", ".part"
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class ArchivedLeaf:
    """A leaf with its bytes."""

    position: int
    entry: str
    entry_id: str
    decision_id: str
    content: bytes


def write_part(path: Path, leaves: Sequence[ArchivedLeaf]) -> str:
    """Write leaves beside `path`, read them back, and return the SHA-256 of the file; `publish` puts it in place.

    Raises
    ------
    Unavailable
        pyarrow is not installed, or the folder cannot be written.
    Conflict
        What was read back is not what was written.
    """
    arrow, parquet = _library()
    columns = {
        "position": arrow.array([each.position for each in leaves], arrow.int64()),
        **{
            name: arrow.array([getattr(each, name) for each in leaves], arrow.string())
            for name in ("entry", "entry_id", "decision_id")
        },
        "content": arrow.array([each.content.decode() for each in leaves], arrow.string()),
        "leaf_hash": arrow.array([leaf_hash(each.content) for each in leaves], arrow.binary(32)),
    }
    part = part_of(path)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            parquet.write_table(arrow.table(columns), file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"The archive cannot be written: {error.strerror}.") from error
    if list(read_archive(part)) != list(leaves):
        raise Conflict("The archive that was read back is not what was written. Nothing was removed.")
    return sha256_of(part)


def publish(path: Path) -> None:
    """Put what `write_part` wrote into place, in one step, and have the disk keep it."""
    os.replace(part_of(path), path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def part_of(path: Path) -> Path:
    """Return where a file is written before it takes its place."""
    return path.with_name(path.name + PART)


def read_archive(path: Path) -> Iterator[ArchivedLeaf]:
    """Yield the leaves of an archive, with their page checksums verified.

    Raises
    ------
    Unavailable
        pyarrow is not installed.
    Conflict
        The file is not there, or not an archive, or broken.
    """
    arrow, parquet = _library()
    names = ["position", "entry", "entry_id", "decision_id", "content"]
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_BATCH, columns=names):
                for row in batch.to_pylist():
                    yield ArchivedLeaf(**{**row, "content": row["content"].encode()})
    except (arrow.ArrowException, OSError, KeyError, TypeError, AttributeError) as error:
        raise Conflict("The file is not there, is not an archive of the ledger, or is broken.") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _library() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise Unavailable(
            "Archives are Parquet, which needs pyarrow: pip install -r requirements-parquet.txt."
        ) from error
