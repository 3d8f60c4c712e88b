"""Proof files: c2sp.org/tlog-proof@v1, and the consistency request of c2sp.org/tlog-witness. No Django inside."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from confidence_project.foundation.errors import InvalidInput
from ledger.transparency.merkle import leaf_hash, verify_inclusion
from ledger.transparency.notes import TreeHead, VerifierKey, decode_base64, open_note

_HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA = re.compile(r"extra (?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A proof that an entry stands in the log: its index, the path to the root, and the signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        return f"{_HEADER}\nindex {self.index}\n{_base64_lines(self.path)}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a proof file; extra data, which nothing vouches for, is skipped.

        Raises
        ------
        InvalidInput
            The text is not a proof file.
        """
        head, separator, checkpoint = text.partition("\n\n")
        header, *lines = head.split("\n")
        if lines and _EXTRA.fullmatch(lines[0]):
            del lines[0]
        index = _INDEX.fullmatch(lines[0]) if lines else None
        if header != _HEADER or not separator or index is None:
            raise InvalidInput(f"This is not a proof file of the form {_HEADER}.")
        return cls(int(index[1]), tuple(decode_base64(line, 32) for line in lines[1:]), checkpoint)

    def verify(self, entry: bytes, verifiers: Sequence[VerifierKey]) -> TreeHead:
        """Return the checkpoint's tree head if `entry` is proved to be in that tree.

        Raises
        ------
        InvalidInput
            The checkpoint is not signed by a known key, or the path does not lead from the entry to its root.
        """
        head = TreeHead.parse(open_note(self.checkpoint, verifiers))
        leaf = leaf_hash(entry)
        if not verify_inclusion(index=self.index, size=head.size, leaf=leaf, path=self.path, root=head.root):
            raise InvalidInput("The proof does not lead from this entry to the root of the checkpoint.")
        return head


def consistency_text(old_size: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return `old <size>`, the hashes, a blank line and the checkpoint, as witnesses take them."""
    return f"old {old_size}\n{_base64_lines(path)}\n{checkpoint}"


def _base64_lines(hashes: Sequence[bytes]) -> str:
    return "".join(f"{base64.b64encode(value).decode()}\n" for value in hashes)
