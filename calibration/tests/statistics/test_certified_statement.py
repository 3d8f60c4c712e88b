from calibration.statistics.recommendation import certified_statement
from calibration.statistics.thresholds import recommend_threshold


def test_certified_statement__a_recommendation__says_these_words():
    answer = recommend_threshold([0.9], [300], [300], alpha=0.05, delta=0.1)
    assert certified_statement(answer) == (
        "Conditional on the observed confidences and for any reliability curve, the mean true failure "
        "probability of the labelled decisions of the cohort that passed the other checks of the gate and "
        "lie at or above "
        "0.9000 exceeds 0.05 with probability at most 0.1, given independent outcomes."
    )


def test_certified_statement__a_risk_threshold__names_the_other_side():
    answer = recommend_threshold([0.2], [300], [300], alpha=0.05, delta=0.1, direction="below")
    assert "observed risk scores" in certified_statement(answer)
    assert "lie below 0.2001 exceeds" in certified_statement(answer)


def test_certified_statement__a_refusal__certifies_nothing():
    assert certified_statement(recommend_threshold([0.9], [3], [3], alpha=0.05, delta=0.1)) is None
