"""What a plan of labels is asked, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from calibration.statistics.checks import MAX_COST
from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.definitions import SEGMENT_KEYS, FieldKind, get_definition

MOST_WEEKS = 52
MOST_LABELS = 100_000
"""In all weeks together: beyond it a plan is a project of its own."""


class Target(StrEnum):
    """What labels are to show."""

    CERTIFY = "certify"
    """The threshold that allows most, whichever it is."""
    CONFIRM = "confirm"
    """The threshold in force."""
    LOOSEN = "loosen"
    """A given lower threshold."""
    WATCH = "watch"
    """That what is allowed fails at a given rate or above, as soon as it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanQuestion:
    """A target with what may be spent on it.

    Parameters
    ----------
    policy_key : str
        A policy that gates decisions.
    target : Target
        What labels are to show.
    to : float or None
        The threshold to loosen to, or the failure rate to watch for; None for the other targets.
    cost, budget : float
        Of one label, and of each week, in any one unit.
    weeks : int
        For how many weeks the budget is there, 1 to 52.
    target_failure_rate, risk_confidence : float or None
        α and 1 − δ. None: those of the policy's next review for what would loosen, otherwise .05 and .95.
    segment : mapping of str to str
        What the decisions carry that are planned for; empty: the segment with most decisions.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        Something is no such number, or is missing; there is no such policy, or it has no confidence threshold.
    """

    policy_key: str
    target: Target
    to: float | None = None
    cost: float
    budget: float
    weeks: int = 8
    target_failure_rate: float | None = None
    risk_confidence: float | None = None
    segment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        definition = get_definition(self.policy_key)
        if definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD) is None:
            raise _invalid("policy_key", "this policy has no confidence threshold, so no label certifies one")
        if not 0 < self.cost <= MAX_COST:
            raise _invalid("cost", f"the cost of a label is a number above 0 and at most {MAX_COST:g}")
        if not self.cost <= self.budget <= MAX_COST:
            raise _invalid("budget", f"the budget of a week pays one label at least, and is at most {MAX_COST:g}")
        if not 1 <= self.weeks <= MOST_WEEKS:
            raise _invalid("weeks", f"a plan is for 1 to {MOST_WEEKS} weeks")
        # Not by `most`: with a cost next to nothing the quotient is infinite.
        if self.budget * self.weeks >= (MOST_LABELS + 1) * self.cost:
            raise _invalid("budget", f"a plan is for at most {MOST_LABELS:,} labels; plan with a smaller budget")
        if (self.to is None) is (self.target in (Target.LOOSEN, Target.WATCH)):
            raise _invalid(
                "to", "give the threshold to loosen to, or the failure rate to watch for, and nothing otherwise"
            )
        if self.to is not None and not 0 <= self.to <= 1:
            raise _invalid("to", "thresholds and failure rates lie from 0 to 1")
        if not set(self.segment) <= set(SEGMENT_KEYS):
            raise _invalid("segment", f"segments are named by some of {', '.join(SEGMENT_KEYS)}")

    @property
    def most(self) -> int:
        """The most labels that the budget pays."""
        return int(self.budget * self.weeks / self.cost)


def _invalid(name: str, detail: str) -> InvalidInput:
    return InvalidInput(f"{detail[0].upper()}{detail[1:]}.", [FieldProblem(f"/{name}", "value", detail)])
