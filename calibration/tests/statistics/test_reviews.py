import pytest

from calibration.statistics.reviews import review_spending


def test_spending__before_any_review__has_a_share_of_delta():
    spending = review_spending(0.05, 4)
    assert (spending.level, spending.spent, spending.remaining, spending.spent_delta) == (0.0125, 0, 4, 0.0)


def test_spending__the_same_inputs_twice__spend_once():
    spending = review_spending(0.05, 4, ["a", "b", "a"])
    assert (spending.spent, spending.remaining, spending.spent_delta) == (2, 2, 0.025)


def test_spending__all_reviews_used__leaves_no_level():
    spending = review_spending(0.05, 2, ["a", "b", "c"])
    assert (spending.level, spending.remaining, spending.spent, spending.spent_delta) == (None, 0, 3, 0.05)
    assert spending.reason == "all declared reviews of the period are spent"


@pytest.mark.parametrize("delta, declared", [(0.0, 1), (1.0, 1), (0.05, 0), (0.05, 1.5)])
def test_spending__impossible_declarations__are_refused(delta, declared):
    with pytest.raises(ValueError, match="must"):
        review_spending(delta, declared)
