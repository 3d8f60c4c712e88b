"""Rows of the domains from before the ledger held them are taken over once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef

from confidence_project.foundation.submissions import commit_with_retry
from governance.models import Workspace
from ledger.domains.book import DOMAINS, keep_book
from ledger.domains.domain import Domain
from ledger.models import DomainDecision

CHUNK = 500
"""Rows a transaction."""


def rows_to_take_over(workspace: Workspace) -> int:
    """Return how many rows of the domains a takeover looks at."""
    return sum(domain.model._default_manager.in_workspace(workspace).count() for domain in DOMAINS)


def take_over_records(*, workspace: Workspace, on_progress: Callable[[int], object] = lambda rows: None) -> int:
    """Record what rows of the domains tell, and bring their labels in line; return how many decisions are new.

    A chunk of rows is a transaction, and a row whose record and label are there is left as it is: it may be broken off
    and run again, also while new rows come in. The record's `timestamp` is that of the takeover, `occurred_at` the
    row's.

    Parameters
    ----------
    on_progress
        Called after each chunk with the number of its rows.

    Raises
    ------
    RuntimeError
        When called inside a transaction: it commits chunk by chunk.
    """
    new = 0
    for domain in DOMAINS:
        for rows in _chunks(workspace, domain):
            new += commit_with_retry(partial(_take_over, domain, rows))
            on_progress(len(rows))
    return new


def _chunks(workspace: Workspace, domain: Domain[Any]) -> Iterator[list[Any]]:
    after = 0
    while True:
        rows = domain.model._default_manager.in_workspace(workspace).filter(pk__gt=after).order_by("pk")[:CHUNK]
        chunk = list(rows)
        if not chunk:
            return
        yield chunk
        after = chunk[-1].pk


def _take_over(domain: Domain[Any], rows: list[Any]) -> int:
    linked = DomainDecision.objects.filter(**{domain.link: OuterRef("pk")})
    unlinked = domain.model._default_manager.filter(~Exists(linked), pk__in=[row.pk for row in rows])
    new = sum(domain.is_decision(row) for row in unlinked)
    keep_book(rows)
    return new
