"""What the checkpoints say about time: which rows were there when each was signed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Self

from ledger.models import Checkpoint

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint of `size` leaves holds every row that was committed `at`; who says a time below `bound` lies."""

    size: int
    at: str
    bound: str


class Anchors:
    """Checkpoints by size. Times are the columns of their rows, which are leaves of the log themselves."""

    def __init__(self, checkpoints: Sequence[tuple[int, datetime]], tolerance: timedelta) -> None:
        found = (_anchor(size, at, tolerance) for size, at in sorted(checkpoints))
        # Of those up to a size, the one that holds the latest time.
        self._anchors: list[Anchor] = list(accumulate(found, _later))
        self._sizes = sorted(size for size, _ in checkpoints)

    @classmethod
    def of_the_database(cls, tolerance: timedelta) -> Self:
        """Read the checkpoints; those of earlier releases hold what was there somewhat before they were signed."""
        rows = Checkpoint.objects.values_list("tree_size", "swept_at", "created_at")
        return cls([(size, swept_at or created_at) for size, swept_at, created_at in rows], tolerance)

    @property
    def last(self) -> Anchor | None:
        return self._anchors[-1] if self._anchors else None

    def before(self, position: int) -> Anchor | None:
        """Return what was signed before the leaf at `position` was appended; None where nothing was."""
        number = bisect_right(self._sizes, position)
        return self._anchors[number - 1] if number else None


def _anchor(size: int, at: datetime, tolerance: timedelta) -> Anchor:
    return Anchor(size, _text(at), _text(at - tolerance))


def _later(first: Anchor, second: Anchor) -> Anchor:
    return max(first, second, key=lambda each: each.at)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_FORM)
