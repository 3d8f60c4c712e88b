"""Idempotent writing of what hosts submit under ids of their own: one algorithm for every kind of record.

The same id with the same body is the first record again; with another body it is a conflict; within one bulk as
across requests. Two requests that race for an id meet the database's unique constraint: the loser looks again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction

from confidence_project.foundation.errors import Conflict, DomainError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
RecordT = TypeVar("RecordT")


class Envelope(Protocol):
    """A validated item that names itself and can be written as JSON."""

    @property
    def external_id(self) -> str: ...

    def model_dump_json(self) -> str: ...


EnvelopeT = TypeVar("EnvelopeT", bound=Envelope)

ATTEMPTS = 10
PATIENT = 3
"""After so many attempts a writer keeps what it rests on from changing, and whoever would change it waits."""

DEADLOCK = "40P01"
LINE = 0x5EBA1
"""Key of the advisory lock (PostgreSQL) that retries take."""


class TryAgain(Exception):
    """What a write rested on has changed while it was under way: roll it back, and write on what is there now.

    Parameters
    ----------
    hold_still
        Keeps it from changing until the transaction ends.
    """

    def __init__(self, hold_still: Callable[[], object]) -> None:
        super().__init__()
        self.hold_still = hold_still


@dataclass(frozen=True, slots=True)
class Submission(Generic[ItemT]):
    """A validated item under the host's own id. `body_sha256` tells whether two bodies are the same."""

    external_id: str
    body_sha256: str
    item: ItemT

    @classmethod
    def of(cls, item: EnvelopeT) -> Submission[EnvelopeT]:
        """Return what came in process as the services take it: the same again is the same submission."""
        return Submission(item.external_id, hashlib.sha256(item.model_dump_json().encode()).hexdigest(), item)


@dataclass(frozen=True, slots=True)
class Stored(Generic[RecordT]):
    """A record that is committed; `created` False: an earlier submission made it."""

    record: RecordT
    created: bool


def find_or_create(
    submissions: Sequence[Submission[ItemT]],
    *,
    find: Callable[[Sequence[str]], Mapping[str, tuple[RecordT | DomainError, str]]],
    create: Callable[[Sequence[Submission[ItemT]]], Sequence[RecordT | DomainError]],
) -> list[Stored[RecordT] | DomainError]:
    """Write what is new in one transaction and answer for each submission, in their order.

    Parameters
    ----------
    find
        From external ids to the records that exist under them, each with the hash of its body; an error in place of a
        record that is not there any more.
    create
        Inserts records for new submissions, in order; an item that cannot be stored gives its error instead.

    Raises
    ------
    RuntimeError
        When called inside a transaction: nothing may be answered before it is committed.
    """

    def attempt() -> list[Stored[RecordT] | DomainError]:
        known = find([submission.external_id for submission in submissions])
        fresh: dict[str, Submission[ItemT]] = {}
        for submission in submissions:
            if submission.external_id not in known:
                fresh.setdefault(submission.external_id, submission)
        made = dict(zip(fresh, create(list(fresh.values())), strict=True))
        answered: set[str] = set()
        return [_answer(submission, known, fresh, made, answered) for submission in submissions]

    return commit_with_retry(attempt)


def _answer(
    submission: Submission[ItemT],
    known: Mapping[str, tuple[RecordT | DomainError, str]],
    fresh: Mapping[str, Submission[ItemT]],
    made: Mapping[str, RecordT | DomainError],
    answered: set[str],
) -> Stored[RecordT] | DomainError:
    external_id = submission.external_id
    if external_id in known:
        record, body_sha256 = known[external_id]
        if isinstance(record, DomainError):
            return record
        return Stored(record, created=False) if body_sha256 == submission.body_sha256 else _different_body()
    result = made[external_id]
    if fresh[external_id].body_sha256 != submission.body_sha256:
        return _different_body()
    if isinstance(result, DomainError):
        return result
    first = external_id not in answered
    answered.add(external_id)
    return Stored(result, created=first)


def _different_body() -> Conflict:
    return Conflict("A record with this external_id and another body exists; a new record needs an id of its own.")


def commit_with_retry(write: Callable[[], ResultT]) -> ResultT:
    """Run `write` in a durable transaction; when it meets another writer, run it again on what is there now."""
    clash: Exception | None = None
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic(durable=True):
                if attempt:
                    _wait_in_line()
                if attempt >= PATIENT and isinstance(clash, TryAgain):
                    clash.hold_still()
                return write()
        except (IntegrityError, OperationalError, TryAgain) as error:
            if isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) != DEADLOCK:
                raise
            clash = error
    raise Conflict("What others write at the same time keeps getting in the way; try again.") from clash


def _wait_in_line() -> None:
    """Let the losers of a race go one after another: many that overlap would else keep meeting each other."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LINE])
