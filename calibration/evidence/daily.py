"""Evidence from the daily counts of the ledger (`ledger.counts`): of the days that have some that hold."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from calibration.evidence.adding import Added, midnight
from calibration.evidence.cases import Cases
from calibration.evidence.contract import DaysCounted, EvidenceCounts, EvidenceRequest
from ledger.counts.counting import count_cases
from ledger.counts.reading import counts_of, days_that_hold
from ledger.counts.statement import Stretch

log = logging.getLogger(__name__)

NOT_KEPT = frozenset({"channel", "prompt_hash"})
"""What daily counts are not split by: who asks for it has the whole window counted in the ledger."""

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyEvidence:
    """What daily counts hold of a window. What lies `in_ledger` and belongs to no case has to be counted there.

    `cases`: all of the window, those `in_ledger` included; None where they are too many and have to be counted there.
    """

    alone: EvidenceCounts
    cases: EvidenceCounts | None
    in_ledger: Sequence[tuple[datetime, datetime]]


def daily_counts(request: EvidenceRequest) -> DailyEvidence | None:
    """Read the daily counts of a window; None where no day of it has some that hold. Inside of `read_snapshot`.

    A day counts whole: one in which the window, a period or the maturity lag begins or ends is counted in the ledger.
    """
    if request.asked_for & NOT_KEPT:
        return None
    days = days_that_hold(
        request.workspace.pk,
        request.policy_key,
        request.start.astimezone(UTC).date(),
        (request.window_end - _MOMENT).astimezone(UTC).date(),
        recorded_by=request.received_by,
        labelled_by=request.labels_as_of,
    )
    whole = [day for day in days if _is_whole(day.day, request)]
    if not whole:
        return None
    alone, cases, read, damaged = Added(request), Cases(request), [], []
    for each in counts_of(whole):
        if each.rows is None:
            log.error("The daily counts of %s, %s, are damaged; see verify_counts.", request.policy_key, each.day)
            damaged.append(each.day)
            continue
        read.append(each.day)
        for row in each.rows:
            (cases if row.in_case else alone).add(midnight(each.day), row)
    in_ledger = tuple(_between(sorted(read), request))
    for stretch in _stretches(in_ledger, request):
        if not cases.are_many:
            for day, row in count_cases(stretch):
                cases.add(max(stretch.start, midnight(day)), row)
    told = DaysCounted(days=tuple(sorted(read)), damaged=tuple(sorted(damaged)), in_ledger=in_ledger)
    return DailyEvidence(alone=alone.counts(told), cases=cases.counts(), in_ledger=in_ledger)


def _is_whole(day: date, request: EvidenceRequest) -> bool:
    start, end = midnight(day), midnight(day) + _DAY
    return request.start <= start and end <= request.window_end and not any(start < at < end for at in _edges(request))


def _edges(request: EvidenceRequest) -> Sequence[datetime]:
    return (request.start, request.window_end, request.mature_end, *request.period_starts)


def _between(days: Sequence[date], request: EvidenceRequest) -> Iterator[tuple[datetime, datetime]]:
    """What is left of the window without these days, as few stretches."""
    start = request.start
    for day in days:
        if start < midnight(day):
            yield start, midnight(day)
        start = midnight(day) + _DAY
    if start < request.window_end:
        yield start, request.window_end


def _stretches(in_ledger: Iterable[tuple[datetime, datetime]], request: EvidenceRequest) -> Iterator[Stretch]:
    """What is left of the window, as stretches of a day at most, which no edge of the request divides."""
    for start, end in in_ledger:
        midnights = (midnight(start.astimezone(UTC).date()) + _DAY * place for place in range((end - start).days + 2))
        edges = sorted({start, end, *(at for at in (*midnights, *_edges(request)) if start < at < end)})
        for since, until in pairwise(edges):
            yield Stretch(
                workspace_id=request.workspace.pk,
                policy_key=request.policy_key,
                start=since,
                end=until,
                recorded_by=request.received_by,
                labelled_by=request.labels_as_of,
            )
