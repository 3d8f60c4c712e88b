"""What a calibration leaves in the transparency log: runs with the hash of their inputs, reviews, costs, engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calibration.models import (
    AnswersAlarm,
    Candidate,
    CandidateEnd,
    ConfidenceCalibrationRun,
    EvidenceEngine,
    HeldReview,
    PolicyAlarm,
    Recommendation,
    ReviewCalendar,
)
from calibration.models.runs import StandingCosts
from ledger.transparency.governed import columns_of, of_control
from ledger.transparency.kinds import Kind

_CHANGES_OR_IS_LARGE = ("computed_by_id", "progress", "heartbeat_at", "metrics", "output")

RUNS = Kind(
    "calibration_run",
    ConfidenceCalibrationRun,
    "finished_at",
    columns_of(ConfidenceCalibrationRun, *_CHANGES_OR_IS_LARGE),
    digests=("output",),
    condition="t.status IN ('COMPLETE', 'FAILED')",
)

_ENGINE_BEGUN, _ENGINE_ENDED = of_control(EvidenceEngine, "name", "kind", "address_variable", "decisions", "outcomes")

LOGGED = (
    RUNS,
    Kind("review_calendar", ReviewCalendar, "set_at", columns_of(ReviewCalendar)),
    Kind("held_review", HeldReview, "at", columns_of(HeldReview)),
    Kind("candidate", Candidate, "registered_at", columns_of(Candidate)),
    Kind("candidate_end", CandidateEnd, "ended_at", columns_of(CandidateEnd)),
    Kind("answers_alarm", AnswersAlarm, "raised_at", columns_of(AnswersAlarm)),
    Kind("policy_alarm", PolicyAlarm, "raised_at", columns_of(PolicyAlarm)),
    *of_control(StandingCosts, "false_allow", "false_block", "review"),
    replace(_ENGINE_BEGUN, digests=("mapping",)),
    _ENGINE_ENDED,
)


def runs_behind(proposal_id: int) -> tuple[Kind, Sequence[int]]:
    """Return the runs that recommended what a proposal proposes."""
    recommended = Recommendation.objects.filter(proposal=proposal_id).order_by("run").distinct()
    return RUNS, list(recommended.values_list("run", flat=True))
