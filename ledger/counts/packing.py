"""Counts as bytes: sorted integers as differences, then what stands beside each, deflated.

A value stands for a confidence and, under a policy with a risk threshold, a risk: see `counting`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
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
        return _packed(self.values, self.decisions, self.labelled, self.successes)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return what was packed; raise `Corrupt` where this is nothing that was."""
        return cls(*_unpacked(packed))


@dataclass(frozen=True, slots=True, eq=False)
class InCases:
    """Decisions in cases, one by one, since only the earliest of a case counts in a window.

    Parameters
    ----------
    places : ndarray of int64, shape (k,)
        Ascending places among the decisions in cases of the day, by time and id.
    cases : ndarray of int64, shape (k,)
        The first 63 bits of the SHA-256 of the case key: two of ten million cases share them with a chance of five in
        a million.
    values, labels : ndarray of int64, shape (k,)
        As in `Counts.of`.
    """

    places: Integers
    cases: Integers
    values: Integers
    labels: Integers

    def pack(self) -> bytes:
        """Return the decisions as bytes: the same decisions, the same bytes."""
        return _packed(self.places, self.cases, self.values, self.labels)

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return what was packed; raise `Corrupt` where this is nothing that was."""
        return cls(*_unpacked(packed))


def _packed(ascending: Integers, *beside: Integers) -> bytes:
    columns = [np.diff(ascending, prepend=0), *beside]
    widths = [next(w for w in _WIDTHS if int(column.max(initial=0)) < 1 << 8 * w) for column in columns]
    body = b"".join(column.astype(f"<u{width}").tobytes() for column, width in zip(columns, widths, strict=True))
    return _HEAD.pack(ascending.size, *widths) + zlib.compress(body, LEVEL)


def _unpacked(packed: bytes) -> Sequence[Integers]:
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
    return [columns[0].cumsum(), *columns[1:]]
