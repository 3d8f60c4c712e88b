"""Drawn decisions that were allowed, where a judge by machine reads them before people: counted by its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import BooleanField, Case, Count, Min, Q, Value, When

from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.decision_ledger import DecisionLedgerSource
from calibration.evidence.reading import named
from calibration.selectors import first_of_each_case
from calibration.statistics.judges import JudgedGroups
from calibration.statistics.lattice import IntArray
from governance.definitions import LATTICE, to_lattice
from ledger.models import DecisionRecord
from ledger.selectors import ruling_success


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JudgedCounts:
    """What was drawn of one segment's allowed decisions, one of each case.

    `value`, `judged`, `caught`, `slipped` and `share` as in `JudgedGroups`: what the judge did not call right stands
    with what it called wrong, and so does what it has not read. What waits for a label counts as a failure.
    """

    segment: Mapping[str, str]
    value: IntArray
    judged: IntArray
    caught: IntArray
    slipped: IntArray
    share: float

    def groups(self, floor: float) -> JudgedGroups:
        """Return the groups at or above a threshold."""
        kept = self.value >= to_lattice(floor)
        columns = {name: getattr(self, name)[kept] for name in ("value", "judged", "caught", "slipped")}
        return JudgedGroups(**columns, share=self.share)

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        columns = {name: getattr(self, name).tolist() for name in ("value", "judged", "caught", "slipped")}
        return {"segment": dict(self.segment), "share": self.share, **columns}


def read_judged(request: EvidenceRequest) -> Sequence[JudgedCounts]:
    """Count the drawn decisions of a policy that were allowed, segment by segment; none where no judge has read any.

    Where the share of what the judge calls right changed in the window, the smallest stands for all: each lot tells
    whether a decision would have been drawn at it, too. Segments that were drawn at several rates are left out, for
    what was drawn is no even sample of them.
    """
    decisions = DecisionRecord.objects.filter(
        workspace=request.workspace,
        policy_key=request.policy_key,
        occurred_at__gte=request.start,
        occurred_at__lt=request.mature_end,
        timestamp__lte=request.received_by,
        audit_selected=True,
        gate_verdict=DecisionRecord.Verdict.ALLOW,
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
            called_right=_bit(said),
            asked=_bit(Q(judge_verdict__lot__lt=share * LATTICE)),
            won=ruling_success(request.labels_as_of),
        )
        .order_by()
        .values_list(*names, "label_propensity", "llm_confidence", "called_right", "asked", "won")
        .annotate(number=Count("pk"))
    )
    found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for *segment, rate, confidence, called_right, asked, won, number in rows:
        found.setdefault(tuple(segment), []).append((rate, to_lattice(confidence), called_right, asked, won, number))
    return tuple(
        _counts(named(request.segment_by, segment), own, float(share))
        for segment, own in sorted(found.items(), key=lambda each: [str(value) for value in each[0]])
        if len({rate for rate, *_ in own}) == 1
    )


def _bit(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def _counts(segment: Mapping[str, str], rows: Sequence[tuple[Any, ...]], share: float) -> JudgedCounts:
    value = np.unique([confidence for _, confidence, *_ in rows])
    judged, caught, slipped = np.zeros((3, value.size), dtype=np.int64)
    for _, confidence, called_right, asked, won, number in rows:
        place = int(np.searchsorted(value, confidence))
        judged[place] += number
        if not won and not called_right:
            caught[place] += number
        elif not won and asked:
            slipped[place] += number
    return JudgedCounts(segment=segment, value=value, judged=judged, caught=caught, slipped=slipped, share=share)
