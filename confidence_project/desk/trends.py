"""What went through a policy lately: from the totals of the daily counts, so that no page reads the ledger for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from ledger.counts.reading import latest_counts
from ledger.models import CountedDay

DAYS, PERIODS = 30, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The decisions of the last `DAYS` days (UTC), as they were counted last.

    Parameters
    ----------
    success_rates : sequence of float or None
        Of the labelled decisions, by period, the earliest first; None for a period without any.
    as_of : datetime
        When a day was counted last.
    changed : int
        Days of which something came or went since they were counted.
    """

    decisions: int
    allowed: int
    labelled: int
    successes: int
    success_rates: Sequence[float | None]
    as_of: datetime
    changed: int

    @property
    def days(self) -> int:
        return DAYS

    @property
    def share_allowed(self) -> float:
        return self.allowed / self.decisions

    @property
    def success_rate(self) -> float | None:
        return self.successes / self.labelled if self.labelled else None


def trends(workspace_ids: Sequence[int]) -> Mapping[tuple[int, str], Trend]:
    """Return the trend of each policy key that has decisions lately, by workspace and key: one query."""
    first = timezone.now().astimezone(UTC).date() - timedelta(days=DAYS - 1)
    days: dict[tuple[int, str], list[CountedDay]] = defaultdict(list)
    for day in latest_counts(workspace_ids, since=first):
        days[day.workspace_id, day.policy_key].append(day)
    return {key: _trend(each, first) for key, each in days.items()}


def _trend(days: Sequence[CountedDay], first: date) -> Trend:
    by_period: list[list[CountedDay]] = [[] for _ in range(PERIODS)]
    for day in days:
        by_period[min((day.day - first).days * PERIODS // DAYS, PERIODS - 1)].append(day)
    decisions, allowed, labelled, successes = (
        sum(getattr(day, name) for day in days) for name in ("decisions", "allowed", "labelled", "successes")
    )
    return Trend(
        decisions=decisions,
        allowed=allowed,
        labelled=labelled,
        successes=successes,
        success_rates=[_success_rate(each) for each in by_period],
        as_of=max(day.counted_at for day in days if day.counted_at),
        changed=sum(day.counted != day.touched for day in days),
    )


def _success_rate(days: Sequence[CountedDay]) -> float | None:
    labelled = sum(day.labelled for day in days)
    return sum(day.successes for day in days) / labelled if labelled else None
