"""Asking witnesses to cosign a checkpoint (c2sp.org/tlog-witness), and keeping what they answer."""

from __future__ import annotations

import logging
from http import HTTPStatus

import httpx2
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import DomainError, InvalidInput, Unavailable
from ledger.models import Checkpoint, Cosignature
from ledger.transparency.merkle import consistency_proof
from ledger.transparency.proofs import consistency_text
from ledger.transparency.tree import StoredTree
from ledger.transparency.witnesses import Witness, WitnessPolicy

log = logging.getLogger(__name__)

LONGEST_REPLY = 16_384
TIMEOUT_SECONDS = 10.0
FORK = "It has cosigned a log that this one does not extend."


def configured_witnesses() -> list[Witness]:
    """Return the witnesses of `CONFIDENCE_LOG_WITNESSES`; raise `InvalidInput` where one cannot be read."""
    return [Witness.parse(text) for text in settings.CONFIDENCE_LOG_WITNESSES]


def configured_policy() -> WitnessPolicy:
    """Return who may cosign and how many have to: all of them, unless `CONFIDENCE_LOG_WITNESSES_NEEDED` says less."""
    keys = [witness.key for witness in configured_witnesses()]
    needed = settings.CONFIDENCE_LOG_WITNESSES_NEEDED
    return WitnessPolicy(keys, len(keys) if needed is None else needed)


def cosign(checkpoint: Checkpoint) -> list[str]:
    """Ask each witness that has not cosigned `checkpoint`, and return what went wrong, a sentence for each.

    One that is away is asked again for the next checkpoint: a cosignature of that vouches for this one as well.
    """
    problems = []
    have = set(checkpoint.cosignatures.values_list("witness", flat=True))
    for witness in configured_witnesses():
        if checkpoint.tree_size == 0 or witness.key.name in have:
            continue
        try:
            line = _ask(witness, checkpoint, _size_known_to(witness))
        except DomainError as error:
            log.warning("witness %s: %s", witness.key.name, error.detail)
            problems.append(f"witness {witness.key.name}: {error.detail}")
        else:
            _keep(witness, checkpoint, line)
    return problems


def _size_known_to(witness: Witness) -> int:
    known = Cosignature.objects.filter(witness=witness.key.name).order_by("-checkpoint__tree_size")
    return known.values_list("checkpoint__tree_size", flat=True).first() or 0


def _keep(witness: Witness, checkpoint: Checkpoint, line: str) -> None:
    try:
        with transaction.atomic():
            Cosignature.objects.create(
                checkpoint=checkpoint, witness=witness.key.name, line=line, received_at=timezone.now()
            )
    except IntegrityError:
        log.info("witness %s: another process has just kept its cosignature", witness.key.name)


def _ask(witness: Witness, checkpoint: Checkpoint, old_size: int) -> str:
    """Return the signature line of a witness; where it knows another size than we thought, ask once more from there."""
    status, text = _post(witness, checkpoint, old_size)
    if status == HTTPStatus.CONFLICT:
        known = int(text) if text.strip().isdigit() else -1
        if not 0 <= known <= checkpoint.tree_size or known == old_size:
            raise InvalidInput(FORK)
        status, text = _post(witness, checkpoint, known)
    if status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
        raise InvalidInput(FORK)
    if status != HTTPStatus.OK:
        raise InvalidInput(f"It refused the checkpoint with HTTP {status}.")
    for line in text.splitlines(keepends=True):
        if line.endswith("\n") and WitnessPolicy([witness.key]).cosigned_by(checkpoint.note + line):
            return line
    raise InvalidInput("Its reply holds no cosignature by its key.")


def _post(witness: Witness, checkpoint: Checkpoint, old_size: int) -> tuple[int, str]:
    path = consistency_proof(old_size, checkpoint.tree_size, StoredTree().subtree) if old_size else []
    body = consistency_text(old_size, path, checkpoint.note).encode()
    try:
        with httpx2.stream(
            "POST", f"{witness.url}/add-checkpoint", content=body, timeout=TIMEOUT_SECONDS, follow_redirects=False
        ) as reply:
            text = b""
            for chunk in reply.iter_bytes():
                text += chunk
                if len(text) > LONGEST_REPLY:
                    raise InvalidInput("Its reply is longer than any cosignature.")
            return reply.status_code, text.decode("utf-8", "replace")
    except httpx2.HTTPError as error:
        raise Unavailable(f"It did not answer ({type(error).__name__}).") from error
