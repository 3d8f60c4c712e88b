"""Registry of who knows which verdicts rest on a record: the ledger, which telemetry does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from confidence_project.foundation.registry import Registry
from telemetry.models import HostRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the ledger holds about a record: a decision, how it ended and why."""

    decision_id: UUID
    policy_key: str
    verdict: str
    reason: str


VerdictFinder = Callable[[Sequence[HostRecord]], Mapping[int, Sequence[Verdict]]]
"""From records of one kind to the verdicts on each, in its own workspace, by primary key."""

VERDICT_FINDER: Registry[VerdictFinder] = Registry("finder of verdicts")


def verdicts_on(records: Sequence[HostRecord]) -> Mapping[int, Sequence[Verdict]]:
    """Return the verdicts on records of one kind, by primary key; a record without one is missing."""
    find = VERDICT_FINDER.get()
    return find(records) if find and records else {}
