"""Calibration runs and what they recommend, when they may loosen, and the watch over what was applied."""

from calibration.models.engines import EvidenceEngine
from calibration.models.reviews import Candidate, CandidateEnd, HeldReview, ReviewCalendar
from calibration.models.runs import ConfidenceCalibrationRun, Recommendation, StandingCosts
from calibration.models.watch import AnswersAlarm, PolicyAlarm, PolicyLook

__all__ = [
    "AnswersAlarm",
    "Candidate",
    "CandidateEnd",
    "ConfidenceCalibrationRun",
    "EvidenceEngine",
    "HeldReview",
    "PolicyAlarm",
    "PolicyLook",
    "Recommendation",
    "ReviewCalendar",
    "StandingCosts",
]
