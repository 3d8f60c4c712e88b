"""Certificates of a file: for each segment a threshold with its sentence, or why there is none. No workspace needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from calibration.evidence.reading import SegmentCounts
from calibration.findings.answers import Answer, Subject, answer_segments
from calibration.findings.cohorts import InForce, choose_cohort
from confidence_project.foundation.formatting import count, segment, threshold

THRESHOLDS_SCHEMA = "confidence-thresholds/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a file bears out for one segment; `is_alone`: the file holds no other."""

    subject: Subject
    answer: Answer
    is_alone: bool

    @property
    def name(self) -> str:
        named = self.subject.cohort.counts.segment
        # Alone, what names nothing is the whole file.
        return segment({key: value for key, value in named.items() if value} if self.is_alone else named)

    @property
    def verdict(self) -> str:
        """The first line: what to set, or that nothing is certified."""
        if self.answer.threshold is None:
            return "No threshold is certified."
        if self.answer.ceiling is not None:
            return f"Allow from {threshold(self.answer.threshold)} to {threshold(self.answer.ceiling)}."
        return f"Allow at or above {threshold(self.answer.threshold)}."

    @property
    def not_counted(self) -> str:
        """Labels that do not count, with number and reason; blank where all do."""
        counts, cohort = self.subject.cohort.counts, self.subject.cohort
        dropped = int(counts.labelled[~cohort.labels].sum())
        if not dropped:
            return ""
        floor = f"below the threshold in force, {threshold(cohort.floor)}, or " if cohort.floor else ""
        total = int(counts.labelled.sum())
        return f"{count(dropped)} of {count(total)} labels lie {floor}on blocked decisions, and do not count."

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        counts = self.subject.cohort.counts
        return {
            "segment": dict(counts.segment),
            "threshold": self.answer.threshold,
            "ceiling": self.answer.ceiling,
            "reason": self.answer.reason,
            "figures": self.answer.figures,
            "statement": self.answer.statement,
            "not_counted": self.not_counted,
            "decisions": int(counts.decisions.sum()),
            "labelled": int(counts.labelled.sum()),
            "successes": int(counts.successes.sum()),
            "delta": self.answer.delta,
        }


def certify(
    segments: Sequence[SegmentCounts], *, alpha: float, delta: float, in_force: float = 0.0, band: bool = False
) -> list[Certificate]:
    """Return a certificate for each segment; together they are wrong with a probability of at most `delta`.

    Parameters
    ----------
    alpha, delta
        Wanted: a failure rate of at most α among what is allowed, with probability of at least 1 − δ.
    in_force
        The threshold under which the decisions were made. Where some labels are missing, those below it do not count:
        they exist for what somebody picked. A file that is labelled whole counts whole.
    band
        Look for an upper bound, too, for models that are most wrong where they claim certainty.
    """
    subjects = {
        str(place): Subject(
            cohort=choose_cohort(counts, InForce(confidence=in_force, risk=None)),
            current=in_force,
            current_risk=None,
            risk_edges=(),
            current_ceiling=1.0 if band else None,
            wants_band=band,
        )
        for place, counts in enumerate(segments)
    }
    answers = answer_segments(subjects, alpha=alpha, delta=delta)
    is_alone = len(subjects) == 1
    return [Certificate(subject=subject, answer=answers[name], is_alone=is_alone) for name, subject in subjects.items()]


def thresholds_file(certificates: Sequence[Certificate], *, alpha: float, delta: float) -> dict[str, Any]:
    """Return the certified thresholds alone, for software to read."""
    return {
        "schema": THRESHOLDS_SCHEMA,
        "target_failure_rate": alpha,
        "risk_confidence": round(1 - delta, 12),
        "thresholds": [
            {
                "match": {key: value for key, value in each.subject.cohort.counts.segment.items() if value},
                "at_least": each.answer.threshold,
                **({} if each.answer.ceiling is None else {"at_most": each.answer.ceiling}),
            }
            for each in certificates
            if each.answer.threshold is not None
        ],
    }
