"""A ZIP archive whose bytes follow from what is put into it, with the hash of each file, signed. No Django inside.

`SHA256SUMS` has the form of coreutils, so `sha256sum -c` checks it. `SHA256SUMS.note` is a signed note (C2SP) over its
hash. Its first line is not the name of a log, so nobody can take it for a checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import IO, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ledger.transparency.notes import SignerKey

SUMS, NOTE = "SHA256SUMS", "SHA256SUMS.note"
SEAL = "confidence-evidence-pack/1"


class Archive:
    """The files go in one after the other, and are hashed on the way; memory does not grow with them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=6)
        self._sums: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    def add(self, name: str, content: bytes | str | Iterable[str]) -> None:
        """Put a file in; text is UTF-8, and an iterable of it is written as it comes."""
        if name in self._sums:
            raise ValueError(f"{name} is in the archive already.")
        pieces = [content] if isinstance(content, bytes | str) else content
        digest = hashlib.sha256()
        with self._zip.open(_without_time(name), "w", force_zip64=True) as file:
            for piece in pieces:
                data = piece.encode() if isinstance(piece, str) else piece
                digest.update(data)
                file.write(data)
        self._sums[name] = digest.hexdigest()

    def seal(self, signer: SignerKey | None) -> None:
        """Write the hashes, and the signature over them if there is a key; nothing goes in afterwards."""
        sums = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        self.add(SUMS, sums)
        if signer is not None:
            self.add(NOTE, signer.sign(f"{SEAL}\n{SUMS} {self._sums[SUMS]}\n"))


def _without_time(name: str) -> ZipInfo:
    info = ZipInfo(name)  # of 1980, whenever it is made
    info.compress_type = ZIP_DEFLATED
    info.create_system, info.external_attr = 3, 0o100644 << 16
    return info
