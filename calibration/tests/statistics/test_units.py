import pytest
from scipy import stats

from calibration.statistics.claims import certified_statement
from calibration.statistics.thresholds import recommend_threshold
from calibration.statistics.units import certified_unit


def test_unit__cases_whose_later_decisions_fail_more_often__are_named_and_warned_of():
    found = certified_unit(1000, 31, all_labelled=1450, all_failures=172, alpha=0.05)
    assert found.unit == "cases, their first decision"
    assert (found.failure_rate, found.all_failure_rate) == (0.031, 172 / 1450)
    assert found.p_value == pytest.approx(stats.fisher_exact([[31, 969], [141, 309]]).pvalue)
    reference = stats.binomtest(172, 1450).proportion_ci(0.95)
    assert found.interval == pytest.approx((reference.low, reference.high), abs=1e-11)
    assert (found.differs, found.exceeds) == (True, True)


def test_unit__no_case_with_two_decisions__is_decisions_without_a_warning():
    found = certified_unit(1000, 31, all_labelled=1000, all_failures=31, alpha=0.05)
    assert (found.unit, found.p_value, found.differs, found.exceeds) == ("decisions", None, False, False)


def test_unit__later_decisions_like_the_first__do_not_differ():
    found = certified_unit(1000, 31, all_labelled=1400, all_failures=44, alpha=0.05)
    assert (found.unit, found.differs, found.exceeds) == ("cases, their first decision", False, False)


def test_unit__nothing_labelled__has_no_rates():
    found = certified_unit(0, 0, all_labelled=0, all_failures=0, alpha=0.05)
    assert (found.failure_rate, found.all_failure_rate, found.interval) == (None, None, None)


@pytest.mark.parametrize("counts", [(10, 11, 20, 12), (10, 5, 9, 5), (10, 5, 20, 4), (10, 1, 11, 5)])
def test_unit__counts_that_contradict_each_other__are_refused(counts):
    labelled, failures, all_labelled, all_failures = counts
    with pytest.raises(ValueError, match="must"):
        certified_unit(labelled, failures, all_labelled=all_labelled, all_failures=all_failures, alpha=0.05)


def test_statement__of_cases__names_them():
    answer = recommend_threshold([0.9], [300], [300], alpha=0.05, delta=0.1)
    assert "of the first decisions of the labelled cases of the cohort" in certified_statement(
        answer, unit="cases, their first decision"
    )
