"""What a pack is about: a policy, a period, the auditor's seed, and the state of the log that it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from django.db.models import Q, QuerySet
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, NotFound
from governance.definitions import PolicyDefinition, get_definition
from governance.models import Workspace
from ledger.models import Checkpoint, DecisionRecord
from ledger.selectors import recorded_between
from ledger.transparency.selectors import Prover

MOST_DECISIONS = 1_000
"""So many decisions may be drawn; somebody is to look at them one by one."""

SEED_RULE = "1 to 100 letters, digits, dots, dashes and underscores"
_SEED = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for: decisions recorded in `since <= time < until`, and how many of them are drawn."""

    workspace: Workspace
    definition: PolicyDefinition
    since: datetime
    until: datetime
    seed: str
    decisions: int

    @property
    def file_name(self) -> str:
        days = f"{self.since:%Y%m%d}-{self.until:%Y%m%d}"
        return f"evidence-{self.workspace.slug}-{self.definition.key}-{days}.zip"


def asked(
    *, workspace: Workspace, policy_key: str, since: datetime, until: datetime, seed: str, decisions: int
) -> Asked:
    """Check what is asked for.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The message names the field and the rule.
    """
    if since >= until:
        raise InvalidInput("The period ends before it begins: “until” is later than “from”.")
    if since > timezone.now():
        raise InvalidInput("The period lies in the future: “from” is a time that has passed.")
    if not _SEED.fullmatch(seed):
        raise InvalidInput(f"The seed is {SEED_RULE}. The auditor chooses it.")
    if not 0 <= decisions <= MOST_DECISIONS:
        raise InvalidInput(f"The number of decisions to draw lies between 0 and {MOST_DECISIONS:,}.")
    definition = get_definition(policy_key)
    return Asked(
        workspace=workspace,
        definition=definition,
        since=since.astimezone(UTC),
        until=until.astimezone(UTC),
        seed=seed,
        decisions=decisions,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What was asked, at one state of the log.

    Parameters
    ----------
    as_of
        What was recorded later is not in the pack. With a checkpoint: when the last one was made, so that the same
        question about the same log gives the same bytes. Without one: now.
    prover
        None where nothing has been signed yet.
    """

    asked: Asked
    as_of: datetime
    prover: Prover | None = field(repr=False)

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Return the frame of a question at the last checkpoint."""
        try:
            prover = Prover()
        except NotFound:
            return cls(asked=asked, as_of=timezone.now(), prover=None)
        last = prover.checkpoint
        return cls(asked=asked, as_of=last.swept_at or last.created_at, prover=prover)

    @property
    def workspace(self) -> Workspace:
        return self.asked.workspace

    @property
    def key(self) -> str:
        return self.asked.definition.key

    @property
    def since(self) -> datetime:
        return self.asked.since

    @property
    def end(self) -> datetime:
        """Where the period ends, as far as the pack reaches."""
        return min(self.asked.until, self.as_of)

    @property
    def checkpoint(self) -> Checkpoint | None:
        return self.prover.checkpoint if self.prover else None

    def decisions(self) -> QuerySet[DecisionRecord]:
        """Return the decisions under the policy that were recorded in the period."""
        rows = DecisionRecord.objects.in_workspace(self.workspace).filter(policy_key=self.key)
        return recorded_between(rows, self.since, self.end)

    def during(self, started: str, ended: str) -> Q:
        """Return the condition that something was in force at some time in the period."""
        still = Q(**{f"{ended}__isnull": True}) | Q(**{f"{ended}__gt": self.since})
        return still & Q(**{f"{started}__lt": self.end})

    def within(self, at: str) -> Q:
        """Return the condition that something happened in the period."""
        return Q(**{f"{at}__gte": self.since, f"{at}__lt": self.end})
