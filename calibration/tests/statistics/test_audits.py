import numpy as np
import pytest
from scipy import stats

from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.groups import Groups
from calibration.statistics.stratified import Stratum, stratified_failure_rate, stratified_interval
from calibration.statistics.thresholds import recommend_for_groups

TOP = Groups.from_arrays([0.95, 0.9, 0.8], [500, 500, 500], [499, 495, 480], [500, 500, 500])


def upper(failures, n, level):
    return 1.0 if n == 0 else stats.binomtest(failures, n, alternative="less").proportion_ci(1 - level).high


def largest_probability(one, other, mean, left_out):
    """By scipy, on a fine grid of the rates of one stratum: P(T as low as seen), at rates that give the mean."""
    weights = np.array([one.decisions, other.decisions]) / (one.decisions + other.decisions)
    ends = [stats.binomtest(s.failures, s.labelled).proportion_ci(1 - left_out / 2) for s in (one, other)]
    seen = weights[0] * one.failures / one.labelled + weights[1] * other.failures / other.labelled
    failed = np.arange(one.labelled + 1)
    rest = np.floor((seen - weights[0] * failed / one.labelled) * other.labelled / weights[1] + 1e-9)
    largest = 0.0
    for rate in np.linspace(ends[0].low, ends[0].high, 2001):
        second = (mean - weights[0] * rate) / weights[1]
        if ends[1].low <= second <= ends[1].high:
            chance = stats.binom.pmf(failed, one.labelled, rate) @ stats.binom.cdf(rest, other.labelled, second)
            largest = max(largest, float(chance))
    return largest + left_out


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [((900, 900, 30), (600, 60, 4), 0.05), ((500, 400, 12), (500, 100, 3), 0.05), ((900, 30, 0), (100, 20, 1), 0.1)],
)
def test_stratified__two_strata__limit_is_where_no_plausible_rates_make_the_seen_one_likely(one, other, level):
    first, second = (Stratum(decisions=d, labelled=n, failures=f) for d, n, f in (one, other))
    rate, limit = stratified_failure_rate([first, second], level=level)
    weight = first.decisions / (first.decisions + second.decisions)
    expected = weight * first.failures / first.labelled + (1 - weight) * second.failures / second.labelled
    assert rate == pytest.approx(expected, abs=1e-15)
    assert largest_probability(first, second, limit, level / 20) <= level
    assert largest_probability(first, second, limit - 0.001, level / 20) > level
    assert stratified_failure_rate([second, first], level=level) == pytest.approx((rate, limit), abs=1e-15)


def test_stratified__three_strata__two_share_a_test_and_the_third_has_its_own_limit():
    large, small = Stratum(decisions=500, labelled=100, failures=3), Stratum(decisions=400, labelled=90, failures=2)
    sure = Stratum(decisions=100, labelled=100, failures=1)
    _, limit = stratified_failure_rate([large, sure, small], level=0.06)
    _, of_two = stratified_failure_rate([large, small], level=0.04)
    assert limit == pytest.approx(0.9 * of_two + 0.1 * upper(1, 100, 0.02), abs=1e-12)


def test_stratified__many_labels__within_a_thousandth_of_the_normal_limit():
    one = Stratum(decisions=1_000_000, labelled=1_000_000, failures=25_000)
    other = Stratum(decisions=250_000, labelled=50_000, failures=1_200)
    rate, limit = stratified_failure_rate([one, other], level=0.05)
    deviation = np.sqrt(0.64 * 0.025 * 0.975 / 1e6 + 0.04 * 0.024 * 0.976 / 5e4)
    assert rate + stats.norm.isf(0.05) * deviation < limit < rate + stats.norm.isf(0.05) * deviation * 1.2


def test_stratified_interval__two_strata__weighs_exact_intervals_at_half_the_error():
    strata = [
        Stratum(decisions=900, labelled=900, failures=30),
        Stratum(decisions=600, labelled=60, failures=4),
        Stratum(decisions=0, labelled=0, failures=0),
    ]
    one, two = (stats.binomtest(k, n).proportion_ci(0.975) for k, n in ((30, 900), (4, 60)))
    expected = (0.6 * one.low + 0.4 * two.low, 0.6 * one.high + 0.4 * two.high)
    assert stratified_interval(strata) == pytest.approx(expected, abs=1e-11)


def test_stratified_interval__a_stratum_without_labels__may_have_any_rate():
    unknown = Stratum(decisions=50, labelled=0, failures=0)
    assert stratified_interval([unknown]) == (0.0, 1.0)
    low, high = stratified_interval([Stratum(decisions=50, labelled=50, failures=0), unknown])
    assert low == 0.0
    assert high == pytest.approx(0.5 * stats.binomtest(0, 50).proportion_ci(0.975).high + 0.5, abs=1e-11)


def test_stratified__a_stratum_without_labels__counts_as_if_all_failed():
    strata = [Stratum(decisions=50, labelled=50, failures=0), Stratum(decisions=50, labelled=0, failures=0)]
    rate, limit = stratified_failure_rate(strata, level=0.05)
    assert rate is None
    assert limit == pytest.approx(0.5 * upper(0, 50, 0.05) + 0.5, abs=1e-11)


def test_stratified__empty_strata__take_no_share_of_the_level():
    one = Stratum(decisions=50, labelled=50, failures=2)
    none = Stratum(decisions=0, labelled=0, failures=0)
    assert stratified_failure_rate([one, none], level=0.05) == stratified_failure_rate([one], level=0.05)
    with pytest.raises(ValueError, match="at least one decision"):
        stratified_failure_rate([none], level=0.05)


def test_stratified__many_samples__cover_the_true_rate_at_their_level():
    rng = np.random.default_rng(4)
    true = 0.7 * 0.04 + 0.3 * 0.2
    missed = 0
    for _ in range(400):
        strata = [
            Stratum(decisions=700, labelled=700, failures=int(rng.binomial(700, 0.04))),
            Stratum(decisions=300, labelled=40, failures=int(rng.binomial(40, 0.2))),
        ]
        missed += stratified_failure_rate(strata, level=0.1)[1] < true
    assert stats.binom.sf(missed - 1, 400, 0.1) > 0.001


def test_audits__walk__goes_on_below_at_the_carried_level_until_its_first_failure():
    audited = Groups.from_arrays([0.77, 0.74, 0.66], [60, 60, 60], [58, 57, 20], [200, 200, 200])
    answer = recommend_with_audits(TOP, [audited], in_force=0.8, alpha=0.1, delta=0.05)
    above = recommend_for_groups(TOP, alpha=0.1, delta=0.05)
    assert above.decisions == above.labelled
    # Steps of .05 below .8: .75 reaches .77, .70 reaches .74, .65 reaches .66 and fails.
    assert [step.threshold for step in answer.steps] == [0.77, 0.74, 0.66]
    assert [step.certified for step in answer.steps] == [True, True, False]
    audited_n, audited_failures = np.cumsum([60, 60, 60]), np.cumsum([2, 3, 40])
    for step, n, failures, decisions in zip(answer.steps, audited_n, audited_failures, [200, 400, 600], strict=True):
        strata = [
            Stratum(decisions=1500, labelled=1500, failures=26),
            Stratum(decisions=decisions, labelled=n, failures=failures),
        ]
        assert step.upper == stratified_failure_rate(strata, level=above.level)[1]
    assert (answer.threshold, answer.reason, answer.level) == (0.74, "OK", above.level)
    assert answer.coverage == 1900 / 2100
    assert answer.failure_rate == pytest.approx((1500 * 26 / 1500 + 400 * 5 / 120) / 1900, abs=1e-15)


def test_audits__last_value_above_not_rejected__does_not_go_below():
    top = Groups.from_arrays([0.95, 0.8], [500, 500], [499, 300])
    audited = Groups.from_arrays([0.75], [500], [500])
    answer = recommend_with_audits(top, [audited], in_force=0.8, alpha=0.1, delta=0.05)
    assert (answer.threshold, answer.steps) == (0.95, ())
    assert answer.coverage == 500 / 1500


def test_audits__none_taken__cannot_lower_the_threshold():
    blocked = Groups.from_arrays([0.77, 0.7], [0, 0], [0, 0], [400, 400])
    answer = recommend_with_audits(TOP, [blocked], in_force=0.8, alpha=0.1, delta=0.05)
    assert (answer.threshold, answer.coverage) == (0.8, 1500 / 2300)
    assert [step.certified for step in answer.steps] == [False]


def test_audits__labels_below_in_the_main_cohort__are_ignored():
    with_gossip = Groups.merge([TOP, Groups.from_arrays([0.7], [900], [900])])
    audited = Groups.from_arrays([0.77], [60], [59], [200])
    assert recommend_with_audits(with_gossip, [audited], in_force=0.8, alpha=0.1, delta=0.05) == (
        recommend_with_audits(TOP, [audited], in_force=0.8, alpha=0.1, delta=0.05)
    )


def test_audits__two_rates__are_two_strata():
    rare = Groups.from_arrays([0.77], [20], [20], [200])
    frequent = Groups.from_arrays([0.77], [50], [49], [100])
    step = recommend_with_audits(TOP, [rare, frequent], in_force=0.8, alpha=0.1, delta=0.05).steps[0]
    assert [(s.decisions, s.labelled, s.failures) for s in step.strata] == [
        (1500, 1500, 26),
        (200, 20, 0),
        (100, 50, 1),
    ]


def test_audits__too_few_above__refuse_like_the_recommendation():
    answer = recommend_with_audits(Groups.empty(), [TOP], in_force=0.99, alpha=0.1, delta=0.05)
    assert (answer.threshold, answer.reason, answer.above.needed) == (None, "INSUFFICIENT_DATA", 29)


def test_audits__violations__stay_below_delta_where_failures_start_at_the_threshold_in_force():
    rng = np.random.default_rng(8)
    values, risk = np.array([0.9, 0.8, 0.77, 0.72, 0.67]), np.array([0.02, 0.05, 0.12, 0.2, 0.3])
    counts = np.array([300, 300, 150, 150, 150])
    violated = 0
    for _ in range(400):
        failures = rng.binomial(counts, risk)
        audited_n = rng.binomial(counts[2:], 0.3)
        audited_failures = rng.hypergeometric(failures[2:], counts[2:] - failures[2:], audited_n)
        top = Groups.from_arrays(values[:2], counts[:2], (counts - failures)[:2])
        audited = Groups.from_arrays(values[2:], audited_n, audited_n - audited_failures, counts[2:])
        answer = recommend_with_audits(top, [audited], in_force=0.8, alpha=0.08, delta=0.05)
        if answer.threshold is not None:
            allowed = values >= answer.threshold
            violated += np.average(risk[allowed], weights=counts[allowed]) > 0.08
    assert stats.binom.sf(violated - 1, 400, 0.05) > 0.001
