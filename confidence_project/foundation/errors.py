"""Errors of the domain. They know no HTTP: `problems.py` maps them to replies, commands to exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with one field.

    `pointer` is a JSON Pointer (RFC 6901) into the item, `""` for the item itself; `index` is the item's
    place in a bulk request, None for a single one. Neither ever carries the offending value.
    """

    pointer: str
    code: str
    detail: str
    index: int | None = None


class DomainError(Exception):
    """Base of every error that a caller can cause and mend. The message says what to do about it."""

    code = "error"
    title = "The request cannot be carried out"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(DomainError):
    """What was sent does not have the form or the values that it must have."""

    code = "invalid_input"
    title = "The input is not valid"

    def __init__(self, detail: str, problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class UnknownPolicyKey(DomainError):
    """No definition is registered under this policy key."""

    code = "unknown_policy_key"
    title = "The policy key is not known"


class UnknownField(DomainError):
    """The definition of the policy key has no such field."""

    code = "unknown_field"
    title = "The policy has no such field"


class NotFound(DomainError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "not_found"
    title = "Not found"


class Gone(DomainError):
    """The thing was there and was removed on purpose: after its retention period, or because it had to be erased."""

    code = "gone"
    title = "It was removed"


class PermissionRefused(DomainError):
    """The caller is known and may not do this."""

    code = "permission_refused"
    title = "You may not do this"


class Conflict(DomainError):
    """What was asked for does not go together with what is there: nothing was changed."""

    code = "conflict"
    title = "The request conflicts with what is there"


class AlreadySo(Conflict):
    """What was asked for is so already, or exists already: nothing was changed."""

    code = "already_so"
    title = "It is so already"


class WrongState(Conflict):
    """The thing is in a state from which this does not lead on: nothing was changed."""

    code = "wrong_state"
    title = "The present state does not allow this"


class Stale(Conflict):
    """It was decided on an earlier version, and the policy has moved on since: nothing was changed."""

    code = "stale"
    title = "The policy has moved on in the meantime"


class LostRace(Conflict):
    """Somebody else changed the same thing at the same moment: nothing was changed. Look again, then decide."""

    code = "lost_race"
    title = "Somebody else was faster"


class EvidenceChanged(Conflict):
    """The evidence is not what was recorded, or not what was approved: nothing was changed."""

    code = "evidence_changed"
    title = "The evidence is not what it was"


class Unavailable(DomainError):
    """Something that the answer needs cannot be read now."""

    code = "unavailable"
    title = "Temporarily unavailable"
