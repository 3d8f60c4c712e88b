"""Writes of the transparency log: sequence what is committed, and sign what is sequenced."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import Conflict, Unavailable
from ledger.models import Checkpoint, LogLeaf
from ledger.transparency.leaves import TABLES, Row, Table
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.notes import SignerKey, TreeHead
from ledger.transparency.sequencing import unlogged_pages
from ledger.transparency.tree import StoredTree, log_size, store_nodes


def append_leaves(*, everything: bool = False) -> int:
    """Append every committed row that is not in the log yet, and return how many were.

    Work is committed page by page, so a break loses nothing: the next call goes on. There is one writer at a time,
    because a position can be taken once.

    Parameters
    ----------
    everything
        Look through whole tables, for rows that were hidden longer than the usual overlap.

    Raises
    ------
    Conflict
        Another process appended at the same moment; what this call had appended before stays.
    """
    appended = 0
    for table in TABLES:
        for page in unlogged_pages(table, everything=everything):
            appended += len(page)
            _append(table, page)
    return appended


def _append(table: Table, page: Sequence[Row]) -> None:
    if not page:
        return
    try:
        with transaction.atomic():
            size = log_size()
            insert_rows(
                [
                    LogLeaf(
                        position=position,
                        entry=table.entry,
                        entry_id=table.entry_id(row),
                        leaf_hash=leaf_hash(table.encode(row)),
                    )
                    for position, row in enumerate(page, start=size)
                ]
            )
            store_nodes(size, size + len(page))
    except IntegrityError as error:
        raise Conflict("Another process is appending to the log; run this again when it has ended.") from error


def sign_checkpoint() -> Checkpoint:
    """Sign the log as it stands and return the checkpoint; the last one again when nothing was appended since.

    Raises
    ------
    Unavailable
        No signing key is configured.
    Conflict
        The log no longer holds what the last checkpoint states, and signing would vouch for that.
    """
    signer = configured_signer()
    try:
        with transaction.atomic():
            return _sign(signer)
    except IntegrityError as error:
        raise Conflict("Another process has just signed this size of the log; run this again.") from error


def _sign(signer: SignerKey) -> Checkpoint:
    size, tree = log_size(), StoredTree()
    last = Checkpoint.objects.order_by("-tree_size").first()
    if last is not None and (last.tree_size > size or tree.root(last.tree_size) != bytes(last.root_hash)):
        raise Conflict("The log does not extend its last checkpoint; `manage.py verify_ledger` says where it differs.")
    if last is not None and last.tree_size == size:
        return last
    head = TreeHead(signer.name, size, tree.root(size))
    return Checkpoint.objects.create(
        tree_size=size, root_hash=head.root, note=signer.sign(head.text), created_at=timezone.now()
    )


def configured_signer() -> SignerKey:
    """Return the signing key of `CONFIDENCE_LOG_KEY`; raise `Unavailable` when there is none."""
    if not settings.CONFIDENCE_LOG_KEY:
        raise Unavailable("Set CONFIDENCE_LOG_KEY; `manage.py generate_log_key NAME` makes a key.")
    return SignerKey.parse(settings.CONFIDENCE_LOG_KEY)
