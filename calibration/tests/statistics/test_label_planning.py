"""Plans of labels: against other computations, and what holds of every plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from calibration.statistics.failure_curve import BEND, FALL, LEVEL, Classes, draw_failure_curves
from calibration.statistics.groups import Groups
from calibration.statistics.label_planning import choose, labels_until_alarm, plan_labels

ALPHA = DELTA = 0.05


def pilot(rates: dict[float, float], *, labels: int = 40, total: int = 1_000) -> Groups:
    """As many decisions and labels at each confidence, of which about a share fails."""
    failures = [round(labels * rate) for rate in rates.values()]
    each = [labels] * len(rates)
    return Groups.from_arrays(list(rates), each, np.subtract(each, failures), [total] * len(rates))


def test_curves__one_confidence__posterior_of_its_rate_by_quadrature() -> None:
    """With one class the process is one normal log-odds, whose posterior mean is an integral over a line."""
    classes = Classes.of(Groups.from_arrays([0.9], [60], [54], [500]))
    drawn = draw_failure_curves(classes, draws=20_000, rng=np.random.default_rng(1))[:, 0]
    spread = np.sqrt(LEVEL[1] ** 2 + BEND**2)  # the rank of the only class is the median, where the line is 0

    def weight(odds: float) -> float:
        return stats.norm.pdf(odds, LEVEL[0], spread) * stats.binom.pmf(6, 60, 1 / (1 + np.exp(-odds)))

    whole = integrate.quad(weight, -12, 6)[0]
    mean = integrate.quad(lambda odds: weight(odds) / (1 + np.exp(-odds)), -12, 6)[0] / whole
    assert drawn.mean() == pytest.approx(mean, abs=0.006)


def test_curves__no_labels__draws_are_of_the_prior() -> None:
    classes = Classes.of(Groups.from_arrays([0.5, 0.9], [0, 0], [0, 0], [100, 100]))
    drawn = draw_failure_curves(classes, draws=20_000, rng=np.random.default_rng(1))
    odds = np.log(drawn / (1 - drawn))
    assert odds.mean(axis=0) == pytest.approx([LEVEL[0] - FALL[0] / 4, LEVEL[0] + FALL[0] / 4], abs=0.05)
    spread = np.sqrt(LEVEL[1] ** 2 + FALL[1] ** 2 / 16 + BEND**2)
    assert odds.std(axis=0) == pytest.approx([spread, spread], rel=0.03)


def test_plan__one_confidence__chance_is_that_of_the_exact_test() -> None:
    """All labels at one confidence whose rate is known well: it certifies where the binomial test does."""
    groups = Groups.from_arrays([0.9], [100_000], [98_000], [100_000])
    for option in plan_labels(groups, most=400, decisions=10_000, alpha=ALPHA, delta=DELTA, draws=2_000):
        passed = [k for k in range(option.labels) if stats.binom.cdf(k, option.labels, ALPHA) <= DELTA]
        chance = stats.binom.cdf(max(passed), option.labels, 0.02)
        assert option.chance == pytest.approx(chance, abs=0.04)
        assert option.coverage == pytest.approx(option.chance)


def test_plan__good_top_and_bad_rest__labels_the_top() -> None:
    groups = pilot({0.5: 0.5, 0.6: 0.45, 0.7: 0.4, 0.8: 0.3, 0.95: 0.0})
    options = plan_labels(groups, most=400, decisions=5_000, alpha=ALPHA, delta=DELTA)
    chosen = choose(options)
    assert (chosen.confidence_from, chosen.share) == (0.95, 0.2)
    assert chosen.coverage > 2 * chosen.evenly


def test_plan__everything_is_good__labels_are_drawn_evenly() -> None:
    groups = pilot({0.5: 0.0, 0.7: 0.0, 0.9: 0.0}, labels=200)
    options = plan_labels(groups, most=500, decisions=5_000, alpha=0.1, delta=DELTA)
    assert options[-1].evenly > 0.4
    assert options[-1].share == 1.0


def test_plan__threshold_to_reach__its_decisions_are_labelled_and_no_others() -> None:
    groups = pilot({0.5: 0.5, 0.7: 0.02, 0.9: 0.0}, labels=200)
    options = plan_labels(groups, most=600, decisions=5_000, alpha=ALPHA, delta=DELTA, reach=0.65)
    chosen = choose(options, is_reach=True)
    assert (chosen.confidence_from, chosen.share) == (0.7, pytest.approx(2 / 3))
    assert chosen.chance >= 0.8
    assert all(option.chance < 0.8 for option in options if option.labels < chosen.labels)


def test_plan__budget_below_the_smallest_sample__no_option() -> None:
    groups = pilot({0.9: 0.0})
    assert plan_labels(groups, most=58, decisions=5_000, alpha=ALPHA, delta=DELTA) == ()
    assert plan_labels(groups, most=5_000, decisions=58, alpha=ALPHA, delta=DELTA) == ()
    assert plan_labels(groups, most=59, decisions=5_000, alpha=ALPHA, delta=DELTA)[0].labels == 59


@pytest.mark.parametrize(
    ("given_", "message"),
    [({"most": -1}, "most"), ({"alpha": 1.0}, "alpha"), ({"delta": 0.3}, "delta"), ({"reach": 0.99}, "reach")],
)
def test_plan__impossible_argument__is_named(given_: dict[str, float], message: str) -> None:
    arguments = {"most": 100, "decisions": 1_000, "alpha": ALPHA, "delta": DELTA, **given_}
    with pytest.raises(ValueError, match=message):
        plan_labels(pilot({0.9: 0.0}), **arguments)  # type: ignore[arg-type]


RATES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6)


@settings(deadline=None, max_examples=25)
@given(rates=RATES, most=st.integers(59, 400), more=st.integers(0, 400), reach=st.sampled_from([None, 0.3]))
def test_plan__whatever_the_pilot__more_budget_never_gives_less(
    rates: list[float], most: int, more: int, reach: float | None
) -> None:
    groups = pilot({(place + 3) / 10: rate for place, rate in enumerate(rates)})
    small, large = (
        plan_labels(groups, most=m, decisions=600, alpha=0.1, delta=0.1, reach=reach, draws=20)
        for m in (most, most + more)
    )
    assert large[: len(small)] == small
    is_reach = reach is not None
    gains = [
        (o.chance if is_reach else o.coverage)
        for o in (choose(small, is_reach=is_reach), choose(large, is_reach=is_reach))
    ]
    assert gains[0] <= gains[1]
    for option in large:
        assert option.labels <= min(most + more, 600 * option.share + 1e-9)
        assert 0.0 <= option.low <= option.high <= option.share + 1e-12
        assert 0.0 <= option.chance <= 1.0


def test_watch__chance_of_the_alarm__by_recursion_over_exact_states() -> None:
    """The probability of having crossed by each look, from the binomial distribution of what did not cross before."""
    told = dict(labels_until_alarm(0.15, most=120, alpha=ALPHA, delta=DELTA, draws=4_000))
    looks = list(told)
    alive, before, raised = {0: 1.0}, 0, 0.0
    for look in looks:
        step, reached = look - before, dict[int, float]()
        for failures, mass in alive.items():
            for k in range(step + 1):
                reached[failures + k] = reached.get(failures + k, 0.0) + mass * stats.binom.pmf(k, step, 0.15)
        crossed = {k for k in reached if _log_e_value(k, look) >= np.log(2 / DELTA)}
        raised += sum(reached[k] for k in crossed)
        alive = {k: mass for k, mass in reached.items() if k not in crossed and mass > 1e-12}
        before = look
        assert told[look] == pytest.approx(raised, abs=0.03)


def _log_e_value(failures: int, labels: int) -> float:
    """The mixture over the rates above alpha, by quadrature."""
    prior = stats.beta(0.5, 0.5)
    mass = prior.sf(ALPHA)

    def likelihood(p: float) -> float:
        ratio = failures * np.log(p / ALPHA) + (labels - failures) * np.log((1 - p) / (1 - ALPHA))
        return float(np.exp(ratio) * prior.pdf(p) / mass)

    return float(np.log(integrate.quad(likelihood, ALPHA, 1.0, limit=200)[0]))


def test_watch__rate_that_breaks_no_promise__is_refused() -> None:
    with pytest.raises(ValueError, match="above alpha"):
        labels_until_alarm(0.05, most=100, alpha=ALPHA, delta=DELTA)
