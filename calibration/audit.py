"""What calibration has for the audit page: runs that were asked for, calendars, candidates, costs, engines."""

from __future__ import annotations

from calibration.models import (
    Candidate,
    CandidateEnd,
    ConfidenceCalibrationRun,
    EvidenceEngine,
    ReviewCalendar,
    StandingCosts,
)
from governance.audit.sources import SOURCES, Source, rows_in, sources_of_control

_HISTORIES = {
    "calibration.run": Source(
        title="Calibration",
        rows=rows_in(ConfidenceCalibrationRun),
        at="created_at",
        who="computed_by_name",
        what=lambda row: "Calibration asked for",
        about=lambda row: f"run {row.pk}, {row.get_status_display().lower()}",
    ),
    "calibration.calendar": Source(
        title="Reviews and candidates",
        rows=rows_in(ReviewCalendar),
        at="set_at",
        who="set_by_name",
        what=lambda row: "Review calendar set",
        about=lambda row: row.policy_key,
    ),
    "calibration.candidate": Source(
        title="Reviews and candidates",
        rows=rows_in(Candidate),
        at="registered_at",
        who="registered_by_name",
        what=lambda row: "Candidate registered",
        about=str,
    ),
    "calibration.candidate_end": Source(
        title="Reviews and candidates",
        rows=rows_in(CandidateEnd, "candidate"),
        at="ended_at",
        who="ended_by_name",
        what=lambda row: f"Candidate {row}",
        about=lambda row: str(row.candidate),
        page=lambda row: row.candidate,
    ),
}


def register_histories() -> None:
    """Put them among the sources."""
    for key, source in _HISTORIES.items():
        SOURCES.register(source, key)
    for model, title in ((StandingCosts, "Standing costs"), (EvidenceEngine, "Evidence engines")):
        for key, source in sources_of_control(model, title):
            SOURCES.register(source, key)
