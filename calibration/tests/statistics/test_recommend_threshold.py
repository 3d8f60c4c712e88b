import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import recommend_for_groups, recommend_threshold

from . import literal
from .strategies import groups, split, to_rows

LEVELS = st.sampled_from([(0.05, 0.05), (0.1, 0.05), (0.1, 0.1), (0.2, 0.05), (0.3, 0.25), (0.5, 0.2)])


def recommend(drawn, alpha=0.1, delta=0.05, **options):
    return recommend_for_groups(drawn, alpha=alpha, delta=delta, **options)


def simulated(seed, n, values, alpha=0.15):
    rng = np.random.default_rng(seed)
    value = rng.choice(values, size=n)
    return Groups.from_outcomes(value / 10_000, rng.random(n) < (value / 10_000) ** alpha)


@settings(max_examples=120, deadline=None)
@given(drawn=groups(max_groups=8, max_n=40), levels=LEVELS)
def test_recommend__against_the_literal_steps__agrees(drawn, levels):
    alpha, delta = levels
    answer = recommend(drawn, alpha, delta)
    reason, threshold, level = literal.recommend(to_rows(drawn), alpha, delta)
    assert (answer.reason, answer.threshold) == (reason, threshold)
    assert answer.level == (None if level is None else pytest.approx(level, abs=1e-15))


@pytest.mark.parametrize("seed", range(12))
def test_recommend__realistic_data__agrees_with_the_literal_steps(seed):
    values = [np.arange(5000, 10_001), np.array([10_000, 9900, 9800, 9500, 9000, 8500, 7000])][seed % 2]
    drawn = simulated(seed, 700, values, alpha=[0.05, 0.3, 1.0][seed % 3])
    for alpha, delta in [(0.05, 0.05), (0.1, 0.05), (0.2, 0.1)]:
        answer = recommend(drawn, alpha, delta)
        reason, threshold, _ = literal.recommend(to_rows(drawn), alpha, delta)
        assert (answer.reason, answer.threshold) == (reason, threshold)


def test_recommend__figures_of_the_answer__are_those_of_the_allowed_decisions():
    answer = recommend_threshold([1.0, 0.9, 0.5], [100, 100, 50], [99, 96, 20], alpha=0.1, delta=0.05)
    assert (answer.reason, answer.threshold, answer.decisions, answer.failures) == ("OK", 0.9, 200, 5)
    assert answer.coverage == 0.8
    assert answer.failure_rate == 0.025
    assert answer.p_value == pytest.approx(stats.binom.cdf(5, 200, 0.1), rel=1e-12)
    upper = stats.binomtest(5, 200, alternative="less").proportion_ci(1 - answer.level).high
    assert answer.failure_rate_upper == pytest.approx(upper, abs=1e-12)
    assert (answer.needed, answer.labelled) == (None, 250)


def test_recommend__starts_and_carried_error__follow_a_hand_computation():
    # N = 400, alpha = .2, delta = .05: minima 14, 17, 19, 20, so J = 3 with starts at 10, 40 and 160 would
    # begin with c1 = 10 < 19; J = 2 begins with 40 >= 17. Starts at 40 and 160, each at .025.
    # At 1.0: 40 rows, 8 failures: p(8 of 40) = .59 > .025, so the first start fails and passes nothing on.
    # At .9: 160 rows, 20 failures: p = .0089 <= .025 is rejected at the second start's own level.
    # At .8: 400 rows, 66 failures: p(66 of 400) = .045 is above .025, so it stops; .05 would have allowed it.
    confidence, n, successes = [1.0, 0.9, 0.8], [40, 120, 240], [32, 108, 194]
    answer = recommend_threshold(confidence, n, successes, alpha=0.2, delta=0.05)
    assert (answer.threshold, answer.level) == (0.9, 0.025)
    # With 2 failures instead of 8 at 1.0 the first start is rejected and hands its error on.
    answer = recommend_threshold(confidence, n, [38, 102, 194], alpha=0.2, delta=0.05)
    assert (answer.threshold, answer.level, answer.failures) == (0.8, 0.05, 66)


@pytest.mark.parametrize("n, least", [(0, 59), (1, 59), (58, 59)])
def test_recommend__too_few_decisions__refuses_with_minimum(n, least):
    answer = recommend_threshold([0.9], [n], [n], alpha=0.05, delta=0.05)
    assert (answer.reason, answer.threshold, answer.needed) == ("INSUFFICIENT_DATA", None, least)
    assert (answer.labelled, answer.failure_rate, answer.p_value) == (n, None, None)


def test_recommend__no_groups_at_all__refuses_with_minimum():
    answer = recommend_threshold([], [], [], alpha=0.05, delta=0.05)
    assert (answer.reason, answer.needed, answer.labelled) == ("INSUFFICIENT_DATA", 59, 0)


def test_recommend__just_enough_successes__certifies():
    answer = recommend_threshold([0.9], [59], [59], alpha=0.05, delta=0.05)
    assert (answer.reason, answer.threshold, answer.level) == ("OK", 0.9, 0.05)


@settings(max_examples=40, deadline=None)
@given(groups(max_n=200).filter(lambda drawn: drawn.labelled >= 59), LEVELS)
def test_recommend__all_success__allows_everything_that_was_labelled(drawn, levels):
    perfect = Groups(value=drawn.value, n=drawn.n, successes=drawn.n, total=drawn.total)
    answer = recommend(perfect, *levels)
    assert answer.reason == "OK"
    assert answer.threshold == perfect.with_labels().value[0] / 10_000
    assert answer.coverage == 1.0


@settings(max_examples=40, deadline=None)
@given(drawn=groups(max_n=200).filter(lambda drawn: drawn.labelled >= 59), levels=LEVELS)
def test_recommend__all_failure__certifies_nothing_however_many_follow(drawn, levels):
    hopeless = Groups(value=drawn.value, n=drawn.n, successes=np.zeros_like(drawn.n), total=drawn.total)
    answer = recommend(hopeless, *levels)
    assert (answer.reason, answer.needed) == ("NOT_CERTIFIABLE", None)


@settings(max_examples=60, deadline=None)
@given(groups(), LEVELS, st.integers(0, 100), st.randoms(use_true_random=False))
def test_recommend__order_and_splits_of_the_input__do_not_matter(drawn, levels, share, random):
    alpha, delta = levels
    entries = [
        entry for part in split(drawn, share) for entry in zip(part.confidence, part.n, part.successes, strict=True)
    ]
    random.shuffle(entries)
    columns = np.array(entries).reshape(-1, 3).T
    assert recommend_threshold(*columns, alpha=alpha, delta=delta) == recommend(drawn, alpha, delta)


@settings(max_examples=60, deadline=None)
@given(groups(), LEVELS, st.data())
def test_recommend__confidences_relabelled_in_the_same_order__choose_the_same_decisions(drawn, levels, data):
    size = len(drawn)
    other = sorted(data.draw(st.lists(st.integers(0, 10_000), unique=True, min_size=size, max_size=size)))
    relabelled = Groups(value=np.array(other, dtype=int), n=drawn.n, successes=drawn.successes, total=drawn.total)
    one, two = recommend(drawn, *levels), recommend(relabelled, *levels)
    assert (one.reason, one.decisions, one.failures, one.level, one.needed) == (
        two.reason, two.decisions, two.failures, two.level, two.needed,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100), LEVELS, st.data())
def test_recommend__one_failure_turned_into_a_success__never_covers_less(drawn, levels, data):
    failing = np.flatnonzero(drawn.failures)
    if failing.size == 0:
        return
    better = drawn.successes.copy()
    better[data.draw(st.sampled_from(failing.tolist()))] += 1
    improved = Groups(value=drawn.value, n=drawn.n, successes=better, total=drawn.total)
    before, after = recommend(drawn, *levels), recommend(improved, *levels)
    assert (after.coverage or 0.0) >= (before.coverage or 0.0)


@settings(max_examples=60, deadline=None)
@given(groups(max_n=100), st.sampled_from([0.02, 0.05, 0.1]))
def test_recommend__certified__the_exact_test_agrees_at_its_level(drawn, alpha):
    answer = recommend(drawn, alpha, 0.1)
    if answer.reason == "OK":
        assert stats.binom.cdf(answer.failures, answer.decisions, alpha) <= answer.level <= 0.1 + 1e-15
        assert answer.failure_rate < answer.failure_rate_upper <= alpha + 1e-12


def test_recommend__groups_without_labels__neither_shift_the_starts_nor_get_recommended():
    labelled = Groups.from_arrays([0.9, 0.8], [300, 300], [299, 298])
    mixed = Groups.from_arrays([0.9, 0.8, 0.7, 0.95], [300, 300, 0, 0], [299, 298, 0, 0], [300, 300, 900, 100])
    plain, answer = recommend(labelled), recommend(mixed)
    assert (answer.threshold, answer.decisions, answer.p_value) == (0.8, plain.decisions, plain.p_value)
    assert answer.coverage == 700 / 1600


@pytest.mark.parametrize(
    "options, message",
    [
        ({"alpha": 0.0}, "alpha must lie strictly"),
        ({"alpha": 1.0}, "alpha must lie strictly"),
        ({"alpha": float("nan")}, "alpha must lie strictly"),
        ({"delta": 0.0}, "delta must lie strictly"),
        ({"delta": 1.0}, "delta must lie strictly"),
        ({"delta": float("nan")}, "delta must lie strictly"),
        ({"delta": 0.2501}, "at most 0.25"),
        ({"floor": float("nan")}, "finite"),
    ],
)
def test_recommend__bad_options__say_what_to_do(options, message):
    with pytest.raises(ValueError, match=message):
        recommend_threshold([0.9], [100], [99], **({"alpha": 0.1, "delta": 0.05} | options))
