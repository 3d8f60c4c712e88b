"""What a calibration run is asked to do, checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal, Self, TypedDict, Unpack

from django.conf import settings
from django.utils import timezone

from calibration.evidence.registry import source_for
from calibration.models import EvidenceEngine
from calibration.statistics.checks import MAX_COST, MAX_DELTA
from calibration.statistics.costs import Costs
from confidence_project.foundation.errors import InvalidInput
from governance.definitions import SEGMENT_KEYS, all_definitions, get_definition

METHOD, BAND_METHOD = "fallback", "fallback or band"

CostsSource = Literal["run", "workspace"]
"""Where costs come from: stated for the run, or kept by the workspace (`StandingCosts`)."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""What a window must lie in, so that lags and time zones stay within the times that can be represented."""

MIN_RATE = 1e-6
"""Smallest α, 1 − α and δ: below it the floating-point tails of the bounds mean nothing."""

PERIODS = 6
"""Periods of equal length that a window is looked at in; the recent third is the last two."""


class Question(TypedDict, total=False):
    """What may be asked of a calibration; what is left out, or None, has a default (`parameters_of`).

    Parameters
    ----------
    policy_keys
        The policy keys to look at; None or empty: every registered one.
    window_from, window_to
        Decisions of `window_from <= time < window_to`; None: see `default_window_start` and `default_window_end`.
    target_failure_rate, risk_confidence
        Wanted: a failure rate of at most α among what is allowed, with probability of at least 1 − δ.
    segment_by
        Keys to split the findings by; what a source never pools is split in any case.
    maturity_days
        Decisions younger than this at the window's end are left out; None: `CONFIDENCE_MATURITY_DAYS`.
    dry_run
        Store the figures and no proposal, and hold no review.
    tighten_only
        Name no threshold more lenient than the one in force: hold no review, even if the date of one has come.
    again
        Hold the last review of the calendar once more. It finds the same and spends nothing.
    costs
        What a false allow, a false block and a review cost: the findings show the cheapest threshold, too. It decides
        nothing. They hold for every policy key; None: those that the workspace keeps for each.
    engine
        Where decisions are counted; None: in the ledger. A review reads what its calendar names.
    """

    policy_keys: Sequence[str] | None
    window_from: datetime | None
    window_to: datetime | None
    target_failure_rate: float
    risk_confidence: float
    segment_by: Sequence[str]
    maturity_days: float | None
    dry_run: bool
    tighten_only: bool
    again: bool
    costs: Costs | None
    engine: EvidenceEngine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationParameters:
    """One question, whole.

    Parameters
    ----------
    policy_keys : tuple of str
        The policy keys in scope, sorted.
    window_from, window_to : datetime
        Decisions of `window_from <= time < window_to`.
    target_failure_rate : float
        α: the failure rate that allowed decisions may have, in [1e-6, 1 − 1e-6].
    risk_confidence : float
        1 − δ: how sure the bound is, in [0.75, 1 − 1e-6].
    segment_by : tuple of str
        What findings are split by, beside what a source never pools.
    maturity_days : float
        Decisions younger than this at the window's end are left out.
    dry_run : bool
        Show figures and store no proposal.
    tighten_only : bool
        Hold no review; so does a dry run.
    again : bool
        Hold the last review once more.
    band : bool
        Look for a confidence ceiling, too, where the policy has one: what the calendar of a review asks.
    costs : Costs, optional
        For the view beside the certified threshold. No part of `as_json`: they decide nothing.
    costs_source : {"run", "workspace"}
        Where the costs come from.
    engine : EvidenceEngine, optional
        Where decisions are counted. No part of `as_json`: the same decisions are the same evidence everywhere.
    """

    policy_keys: tuple[str, ...]
    window_from: datetime
    window_to: datetime
    target_failure_rate: float
    risk_confidence: float
    segment_by: tuple[str, ...]
    maturity_days: float
    dry_run: bool
    tighten_only: bool
    again: bool = False
    band: bool = False
    costs: Costs | None = None
    costs_source: CostsSource = "run"
    engine: EvidenceEngine | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, with what to do about it."""
        if not MIN_RATE <= self.target_failure_rate <= 1 - MIN_RATE:
            raise InvalidInput(
                "The target failure rate (--target-failure-rate) must lie in "
                f"[{MIN_RATE:f}, {1 - MIN_RATE:f}], for example 0.05."
            )
        if not 1 - MAX_DELTA <= self.risk_confidence <= 1 - MIN_RATE:
            raise InvalidInput(
                "The risk confidence (--risk-confidence) must lie in "
                f"[{1 - MAX_DELTA:g}, {1 - MIN_RATE:f}], for example 0.95."
            )
        _check_end("start", "--from", self.window_from)
        _check_end("end", "--to", self.window_to)
        if self.window_from >= self.window_to:
            raise InvalidInput("The window ends before it starts. Give a --from that lies before --to.")
        if not 0 <= self.maturity_days < 3650:
            raise InvalidInput("The maturity lag is a number of days of at least 0.")
        if self.window_to - self.window_from <= self.maturity_lag:
            raise InvalidInput("The window is no longer than the maturity lag: nothing in it is old enough.")
        self._check_segments()

    def _check_segments(self) -> None:
        # Of any policy: a source that does not know a key is not split by it, and its findings say by what they are.
        known = known_segment_keys()
        if not set(self.segment_by) <= set(known):
            raise InvalidInput(f"Segments are split by some of: {', '.join(known)}.")
        if len(set(self.segment_by)) < len(self.segment_by):
            raise InvalidInput("A segment key is given twice.")

    @property
    def delta(self) -> float:
        """Accepted probability of being wrong; rounded, since 1 − 0.95 is not 0.05 in floating point."""
        return round(1 - self.risk_confidence, 12)

    @property
    def maturity_lag(self) -> timedelta:
        return timedelta(days=self.maturity_days)

    def segment_by_for(self, policy_key: str) -> tuple[str, ...]:
        """What the findings of a policy key are split by: what was asked for and what is never pooled, if known."""
        source = source_for(policy_key)
        wanted = {*self.segment_by, *source.never_pooled}
        return tuple(key for key in source.segment_keys if key in wanted)

    def with_standing_costs(self, kept: Costs | None) -> Self:
        """Return the question with the costs that the workspace keeps for a policy key; stated ones win."""
        return self if self.costs or kept is None else replace(self, costs=kept, costs_source="workspace")

    def costs_as_json(self) -> dict[str, Any] | None:
        """Return the costs and where they come from, in JSON types; None where there are none."""
        return {"source": self.costs_source, **asdict(self.costs)} if self.costs else None

    def as_json(self) -> dict[str, Any]:
        """Return the parameters that decide about the findings, in JSON types."""
        return {
            "window_from": self.window_from.astimezone(UTC).isoformat(),
            "window_to": self.window_to.astimezone(UTC).isoformat(),
            "target_failure_rate": self.target_failure_rate,
            "risk_confidence": self.risk_confidence,
            "maturity_days": self.maturity_days,
            "method": BAND_METHOD if self.band else METHOD,
            "materiality": settings.CONFIDENCE_MATERIALITY,
        }


def parameters_of(**question: Unpack[Question]) -> CalibrationParameters:
    """Complete a question with its defaults and check it.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The question makes no sense.
    """
    lag = question.get("maturity_days")
    lag = float(settings.CONFIDENCE_MATURITY_DAYS if lag is None else lag)
    end = question.get("window_to") or default_window_end(lag)
    # Before the start is counted back from it.
    _check_end("end", "--to", end)
    return CalibrationParameters(
        policy_keys=policy_keys_in_scope(question.get("policy_keys")),
        window_from=question.get("window_from") or default_window_start(end),
        window_to=end,
        target_failure_rate=question.get("target_failure_rate", 0.05),
        risk_confidence=question.get("risk_confidence", 0.95),
        segment_by=tuple(question.get("segment_by", ("provider", "model"))),
        maturity_days=lag,
        dry_run=question.get("dry_run", False),
        tighten_only=question.get("tighten_only", False),
        again=question.get("again", False),
        costs=question.get("costs"),
        engine=question.get("engine"),
    )


def stated_costs(false_allow: float | None, false_block: float | None, review: float | None) -> Costs | None:
    """Return stated costs, None where none is stated.

    Raises
    ------
    InvalidInput
        Only some are stated, or they make no decision.
    """
    stated = [cost for cost in (false_allow, false_block, review) if cost is not None]
    if not stated:
        return None
    if false_allow is None or false_block is None or review is None:
        raise InvalidInput("State all three costs or none: of a false allow, of a false block and of a review.")
    try:
        return Costs(false_allow=false_allow, false_block=false_block, review=review)
    except ValueError as error:
        raise InvalidInput(
            f"Costs are finite numbers of at least 0 and at most {MAX_COST:g}, and at least one is above 0."
        ) from error


def known_segment_keys() -> tuple[str, ...]:
    """Return every key that the evidence of some policy can be split by."""
    known = {key for definition in all_definitions() for key in source_for(definition.key).segment_keys}
    return tuple(key for key in SEGMENT_KEYS if key in known)


def _check_end(name: str, option: str, at: datetime) -> None:
    if at.tzinfo is None:
        raise InvalidInput(f"The {name} of the window ({option}) needs a time zone.")
    if not EARLIEST <= at <= LATEST:
        raise InvalidInput(
            f"The {name} of the window ({option}) must lie between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}, UTC."
        )


def policy_keys_in_scope(asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the policy keys asked for, or every registered one; raise `UnknownPolicyKey` for one that is not."""
    if not asked:
        return tuple(definition.key for definition in all_definitions())
    return tuple(sorted({get_definition(key).key for key in asked}))


def default_window_end(maturity_days: float, now: datetime | None = None) -> datetime:
    """Return the last midnight (UTC) before a moment, so that a second run of the day sees the same window.

    Without a maturity lag today's decisions count, and the window ends at the coming midnight.
    """
    today = datetime.combine((now or timezone.now()).astimezone(UTC), time(), tzinfo=UTC)
    return today if maturity_days else today + timedelta(days=1)


def default_window_start(end: datetime) -> datetime:
    """Return the start of a window of `CONFIDENCE_CALIBRATION_WINDOW_DAYS` that ends at `end`."""
    return end - timedelta(days=settings.CONFIDENCE_CALIBRATION_WINDOW_DAYS)
