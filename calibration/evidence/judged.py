"""Decisions that were drawn for people where a judge by machine reads them first: counted by its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from django.db.models import Count, Min, Q

from calibration.evidence.contract import ABSENT, HISTORY, EvidenceRequest
from calibration.evidence.decision_ledger import DecisionLedgerSource
from calibration.evidence.reading import SegmentCounts, named
from calibration.evidence.rows import bit, steps
from calibration.selectors import first_of_each_case
from calibration.statistics.judges import JudgedGroups
from calibration.statistics.lattice import IntArray
from governance.definitions import LATTICE, to_lattice
from ledger.models import DecisionRecord, JudgeVerdict
from ledger.selectors import ruling_success


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedCounts:
    """What was drawn of one segment at one rate, one decision of each case.

    Parameters
    ----------
    rate : int
        Ten thousand times the probability with which it was drawn.
    share : float
        The probability with which people label what the judge calls right.
    period, value : ndarray of int64, shape (k,)
        What the entries stand for: the number of the period, and ten thousand times the confidence.
    drawn, caught, slipped : ndarray of int64, shape (k,)
        Decisions; the failures among those that the judge does not call right, whether it has read them or not; and the
        failures among those that it calls right and people label all the same. What has no label is a failure.
    floor : int
        The confidence, on the lattice, down to which everything was in that draw: below, this is no even sample.
    """

    segment: Mapping[str, str]
    rate: int
    share: float
    period: IntArray
    value: IntArray
    drawn: IntArray
    caught: IntArray
    slipped: IntArray
    floor: int = 0

    def even_within(self, counts: SegmentCounts) -> Self:
        """Return what lies above all of a segment's decisions that were in another draw or in none."""
        others = ~np.isin(counts.stratum, HISTORY) & (counts.audit_rate != self.rate)
        floor = int(np.max(counts.confidence[others], initial=ABSENT)) + 1
        kept = self.value >= floor
        columns = {name: getattr(self, name)[kept] for name in ("period", "value", "drawn", "caught", "slipped")}
        return replace(self, **columns, floor=floor)

    def groups(self, floor: int, ceiling: int) -> JudgedGroups:
        """Return the groups from one confidence to another, both on the lattice."""
        kept = (self.value >= floor) & (self.value <= ceiling)
        value, place = np.unique(self.value[kept], return_inverse=True)
        judged, caught, slipped = (
            np.bincount(place, column[kept], value.size).astype(np.int64)
            for column in (self.drawn, self.caught, self.slipped)
        )
        return JudgedGroups(value=value, judged=judged, caught=caught, slipped=slipped, share=self.share)

    @property
    def failures(self) -> IntArray:
        """About how many fail, those that slip at their weight: whole numbers whose sum is right, to be looked at."""
        weighted = np.rint(np.cumsum(self.caught + self.slipped / self.share)).astype(np.int64)
        estimate: IntArray = np.minimum(np.diff(weighted, prepend=0), self.drawn)
        return estimate

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        columns = {name: getattr(self, name).tolist() for name in ("period", "value", "drawn", "caught", "slipped")}
        return {"segment": dict(self.segment), "rate": self.rate, "share": self.share, **columns}


def read_judged(request: EvidenceRequest) -> Sequence[JudgedCounts]:
    """Count the drawn decisions of a policy, segment by segment; none where no judge has called any right.

    Where the share of what the judge calls right changed in the window, the smallest stands for all: each lot tells
    whether a decision would have been drawn at it, too. A segment that was drawn at several rates is left out.
    """
    # Nobody knows what cannot be told of what a judge spared people: it has no label then, and fails.
    if request.leaves_out_untold or not JudgeVerdict.objects.filter(workspace=request.workspace, success=True).exists():
        return ()
    decisions = DecisionRecord.objects.filter(
        workspace=request.workspace,
        policy_key=request.policy_key,
        occurred_at__gte=request.start,
        occurred_at__lt=request.mature_end,
        timestamp__lte=request.received_by,
        audit_selected=True,
        llm_confidence__isnull=False,
    )
    said = Q(judge_verdict__success=True, judge_verdict__recorded_at__lte=request.labels_as_of)
    share = decisions.filter(said).aggregate(least=Min("judge_verdict__share"))["least"]
    if share is None:
        return ()
    segments = DecisionLedgerSource().rows(request).segment
    names = [f"judged_segment_{place}" for place in range(len(request.segment_by))]
    rows = (
        first_of_each_case(decisions)
        .annotate(
            **dict(zip(names, (segments[key] for key in request.segment_by), strict=True)),
            judged_period=steps("occurred_at", request.period_starts),
            called_right=bit(said),
            asked=bit(Q(judge_verdict__lot__lt=share * LATTICE)),
            won=ruling_success(request.labels_as_of),
        )
        .order_by()
        .values_list(*names, "label_propensity", "judged_period", "llm_confidence", "called_right", "asked", "won")
        .annotate(number=Count("pk"))
    )
    found: dict[tuple[Any, ...], dict[tuple[int, ...], IntArray]] = {}
    for *segment, rate, period, confidence, called_right, asked, won, number in rows:
        entries = found.setdefault(tuple(segment), {})
        key = (to_lattice(float(rate)), period, to_lattice(float(confidence)))
        counts = entries.setdefault(key, np.zeros(3, dtype=np.int64))
        is_caught, is_slipped = not won and not called_right, not won and called_right and asked
        counts += np.array([1, is_caught, is_slipped]) * number
    return tuple(
        _counts(named(request.segment_by, segment), own, float(share))
        for segment, own in sorted(found.items(), key=lambda each: [str(value) for value in each[0]])
        if len({rate for rate, *_ in own}) == 1
    )


def _counts(segment: Mapping[str, str], entries: Mapping[tuple[int, ...], IntArray], share: float) -> JudgedCounts:
    keys = sorted(entries)
    rate, period, value = np.array(keys).T
    drawn, caught, slipped = np.array([entries[key] for key in keys]).T
    return JudgedCounts(
        segment=segment, rate=int(rate[0]), share=share, period=period, value=value, drawn=drawn, caught=caught,
        slipped=slipped,
    )  # fmt: skip
