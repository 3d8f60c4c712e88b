"""Which labels next: how many, where on the scale, and what coverage they are expected to certify."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from calibration.statistics.checks import check_at_least, check_delta, check_open_unit, check_seed
from calibration.statistics.fixed_sequence import minimum_sample
from calibration.statistics.groups import Groups
from calibration.statistics.lattice import LATTICE, FloatArray
from calibration.statistics.thresholds import recommend_for_groups

CONFIDENT_SHARE = 0.5
"""Share of the decisions, the most confident ones, in which labels certify most."""

LABELS = (50, 100, 200, 400, 800, 1600)
"""Numbers of labels that are weighed against each other."""

DRAWS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """Labels to collect, and what they are expected to certify.

    Parameters
    ----------
    labels : int
        How many, drawn at random; 0 where no decision is unlabelled.
    low, high : float or None
        Draw them among the unlabelled decisions with a confidence in [low, high].
    unlabelled : int
        Decisions that they can be drawn from.
    coverage_now : float
        Share of all decisions that is certified with the labels there are.
    coverage_expected : float or None
        The same, expected with the new ones: an estimate from failure rates that are taken to fall with the
        confidence. None where no label tells a rate.
    gain : float or None
        The difference.
    reason : str or None
        Why figures are None, or no labels are asked for.
    """

    labels: int
    low: float | None
    high: float | None
    unlabelled: int
    coverage_now: float
    coverage_expected: float | None
    gain: float | None
    reason: str | None


def plan_labels(
    groups: Groups, *, alpha: float, delta: float, floor: float | None = None, labels: int | None = None, seed: int = 0
) -> LabelPlan:
    """Plan the next labels: in the most confident half first, as many as certify most per label.

    Parameters
    ----------
    groups : Groups
        Decisions by confidence, with their totals.
    alpha, delta : float
        Failure rate to stay below in (0, 1), and accepted probability of being wrong in (0, 0.25].
    floor : float, optional
        Strictest threshold in force: labels below it certify nothing by themselves.
    labels : int, optional
        Plan so many, at least 1; left out, the best of `LABELS`.
    seed : int
        Seed of the draws.

    Returns
    -------
    LabelPlan
        Number, place and expected gain.

    Raises
    ------
    ValueError
        When a number is impossible.

    References
    ----------
    Barlow and others (1972), "Statistical inference under order restrictions", for the rates.
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    check_seed(seed)
    asked = LABELS if labels is None else (check_at_least("labels", labels, 1),)
    reachable = groups if floor is None else groups.allowed_by(floor)
    now = recommend_for_groups(groups, alpha=alpha, delta=delta, floor=floor).coverage or 0.0
    place = _most_confident(reachable)
    low = None if place is None else int(place.value[0]) / LATTICE
    high = None if place is None else int(place.value[-1]) / LATTICE
    free = 0 if place is None else place.decisions - place.labelled

    def plan(number: int, expected: float | None, reason: str | None) -> LabelPlan:
        gain = None if expected is None else expected - now
        return LabelPlan(
            labels=number, low=low, high=high, unlabelled=free, coverage_now=now, coverage_expected=expected,
            gain=gain, reason=reason,
        )  # fmt: skip

    if place is None:
        return plan(0, None, "every decision that can count is labelled")
    if reachable.labelled == 0:
        least = minimum_sample(alpha, delta) if labels is None else labels
        return plan(min(least, free), None, "no label yet tells a failure rate")
    rates = _falling_rates(reachable)
    rng = np.random.default_rng(seed)
    tried = sorted({min(number, free) for number in asked})
    expected = [_expected_coverage(groups, reachable, place, rates, n, alpha, delta, rng) for n in tried]
    best = max(range(len(tried)), key=lambda i: (expected[i] - now) / tried[i])
    return plan(tried[best], expected[best], None)


def _most_confident(groups: Groups) -> Groups | None:
    """Return the most confident half if it lacks labels, else all, else None."""
    reached = np.cumsum(groups.total[::-1])
    if reached.size == 0 or groups.labelled == groups.decisions:
        return None
    end = int(np.searchsorted(reached, CONFIDENT_SHARE * reached[-1]))
    half = groups.at_or_above(int(groups.value[::-1][end]))
    return half if half.labelled < half.decisions else groups


def _falling_rates(groups: Groups) -> FloatArray:
    """Estimate the failure rate of each group: the rates that fit best among those that fall with the confidence."""
    seen = groups.n > 0
    n = groups.n[seen]
    # Half a failure in one more decision keeps a clean stretch from being taken for certain.
    lost = (groups.failures[seen] + 0.5 / seen.sum()) / (n + 1.0 / seen.sum())
    fitted = isotonic_regression(lost, weights=n, increasing=False).x
    rates: FloatArray = np.interp(groups.value, groups.value[seen], fitted)
    return rates


def _expected_coverage(
    groups: Groups,
    reachable: Groups,
    place: Groups,
    rates: FloatArray,
    labels: int,
    alpha: float,
    delta: float,
    rng: np.random.Generator,
) -> float:
    """Average what is certified over draws of the labels and of their outcomes."""
    free = np.where(reachable.value >= place.value[0], reachable.total - reachable.n, 0)
    covered = 0.0
    for drawn in rng.multivariate_hypergeometric(free, labels, size=DRAWS):
        won = drawn - rng.binomial(drawn, rates)
        more = Groups(
            value=reachable.value,
            n=reachable.n + drawn,
            successes=reachable.successes + won,
            total=reachable.total,
        )
        covered += recommend_for_groups(more, alpha=alpha, delta=delta).coverage or 0.0
    return covered / DRAWS * (reachable.decisions / groups.decisions)
