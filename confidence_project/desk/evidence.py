"""Evidence as a person reads it: the findings of a proposal or a run, put into sentences, tables and curves.

Reads the JSON that calibration writes, and nothing else: what is on record is what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from calibration.findings import wording
from confidence_project.desk.pictures.charts import labelled_part, share_of_all
from confidence_project.foundation.errors import DomainError
from governance.definitions import FieldDefinition, get_definition

Finding = Mapping[str, Any]

BUDGET = "budget"
"""Method of findings about budgets."""

LARGE_SHARE_WITHOUT_LABEL = 0.1
"""Above this share the promise is not said without the share of what is allowed that it does not speak of."""


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
    target: float
    sure: float

    @property
    def finding(self) -> Finding:
        return self.findings[0]

    @property
    def segment(self) -> str:
        return wording.segment(self.finding["segment"])

    @property
    def is_budget(self) -> bool:
        return bool(self.finding["method"] == BUDGET)

    @property
    def title(self) -> str:
        """The segment; of budgets, which have none, the budget."""
        return self.steps[0].title if self.is_budget else self.segment

    @property
    def steps(self) -> list[Step]:
        definition = get_definition(self.finding["policy_key"])
        return [Step(definition.field(each["field"]), each["current"], each["recommended"]) for each in self.findings]

    @property
    def rows(self) -> int:
        """Rows of its table: the figures of each finding, and below them its words."""
        return 2 * len(self.findings)

    @property
    def has_curve(self) -> bool:
        return bool(self.finding["operating_curve"])

    @property
    def sentence(self) -> str:
        """The change, what it does, and what is promised of it, in plain words."""
        point, change = self.finding["at_recommended"], self.finding["change"]
        if point is None:
            return str(self.finding["explanation"])
        steps = _and([_step_in_words(step) for step in self.steps if step.has_change])
        if change is None:
            return f"{steps} {self._what_a_budget_does(point)}"
        return (
            f"{steps} for {self.segment} would {_allow(change)}. With {percent(self.sure)} confidence the true failure "
            f"rate of {self._of_which} is at most {percent(self.target)}{_seen(point)}.{_without_label(point)}"
        )

    @property
    def _of_which(self) -> str:
        """The decisions that the promise speaks of: below the threshold in force, audits stand for all of them."""
        if any(step["certified"] for step in self.finding["answer"].get("steps", ())):
            return "all that it allows, if no label is missing because of its outcome,"
        return "the labelled decisions that it allows"

    def _what_a_budget_does(self, point: Mapping[str, Any]) -> str:
        sure = 1 - self.finding["answer"]["delta"]
        return (
            f"would leave {percent(1 - point['failure_rate'])} of {point['labelled']:,} bundles whole, instead of "
            f"{percent(1 - self.finding['at_current']['failure_rate'])}. With {percent(sure)} confidence at most "
            f"{percent(self.target)} of bundles need more."
        )

    @property
    def slider(self) -> dict[str, Any]:
        """What the threshold explorer needs, as it is stored: one group for each point of the curve."""
        finding = self.finding
        known = {point["threshold"] for point in labelled_part(finding)}
        groups = {
            point["threshold"]: self._group(
                point, [point["failure_rate"], point["low"], point["high"]] if point["threshold"] in known else None
            )
            for point in finding["operating_curve"]
        }
        # The curve is thinned out; the thresholds that matter most are looked up exactly. One of a pair is left as it
        # is: it holds with another risk threshold, and so with other decisions.
        for point in (finding["at_current"], None if len(self.findings) > 1 else finding["at_recommended"]):
            if point and point["interval"]:
                groups[point["threshold"]] = {
                    **{name: point[name] for name in ("threshold", "coverage", "allowed")},
                    "failures": [point["failure_rate"], *point["interval"]],
                }
        return {
            "target": self.target,
            "current": finding["current"],
            "proposed": finding["recommended"],
            "allowedNow": finding["at_current"]["allowed"],
            "groups": [groups[threshold] for threshold in sorted(groups)],
        }

    def _group(self, point: Mapping[str, float], failures: list[float] | None) -> dict[str, Any]:
        return {
            "threshold": point["threshold"],
            "coverage": point["coverage"] * share_of_all(self.finding),
            "allowed": round(point["coverage"] * self.finding["decisions"]),
            "failures": failures,
        }

    @property
    def not_covered(self) -> list[str]:
        """What the evidence does not speak of, one sentence each."""
        finding = self.finding
        left_out, cohort = finding["left_out"], finding["cohort"]
        unlabelled = finding["decisions"] - finding["labelled"] - cohort["labels_below_threshold_in_force"]
        sentences = [
            (unlabelled, f"of {finding['decisions']:,} decisions have no outcome: nobody knows how they went."),
            (cohort["labels_below_threshold_in_force"], "labels lie below the threshold that was in force, or on "
             "imported decisions that were blocked: they are no fair sample of what was blocked, and do not count."),
            (cohort["labels_not_pooled"], f"labels belong to {_others(cohort['kind'])}, and were not pooled."),
            (left_out["too_young"], "decisions are too young to have had a fair chance of an outcome."),
            (left_out["no_confidence"], "decisions carried no confidence."),
            (left_out["blocked_by_risk"], "decisions were blocked by their risk, whatever their confidence."),
            (left_out["without_risk"], "decisions carried no risk score."),
            (left_out["other_checks"], "decisions were blocked by other checks."),
        ]  # fmt: skip
        return [f"{count:,} {text}" for count, text in sentences if count > 0]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a proposal or a policy key of a run rests on."""

    raw: Mapping[str, Any]
    subjects: Sequence[Subject]

    @property
    def window(self) -> tuple[datetime, datetime]:
        """From when to when decisions were looked at."""
        parameters = self.raw["parameters"]
        return datetime.fromisoformat(parameters["window_from"]), datetime.fromisoformat(parameters["window_to"])

    @property
    def refusals(self) -> Sequence[Finding]:
        """Segments that were looked at and left as they are, one finding each."""
        seen: list[Finding] = []
        for each in self.raw.get("not_proposed", ()):
            if all(each["segment"] != other["segment"] for other in seen):
                seen.append(each)
        return seen

    @property
    def sentence(self) -> str:
        """Everything in one paragraph."""
        left = len(self.refusals)
        others = {0: "", 1: " One other segment stays as it is."}.get(left, f" {left} other segments stay as they are.")
        return " ".join(subject.sentence for subject in self.subjects) + others


def read_evidence(raw: Mapping[str, Any] | None) -> Evidence | None:
    """Return evidence with findings, ready to be shown; None for anything else, and for a policy that is gone."""
    if not raw or not raw.get("findings") or "parameters" not in raw or not _is_registered(raw["findings"]):
        return None
    parameters = raw["parameters"]
    numbered = enumerate(raw["findings"])
    subjects = []
    for _, group in groupby(numbered, key=lambda each: _subject_key(each[1])):
        members = list(group)
        subjects.append(
            Subject(
                members[0][0],
                [finding for _, finding in members],
                parameters["target_failure_rate"],
                parameters["risk_confidence"],
            )
        )
    return Evidence(raw, subjects)


def _subject_key(finding: Finding) -> tuple[Any, str]:
    return finding["segment"], finding["field"] if finding["method"] == BUDGET else ""


def _is_registered(findings: Sequence[Finding]) -> bool:
    try:
        for each in findings:
            get_definition(each["policy_key"]).field(each["field"])
    except DomainError:
        return False
    return True


def percent(share: float | None, digits: int = 3) -> str:
    """Return a share as a percentage with so many significant digits; a dash for None."""
    return "–" if share is None else f"{float(f'{share * 100:.{digits}g}'):g} %"


def value_text(value: float | None) -> str:
    """Return a value of a policy: up to four decimals, none of them idle, thousands apart; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _step_in_words(step: Step) -> str:
    name = step.title[0].lower() + step.title[1:]
    moved = "Raising" if step.after is not None and step.after > step.before else "Lowering"
    return f"{moved} “{name}” from {value_text(step.before)} to {value_text(step.after)}"


def _and(parts: Sequence[str]) -> str:
    return " and ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])]) if parts else "No change"


def _allow(change: Mapping[str, Any]) -> str:
    share = f"{percent(change['expected_coverage'])} of all decisions"
    if not change["block_to_allow"] and not change["allow_to_block"]:
        return f"allow what is allowed now, {share}"
    return f"allow {share} instead of {percent(change['current_coverage'])}"


def _without_label(point: Mapping[str, Any]) -> str:
    share = 1 - point["labelled"] / point["allowed"] if point["allowed"] else 0
    return f" {percent(share)} of what it allows has no label." if share > LARGE_SHARE_WITHOUT_LABEL else ""


def _others(kind: str) -> str:
    """The decisions beside those of a cohort."""
    if kind == "complete_history":
        return "decisions of the gate, beside imported history"
    return "imported history, beside decisions of the gate"


def _seen(point: Mapping[str, Any]) -> str:
    if point["failure_rate"] is None:
        return ""
    return f" ({percent(point['failure_rate'])} seen in {point['labelled']:,} labelled decisions)"
