"""Registry of who keeps the book of what rows of the domains tell: the ledger, which telemetry does not know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from confidence_project.foundation.registry import Registry
from telemetry.models import HostRecord

BookKeeper = Callable[[Sequence[HostRecord]], None]
"""Called inside the transaction in which rows appear or change, so that row and record are committed together."""

BOOK_KEEPER: Registry[BookKeeper] = Registry("keeper of the book")


def keep_book(rows: Sequence[HostRecord]) -> None:
    """Tell the keeper of rows that appeared or changed; call it inside their transaction."""
    keep = BOOK_KEEPER.get()
    if keep and rows:
        keep(rows)
