"""Which threshold a segment's evidence bears out: by the walk alone, with audits, or together with a risk threshold."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from calibration.evidence.judged import JudgedCounts
from calibration.findings import answer_wording
from calibration.findings.cohorts import Cohort
from calibration.statistics.audits import AuditedRecommendation, recommend_with_audits
from calibration.statistics.bands import BandRecommendation, recommend_band
from calibration.statistics.claims import (
    Unit,
    certified_audit_statement,
    certified_band_statement,
    certified_draws_statement,
    certified_judge_statement,
    certified_pair_statement,
    certified_statement,
)
from calibration.statistics.draws import DrawnRecommendation, recommend_from_draws
from calibration.statistics.joint import JointRecommendation, recommend_pair
from calibration.statistics.judges import JudgedRecommendation, recommend_with_judge
from calibration.statistics.lattice import LATTICE, threshold_to_lattice
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.segments import recommend_for_segments
from calibration.statistics.thresholds import is_same_cut
from governance.definitions import to_lattice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """One segment on its way to an answer.

    Parameters
    ----------
    current, current_risk : float
        The thresholds in force for the segment now; no risk threshold: None.
    risk_edges : tuple of int
        Ends of the risk bands, 0…10,000.
    current_ceiling : float or None
        The confidence ceiling in force for the segment now; its cohort lies below. None: the policy has none.
    wants_band : bool
        True: a lower ceiling is looked for, too.
    may_loosen : bool
        False: only what is at least as strict as the thresholds in force is looked at.
    judged : JudgedCounts or None
        What was drawn, where a judge reads it before people: the cohort is made of it.
    """

    cohort: Cohort
    current: float
    current_risk: float | None
    risk_edges: tuple[int, ...]
    current_ceiling: float | None = None
    wants_band: bool = False
    may_loosen: bool = True
    judged: JudgedCounts | None = None

    @property
    def bands(self) -> int | None:
        """How many risk bands pass the risk threshold in force."""
        return self.bands_below(self.current_risk)

    @property
    def unit(self) -> Unit:
        """What counts once: cases, as soon as one of the cohort's has a second decision."""
        counts, chosen = self.cohort.counts, self.cohort.chosen
        has_copies = int(counts.rows[chosen].sum()) > int(counts.decisions[chosen].sum())
        return "cases, their first decision" if has_copies else "decisions"

    @property
    def is_fair(self) -> bool:
        """True when what the thresholds in force allow, those of the whole window allowed: its labels are no choice."""
        floor, risk_floor = self.cohort.floor, self.cohort.risk_floor
        riskier = risk_floor is not None and self.current_risk is not None and self.current_risk > risk_floor
        above = self.current_ceiling is not None and self.current_ceiling > self.cohort.judged_ceiling
        return not riskier and not above and (floor is None or self.current >= floor)

    @property
    def judged_risk(self) -> float | None:
        """The risk threshold in force, or the strictest of the window: what is riskier is no fair sample."""
        if self.current_risk is None or self.risk_floor is None:
            return self.current_risk
        return min(self.current_risk, self.risk_floor)

    @property
    def judged_bands(self) -> int | None:
        """How many risk bands pass it."""
        return self.bands_below(self.judged_risk)

    @property
    def risk_floor(self) -> float | None:
        """The largest edge that all of the window's risk thresholds allowed, 0 where there is none."""
        if self.cohort.risk_floor is None:
            return None
        bands = self.bands_below(self.cohort.risk_floor)
        return self.risk_edges[bands - 1] / LATTICE if bands else 0.0

    @property
    def is_audited(self) -> bool:
        """True when decisions that were drawn speak for a threshold below the one in force, and it may be named."""
        return self.may_loosen and self.cohort.is_audited(self.judged_bands)

    def without_loosening(self) -> Self:
        """Return the subject cut off at the thresholds in force, so that nothing below them has a say in an answer."""
        return replace(self, cohort=self.cohort.cut_off(self.current, self.current_risk), may_loosen=False)

    def bands_below(self, risk: float | None) -> int | None:
        """How many risk bands pass a risk threshold as a whole."""
        return None if risk is None else bisect_right(self.risk_edges, round(risk * LATTICE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A threshold that is certified, or a refusal.

    Parameters
    ----------
    threshold, risk_threshold, ceiling : float or None
        What to set; the risk threshold and the ceiling only for a policy with one.
    reason : str
        "OK", "INSUFFICIENT_DATA" or "NOT_CERTIFIABLE".
    figures : str
        What is seen at the threshold, or why there is none, in plain words.
    statement : str or None
        What is certified, in the only words for it.
    method : {"walk", "draws", "audits", "pair", "band", "judge"}
        How it was found.
    detail
        Everything that the method returned.
    is_tested : bool
        Whether the segment had labels enough to share δ.
    delta : float
        The segment's share of δ.
    """

    threshold: float | None
    risk_threshold: float | None
    reason: str
    figures: str
    statement: str | None
    method: str
    detail: (
        ThresholdRecommendation
        | DrawnRecommendation
        | AuditedRecommendation
        | JointRecommendation
        | BandRecommendation
        | JudgedRecommendation
    )
    is_tested: bool
    delta: float
    ceiling: float | None = None


def answer_segments(subjects: Mapping[str, Subject], *, alpha: float, delta: float) -> dict[str, Answer]:
    """Return an answer for each segment; together they hold with probability 1 − δ."""
    together = recommend_for_segments(
        {name: subject.cohort.groups(subject.judged_bands) for name, subject in subjects.items()},
        alpha=alpha,
        delta=delta,
        floors={name: each.cohort.floor for name, each in subjects.items() if each.cohort.floor is not None},
    )
    tested = frozenset(together.tested)

    def answer(name: str, subject: Subject) -> Answer:
        walked = together.recommendations[name]
        if name not in tested:
            return _by_walk(walked, subject, is_tested=False)
        if subject.judged is not None:
            return _with_judge(subject, subject.judged, alpha, together.segment_delta)
        if subject.cohort.kind == "drawn":
            return _by_draws(subject, alpha, together.segment_delta)
        if subject.is_audited:
            return _with_audits(subject, alpha, together.segment_delta)
        if subject.wants_band:
            return _with_band(subject, alpha, together.segment_delta)
        if subject.current_risk is not None:
            return _pair(subject, subject.current_risk, alpha, together.segment_delta)
        return _by_walk(walked, subject, is_tested=True)

    return {name: answer(name, subject) for name, subject in subjects.items()}


def _by_walk(found: ThresholdRecommendation, subject: Subject, *, is_tested: bool) -> Answer:
    return Answer(
        threshold=found.threshold,
        risk_threshold=None if found.threshold is None else subject.judged_risk,
        reason=found.reason,
        figures=answer_wording.walk(found),
        statement=certified_statement(found, risk_in_force=subject.judged_risk, unit=subject.unit),
        method="walk",
        detail=found,
        is_tested=is_tested,
        delta=found.delta,
    )


def _by_draws(subject: Subject, alpha: float, delta: float) -> Answer:
    found = recommend_from_draws(
        subject.cohort.draws(subject.judged_bands),
        alpha=alpha,
        delta=delta,
        floor=subject.cohort.floor,
        in_force=subject.current,
    )
    return Answer(
        threshold=found.threshold,
        risk_threshold=None if found.threshold is None else subject.judged_risk,
        reason=found.reason,
        figures=answer_wording.draws(found),
        statement=certified_draws_statement(found, risk_in_force=subject.judged_risk, unit=subject.unit),
        method="draws",
        detail=found,
        is_tested=True,
        delta=delta,
    )


def _with_judge(subject: Subject, judged: JudgedCounts, alpha: float, delta: float) -> Answer:
    cohort = subject.cohort
    groups = judged.groups(threshold_to_lattice(cohort.floor or 0.0), to_lattice(cohort.ceiling))
    found = recommend_with_judge(groups, alpha=alpha, delta=delta)
    reaches = threshold_to_lattice(subject.current) >= judged.floor
    if found.threshold is not None and reaches and is_same_cut(cohort.groups(None), found.threshold, subject.current):
        found = replace(found, threshold=subject.current)
    return Answer(
        threshold=found.threshold,
        risk_threshold=None,
        reason=found.reason,
        figures=answer_wording.judge(found),
        statement=certified_judge_statement(found),
        method="judge",
        detail=found,
        is_tested=True,
        delta=delta,
    )


def _with_audits(subject: Subject, alpha: float, delta: float) -> Answer:
    assert subject.cohort.floor is not None  # noqa: S101 - narrows the type; only such a cohort is audited
    bands = subject.judged_bands
    found: AuditedRecommendation = recommend_with_audits(
        subject.cohort.groups(bands),
        subject.cohort.audited(bands),
        in_force=subject.cohort.floor,
        alpha=alpha,
        delta=delta,
    )
    return Answer(
        threshold=found.threshold,
        risk_threshold=None if found.threshold is None else subject.judged_risk,
        reason=found.reason,
        figures=answer_wording.audits(found, subject.cohort.floor),
        statement=certified_audit_statement(
            found, in_force=subject.cohort.floor, risk_in_force=subject.judged_risk, unit=subject.unit
        ),
        method="audits",
        detail=found,
        is_tested=True,
        delta=delta,
    )


def _with_band(subject: Subject, alpha: float, delta: float) -> Answer:
    found = recommend_band(
        subject.cohort.groups(subject.judged_bands), alpha=alpha, delta=delta, floor=subject.cohort.floor
    )
    return Answer(
        threshold=found.threshold,
        risk_threshold=None if found.threshold is None else subject.judged_risk,
        ceiling=found.ceiling,
        reason=found.reason,
        figures=answer_wording.band(found),
        statement=certified_band_statement(found, risk_in_force=subject.judged_risk, unit=subject.unit),
        method="band",
        detail=found,
        is_tested=True,
        delta=delta,
    )


def _pair(subject: Subject, current_risk: float, alpha: float, delta: float) -> Answer:
    cohort, counts = subject.cohort, subject.cohort.counts
    chosen = cohort.passing(len(subject.risk_edges) + 1)
    usable = cohort.labels[chosen]
    # Every risk in a band compares with every edge as its lower end does.
    lower_ends = [0, *subject.risk_edges]
    found: JointRecommendation = recommend_pair(
        [lower_ends[band] / LATTICE for band in counts.risk_band[chosen]],
        counts.confidence[chosen] / LATTICE,
        counts.labelled[chosen] * usable,
        counts.successes[chosen] * usable,
        counts.decisions[chosen],
        alpha=alpha,
        delta=delta,
        current_risk=current_risk,
        confidence_floor=cohort.floor,
        risk_floor=subject.risk_floor,
    )
    best = next((answer for risk, answer in found.grid if risk == found.risk_threshold), None)
    return Answer(
        threshold=found.confidence_threshold,
        risk_threshold=found.risk_threshold,
        reason=found.reason,
        figures=answer_wording.pair(found, best),
        statement=certified_pair_statement(found, unit=subject.unit),
        method="pair",
        detail=found,
        is_tested=True,
        delta=delta,
    )
