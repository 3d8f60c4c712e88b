"""What the checkpoints say about time: which rows were there when each was signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.models import Checkpoint

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint of `size` leaves holds every row that was committed `at`; who says a time below `bound` lies."""

    size: int
    at: str
    bound: str


class Anchors:
    """Checkpoints by size, read along with the leaves. Their times are columns of rows that are leaves themselves."""

    def __init__(self, tolerance: timedelta) -> None:
        self._tolerance = tolerance
        rows = Checkpoint.objects.order_by("tree_size").values_list("tree_size", "swept_at", "created_at")
        self._coming = iter(rows.iterator(1000))
        self._next = next(self._coming, None)
        self._latest: Anchor | None = None

    def before(self, position: int) -> Anchor | None:
        """Return what was signed before the leaf at `position`, which is asked for in order, was appended."""
        while self._next is not None and self._next[0] <= position:
            # Of those up to a size, the one that holds the latest time. Earlier releases said when they had signed.
            size, swept_at, created_at = self._next
            found = _anchor(size, swept_at or created_at, self._tolerance)
            if self._latest is None or found.at > self._latest.at:
                self._latest = found
            self._next = next(self._coming, None)
        return self._latest

    def last(self) -> Anchor | None:
        """Return the latest time that any checkpoint holds; None where nothing was signed."""
        return self.before(1 << 63)


def _anchor(size: int, at: datetime, tolerance: timedelta) -> Anchor:
    return Anchor(size, _text(at), _text(at - tolerance))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_FORM)
