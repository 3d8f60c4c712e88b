from calibration.statistics.audits import recommend_with_audits
from calibration.statistics.budgets import smallest_budget
from calibration.statistics.claims import (
    certified_audit_statement,
    certified_budget_statement,
    certified_pair_statement,
    certified_statement,
)
from calibration.statistics.groups import Groups
from calibration.statistics.joint import recommend_pair
from calibration.statistics.thresholds import recommend_threshold

ALLOWED = Groups.from_arrays([0.95], [1_000], [995])


def blocked(*, failures):
    return Groups.from_arrays([0.85], [250], [250 - failures], [1_000])


def audited(*, failures):
    return recommend_with_audits(ALLOWED, [blocked(failures=failures)], in_force=0.9, alpha=0.05, delta=0.1)


def test_certified_statement__a_recommendation__says_these_words():
    answer = recommend_threshold([0.9], [300], [300], alpha=0.05, delta=0.1)
    assert certified_statement(answer) == (
        "Conditional on the observed confidences and for any reliability curve, the mean true failure "
        "probability of the labelled decisions of the cohort that passed the other checks of the gate and "
        "lie at or above "
        "0.9000 exceeds 0.05 with probability at most 0.1, given independent outcomes."
    )


def test_certified_statement__a_refusal__certifies_nothing():
    assert certified_statement(recommend_threshold([0.9], [3], [3], alpha=0.05, delta=0.1)) is None


def test_certified_statement__pair__speaks_of_both_thresholds_and_of_the_level_of_the_whole_grid():
    pair = recommend_pair([0.2], [0.9], [300], [300], alpha=0.05, delta=0.1, current_risk=0.7)
    assert pair.grid_delta < 0.02
    assert certified_pair_statement(pair) == (
        "Conditional on the observed confidences and risk scores and for any reliability curve, the mean true failure "
        "probability of the labelled decisions of the cohort that passed the other checks of the gate, have a risk "
        "below 0.7000 and lie at or above 0.9000 exceeds 0.05 with probability at most 0.1, given independent "
        "outcomes. That counts the choice among 9 risk thresholds."
    )


def test_certified_statement__no_pair__certifies_nothing():
    pair = recommend_pair([0.2], [0.9], [300], [150], alpha=0.05, delta=0.1, current_risk=0.7)
    assert certified_pair_statement(pair) is None


def test_certified_statement__audits_reach_lower__speaks_of_all_decisions_and_says_what_that_takes():
    assert certified_audit_statement(audited(failures=2), in_force=0.9) == (
        "Conditional on the observed confidences and for any reliability curve, the mean true failure probability of "
        "the decisions, labelled or not, of the cohort that passed the other checks of the gate and lie at or above "
        "0.8500 exceeds 0.05 with probability at most 0.1, given independent outcomes, audits below 0.9000 drawn at "
        "random at the rates on record, and that within each stratum of confidence the labels "
        "are a random sample."
    )


def test_certified_statement__audits_do_not_reach_lower__the_words_of_the_walk():
    answer = audited(failures=100)
    assert answer.threshold == 0.9
    assert certified_audit_statement(answer, in_force=0.9) == certified_statement(answer.above)


def test_certified_statement__audits_under_a_risk_threshold__hold_for_the_one_in_force_only():
    for failures in (2, 100):
        statement = certified_audit_statement(audited(failures=failures), in_force=0.9, risk_in_force=0.7)
        assert "have a risk below 0.7000 and lie at or above" in statement
        assert statement.endswith("Only the risk threshold in force was looked at.")


def test_certified_statement__audits_certify_nothing__none():
    answer = recommend_with_audits(
        Groups.from_arrays([0.95], [1_000], [500]), [blocked(failures=0)], in_force=0.9, alpha=0.05, delta=0.1
    )
    assert certified_audit_statement(answer, in_force=0.9) is None


def test_certified_statement__budget__says_what_may_need_more():
    found = smallest_budget([900, 1_200], [95, 5], target=0.1, delta=0.05)
    assert certified_budget_statement(found) == (
        "Given independent bundles, the probability that a bundle needs more than 1,200 tokens exceeds 0.1 with "
        "probability at most 0.05."
    )
    assert certified_budget_statement(smallest_budget([900], [3], target=0.1, delta=0.05)) is None
