"""What a proposed config does, or would have done, to decisions. Counted by the apps above, who register how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from confidence_project.foundation.errors import Unavailable
from confidence_project.foundation.registry import Registry
from governance.models import ConfidencePolicyProposal, Rollout


@dataclass(frozen=True, slots=True)
class Flips:
    """Decisions that the policy in force ruled over during a rollout, and on how many the candidate differed.

    Attributes
    ----------
    compared
        Decisions on which both spoke: everything in shadow, the control arm of a canary.
    to_block, to_allow
        Allowed that the candidate would have blocked, and the other way round.
    canary
        Decisions for which the candidate ruled.
    """

    compared: int
    to_block: int
    to_allow: int
    canary: int


FlipCounter = Callable[[Rollout], Flips]

FLIP_COUNTER: Registry[FlipCounter] = Registry("counter of flips")


def flips_of(rollout: Rollout) -> Flips | None:
    """Return the flips of a rollout so far; None when no app counts them."""
    count = FLIP_COUNTER.get()
    return count(rollout) if count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What a proposed config would have done to recorded decisions, against the config that it would change.

    Attributes
    ----------
    decisions
        Decisions of `window_from <= time < window_to` that thresholds decided; the others are not affected.
    allowed_before, allowed_after
        Those that the config in force, and the proposed one, allow.
    to_block, to_allow
        Those on which the two differ.
    labelled_before, failures_before, labelled_after, failures_after
        Of those that are allowed, the ones whose outcome is known, and of these the failures.
    newly_allowed_unlabelled
        Of `to_allow`, the ones whose outcome nobody knows: mostly they were blocked, so nothing came of them.
    """

    window_from: datetime
    window_to: datetime
    decisions: int
    allowed_before: int
    allowed_after: int
    to_block: int
    to_allow: int
    labelled_before: int
    failures_before: int
    labelled_after: int
    failures_after: int
    newly_allowed_unlabelled: int

    @property
    def coverage_before(self) -> float | None:
        """Share of the decisions that is allowed; None without decisions."""
        return _share(self.allowed_before, self.decisions)

    @property
    def coverage_after(self) -> float | None:
        return _share(self.allowed_after, self.decisions)

    @property
    def failure_rate_before(self) -> float | None:
        """Share of failures among the allowed decisions whose outcome is known; None where there is none."""
        return _share(self.failures_before, self.labelled_before)

    @property
    def failure_rate_after(self) -> float | None:
        return _share(self.failures_after, self.labelled_after)

    @property
    def caveat(self) -> str:
        """What the failure rates do not show, in words; blank where every outcome is known."""
        unknown = self.allowed_after - self.labelled_after
        if not unknown:
            return ""
        return (
            f"The failure rates are of decisions whose outcome is known. It is not known for {unknown} of the "
            f"{self.allowed_after} decisions that would be allowed; {self.newly_allowed_unlabelled} of these are not "
            "allowed by the config in force. Outcomes are mostly reported for what was allowed, so the known ones are "
            "no fair sample of the others."
        )


Backtester = Callable[[ConfidencePolicyProposal], Backtest]

BACKTESTER: Registry[Backtester] = Registry("backtester")


def backtest_of(proposal: ConfidencePolicyProposal) -> Backtest:
    """Return what a proposal would have done to recorded decisions.

    Raises
    ------
    InvalidInput
        The policy gates no decisions, or the definition refuses a config.
    Unavailable
        No app counts decisions.
    """
    backtest = BACKTESTER.get()
    if backtest is None:
        raise Unavailable("Nothing here counts decisions.")
    return backtest(proposal)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
