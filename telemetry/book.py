"""Registry of who keeps the book of what rows of the domains tell: the ledger, which telemetry does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from telemetry.models import HostRecord

BookKeeper = Callable[[Sequence[HostRecord]], None]
"""Called inside the transaction in which rows appear or change, so that row and record are committed together."""

_keepers: list[BookKeeper] = []


def register_book_keeper(keeper: BookKeeper) -> None:
    """Let the app that keeps the book write it; call it from `AppConfig.ready`."""
    _keepers[:] = [keeper]


def keep_book(rows: Sequence[HostRecord]) -> None:
    """Tell the keeper of rows that appeared or changed; call it inside their transaction."""
    for keeper in _keepers:
        if rows:
            keeper(rows)
