"""Writes of the transparency log: sequence what is committed, and sign what is sequenced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.utils import timezone

from confidence_project.foundation.bulk import insert_values
from confidence_project.foundation.errors import Conflict, Unavailable
from ledger.models import Checkpoint, LogLeaf, LogWatermark
from ledger.transparency.kinds import KINDS, Kind, codec_of
from ledger.transparency.leaves import CHECKPOINTS
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.notes import SignerKey, TreeHead
from ledger.transparency.sequencing import Page, unlogged_pages
from ledger.transparency.tree import StoredTree, log_size, store_nodes
from ledger.transparency.witnessing import cosign

ANOTHER_APPENDS = "Another process is appending to the log; run this again when it has ended."


@dataclass(frozen=True, slots=True)
class Logged:
    """What a sweep did: the leaves that it appended, the size since, and the checkpoint (None: there is no key)."""

    appended: int
    size: int
    checkpoint: Checkpoint | None
    problems_of_witnesses: tuple[str, ...] = ()


def keep_log() -> Logged:
    """Append what was committed and is not in the log yet; sign the log if there is a key, and have it cosigned.

    Raises
    ------
    Conflict
        See `append_leaves` and `sign_checkpoint`.
    """
    started = timezone.now()
    appended = append_leaves()
    if not settings.CONFIDENCE_LOG_KEY:
        return Logged(appended, log_size(), None)
    checkpoint = sign_checkpoint(swept_at=started)
    return Logged(appended, log_size(), checkpoint, tuple(cosign(checkpoint)))


def append_leaves() -> int:
    """Append every committed row that is not in the log yet, and return how many leaves that made.

    Work is committed page by page, so a break loses nothing: the next call goes on. There is one writer at a time,
    because a position can be taken once.

    Raises
    ------
    Conflict
        Another process appended at the same moment; what this call had appended before stays.
    """
    appended = 0
    for kind in KINDS.things.values():
        if kind == CHECKPOINTS:
            continue
        for page in unlogged_pages(kind):
            if page.rows and not appended:
                # What was signed stands before what it does not hold. Alone it is no reason to grow.
                appended += sum(_append(CHECKPOINTS, signed) for signed in unlogged_pages(CHECKPOINTS))
            appended += _append(kind, page)
    return appended


def _append(kind: Kind, page: Page) -> int:
    codec = codec_of(kind, connections[DEFAULT_DB_ALIAS].vendor)
    leaves = [(kind.entry, codec.entry_id(row), leaf_hash(codec.encode(row))) for row in page.rows]
    try:
        with transaction.atomic():
            if leaves:
                size = log_size()
                rows = ((position, *leaf) for position, leaf in enumerate(leaves, start=size))
                insert_values(LogLeaf, ("position", "entry", "entry_id", "leaf_hash"), rows)
                store_nodes(size, size + len(leaves))
            if page.mark is not None:
                LogWatermark.objects.update_or_create(entry=kind.entry, defaults={"mark": page.mark})
    except IntegrityError as error:
        raise Conflict(ANOTHER_APPENDS) from error
    return len(leaves)


def sign_checkpoint(*, swept_at: datetime) -> Checkpoint:
    """Sign the log as it stands and return the checkpoint; the last one again when nothing was appended since.

    Parameters
    ----------
    swept_at
        The log holds every row that was committed by then.

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
            return _sign(signer, swept_at)
    except IntegrityError as error:
        raise Conflict("Another process has just signed this size of the log; run this again.") from error


def _sign(signer: SignerKey, swept_at: datetime) -> Checkpoint:
    size, tree = log_size(), StoredTree()
    last = Checkpoint.objects.order_by("-tree_size").first()
    if last is not None and (last.tree_size > size or tree.root(last.tree_size) != bytes(last.root_hash)):
        raise Conflict("The log does not extend its last checkpoint; `manage.py verify_ledger` says where it differs.")
    if last is not None and last.tree_size == size:
        return last
    head = TreeHead(signer.name, size, tree.root(size))
    return Checkpoint.objects.create(
        tree_size=size,
        root_hash=head.root,
        note=signer.sign(head.text),
        swept_at=swept_at,
        created_at=timezone.now(),
    )


def configured_signer() -> SignerKey:
    """Return the signing key of `CONFIDENCE_LOG_KEY`; raise `Unavailable` when there is none."""
    if not settings.CONFIDENCE_LOG_KEY:
        raise Unavailable("Set CONFIDENCE_LOG_KEY; `manage.py generate_log_key NAME` makes a key.")
    return SignerKey.parse(settings.CONFIDENCE_LOG_KEY)
