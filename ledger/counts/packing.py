"""Counts by confidence as bytes: what occurs, how far each lies from the one before, and how often it occurs.

A value stands for a confidence and, under a policy with a risk threshold, a risk: see `code_of` in `counting`.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_HEAD = struct.Struct("<IBBBB")
_WIDTHS = (1, 2, 4, 8)
LEVEL = 6


class Corrupt(ValueError):
    """Bytes that were not packed here, or were changed since."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What occurs in ascending order, and how many decisions, labelled ones and successes each stands for."""

    values: Integers
    decisions: Integers
    labelled: Integers
    successes: Integers

    @classmethod
    def of(cls, values: Integers, labels: Integers) -> Self:
        """Count decisions; labels are 0 for none, 1 for a failure, 2 for a success."""
        found, place = np.unique(values, return_inverse=True)
        size = found.size
        decisions, labelled, successes = (
            np.bincount(place[chosen], minlength=size) for chosen in (labels >= 0, labels > 0, labels > 1)
        )
        return cls(found, decisions, labelled, successes)

    def pack(self) -> bytes:
        """Return the counts as bytes: the same counts, the same bytes."""
        columns = [np.diff(self.values, prepend=0), self.decisions, self.labelled, self.successes]
        widths = [next(w for w in _WIDTHS if column.max(initial=0) < 1 << 8 * w) for column in columns]
        body = b"".join(column.astype(f"<u{width}").tobytes() for column, width in zip(columns, widths, strict=True))
        return _HEAD.pack(self.values.size, *widths) + zlib.compress(body, LEVEL)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return what was packed; raise `Corrupt` where this is nothing that was."""
        try:
            size, *widths = _HEAD.unpack_from(packed)
            body = zlib.decompress(packed[_HEAD.size :])
        except (struct.error, zlib.error) as error:
            raise Corrupt("These are no packed counts.") from error
        if not set(widths) <= set(_WIDTHS) or len(body) != size * sum(widths):
            raise Corrupt("These are no packed counts.")
        columns, start = [], 0
        for width in widths:
            columns.append(np.frombuffer(body, f"<u{width}", size, start).astype(np.int64))
            start += size * width
        return cls(columns[0].cumsum(), *columns[1:])
