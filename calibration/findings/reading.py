"""Evidence as a person reads it: the findings of a proposal or a run, put into sentences, tables and curves.

Reads the JSON that calibration writes, and nothing else: what is on record is what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from calibration.findings.exploring import places_to_explore
from calibration.findings.finding import Brief, Finding, Stored
from calibration.findings.parts import Change
from calibration.findings.wording import every_decision_fails_too_often
from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.operating_points import OperatingPoint
from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.formatting import count, percent, segment, threshold
from governance.definitions import FieldDefinition, get_definition, title_of

LARGE_SHARE_WITHOUT_LABEL = 0.1
"""Above this share the promise is not said without the share of what is allowed that it does not speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Stored):
    """What was asked of the evidence: decisions of a window, a failure rate, and how sure to be of it."""

    window_from: datetime
    window_to: datetime
    target_failure_rate: float
    risk_confidence: float


@dataclass(frozen=True, slots=True)
class Step:
    """One value of a policy: what it is, and what it is to become; `after` None: nothing is recommended."""

    field: FieldDefinition
    before: float
    after: float | None

    @property
    def title(self) -> str:
        return self.field.title or self.field.name

    @property
    def has_change(self) -> bool:
        return self.after is not None and self.after != self.before


@dataclass(frozen=True, slots=True)
class Subject:
    """What was found about one segment, or one budget.

    A policy with two thresholds has two findings for a segment, from one body of evidence; budgets have one each.

    Attributes
    ----------
    place
        Where its first finding stands among those of the evidence: names its pictures.
    """

    place: int
    findings: Sequence[Finding]
    wanted: Wanted

    @property
    def finding(self) -> Finding:
        return self.findings[0]

    @property
    def title(self) -> str:
        """The segment; of budgets, which have none, the budget."""
        return self.steps[0].title if self.finding.is_of_budget else segment(self.finding.segment)

    @property
    def steps(self) -> list[Step]:
        definition = get_definition(self.finding.policy_key)
        return [Step(definition.field(each.field), each.current, each.recommended) for each in self.findings]

    @property
    def rows(self) -> int:
        """Rows of its table: the figures of each finding, and below them its words."""
        return 2 * len(self.findings)

    @property
    def groups_id(self) -> str:
        """Where the page keeps the groups of its explorer."""
        return f"groups-{self.place}"

    @property
    def sentence(self) -> str:
        """The change, what it does, and what is promised of it, in plain words."""
        point, change = self.finding.at_recommended, self.finding.change
        if point is None:
            return self.finding.explanation
        steps = _and([_step_in_words(step) for step in self.steps if step.has_change])
        if change is None:
            return f"{steps} {self._what_a_budget_does(point)}"
        warning = every_decision_fails_too_often(self.finding.every_decision, self.wanted.target_failure_rate)
        said = (
            f"{steps} for {segment(self.finding.segment)} would {_allow(change)}. {self._promise(point)}"
            f"{'' if isinstance(self.finding.answer, DrawnRecommendation) else _without_label(point)}"
        )
        return f"{warning} {said}" if warning else said

    def _promise(self, point: OperatingPoint) -> str:
        sure, most = percent(self.wanted.risk_confidence), percent(self.wanted.target_failure_rate)
        answer = self.finding.answer
        if isinstance(answer, DrawnRecommendation):
            given = ", given that decisions were drawn at random at the rates on record"
        elif isinstance(answer, AuditedRecommendation) and answer.is_of_all:
            given = ", given that no label is missing because of its outcome"
        else:
            given = ", as far as outcomes are known"
        what = "the cases that it allows fail at their first decision" if self._counts_cases else "what it allows fails"
        return f"With {sure} confidence at most {most} of {what}{given}{_seen(point)}."

    @property
    def _later_decisions(self) -> int:
        return self.finding.cohort.decisions_before_collapse_by_case - self.finding.decisions

    @property
    def _counts_cases(self) -> bool:
        return self.finding.every_decision is not None

    def _what_a_budget_does(self, point: OperatingPoint) -> str:
        answer, now = self.finding.answer, self.finding.at_current
        sure = f"With {percent(1 - answer.delta)} confidence at" if isinstance(answer, BudgetRecommendation) else "At"
        return (
            f"would leave {_whole(point)} of {count(point.labelled)} bundles whole, instead of {_whole(now)}. {sure} "
            f"most {percent(self.wanted.target_failure_rate)} of bundles need more."
        )

    @property
    def slider(self) -> dict[str, Any]:
        """What the threshold explorer needs."""
        return places_to_explore(self.findings, self.wanted.target_failure_rate)

    @property
    def not_covered(self) -> list[str]:
        """What the evidence does not speak of, one sentence each."""
        finding, left_out, cohort = self.finding, self.finding.left_out, self.finding.cohort
        unlabelled = finding.decisions - finding.labelled - cohort.labels_below_threshold_in_force
        unknown = "have no outcome: nobody knows how they went."
        if cohort.kind == "drawn":
            unknown = "were not drawn, or lie where nothing may be loosened: what was drawn stands for them."
        else:
            unlabelled -= cohort.labels_left_aside
        sentences = [
            (unlabelled, f"of {count(finding.decisions)} decisions {unknown}"),
            (cohort.labels_left_aside, "labels belong to the source that does not rule here, and were left aside."),
            (cohort.labels_below_threshold_in_force, "labels lie below the strictest threshold of the window, or on "
             "imported decisions that were blocked: they are no fair sample of what was blocked, and do not count."),
            (cohort.labels_not_pooled, f"labels belong to {_others(cohort.kind)}, and were not pooled."),
            (self._later_decisions, "are later decisions of a case, of which only the first counts."),
            (left_out.too_young, "decisions are too young to have had a fair chance of an outcome."),
            (left_out.no_confidence, "decisions carried no confidence."),
            (left_out.untold, "drawn decisions were left out, as the labelling rules say: nobody could tell."),
            (left_out.above_ceiling, "decisions lay above the confidence ceiling."),
            (left_out.blocked_by_risk, "decisions were blocked by their risk, whatever their confidence."),
            (left_out.without_risk, "decisions carried no risk score."),
            (left_out.other_checks, "decisions were blocked by other checks."),
        ]  # fmt: skip
        return [f"{count(number)} {text}" for number, text in sentences if number > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a proposal or a policy key of a run rests on.

    Attributes
    ----------
    refusals
        Segments that were looked at and left as they are, one finding each.
    review
        Which review it was, and when the next one is, for `wording.calendar`.
    costs
        What was taken to cost what, for `wording.costs_in_use`; None: nothing was.
    counted_in
        In which engine, for `engines.wording.counted_in`; None: in the database.
    days
        Of a run: which days came from daily counts, for `evidence.wording.where_counted`; None: none.
    """

    policy_key: str
    source: str | None
    counted_in: Mapping[str, Any] | None
    days: Mapping[str, Any] | None
    wanted: Wanted
    costs: Mapping[str, Any] | None
    review: Mapping[str, Any]
    subjects: Sequence[Subject]
    refusals: Sequence[Brief]
    template = "admin/calibration/_evidence.html"

    @property
    def title(self) -> str:
        return title_of(self.policy_key)

    @property
    def sentence(self) -> str:
        """Everything in one paragraph."""
        left = len(self.refusals)
        others = {0: "", 1: " One other segment stays as it is."}.get(left, f" {left} other segments stay as they are.")
        return " ".join(subject.sentence for subject in self.subjects) + others


def read_evidence(raw: Mapping[str, Any] | None) -> Evidence | None:
    """Return evidence with findings, ready to be shown; None for anything else, and for a policy that is gone."""
    if not raw or not raw.get("findings"):
        return None
    try:
        wanted = Wanted.from_json(raw.get("parameters"))
        findings = [Finding.from_json(stored) for stored in raw["findings"]]
        left = [Brief.from_json(stored) for stored in raw.get("not_proposed", ())]
        for each in findings:
            get_definition(each.policy_key).field(each.field)
    except DomainError:
        return None
    return Evidence(
        policy_key=findings[0].policy_key,
        source=raw.get("source"),
        counted_in=raw.get("engine"),
        days=raw.get("days"),
        wanted=wanted,
        costs=raw.get("costs"),
        review=raw.get("review") or {},
        subjects=_subjects(findings, wanted),
        refusals=[each for place, each in enumerate(left) if all(each.segment != one.segment for one in left[:place])],
    )


def _subjects(findings: Sequence[Finding], wanted: Wanted) -> list[Subject]:
    groups = (list(group) for _, group in groupby(enumerate(findings), key=lambda each: _subject_key(each[1])))
    return [Subject(members[0][0], [finding for _, finding in members], wanted) for members in groups]


def _subject_key(finding: Finding) -> tuple[Any, str]:
    return finding.segment, finding.field if finding.is_of_budget else ""


def _step_in_words(step: Step) -> str:
    name = step.title[0].lower() + step.title[1:]
    moved = "Raising" if step.after is not None and step.after > step.before else "Lowering"
    return f"{moved} “{name}” from {threshold(step.before)} to {threshold(step.after)}"


def _and(parts: Sequence[str]) -> str:
    return " and ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])]) if parts else "No change"


def _whole(point: OperatingPoint) -> str:
    return percent(None if point.failure_rate is None else 1 - point.failure_rate)


def _allow(change: Change) -> str:
    share = f"{percent(change.expected_coverage)} of all decisions"
    if not change.block_to_allow and not change.allow_to_block:
        return f"allow what is allowed now, {share}"
    return f"allow {share} instead of {percent(change.current_coverage)}"


def _without_label(point: OperatingPoint) -> str:
    share = 1 - point.labelled / point.allowed if point.allowed else 0
    return f" {percent(share)} of what it allows has no label." if share > LARGE_SHARE_WITHOUT_LABEL else ""


def _others(kind: str) -> str:
    """The decisions beside those of a cohort."""
    if kind == "complete_history":
        return "decisions of the gate, beside imported history"
    return "imported history, beside decisions of the gate"


def _seen(point: OperatingPoint) -> str:
    if point.failure_rate is None:
        return ""
    return f" ({percent(point.failure_rate)} of {count(point.labelled)} with a label did)"
