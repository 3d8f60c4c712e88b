from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.levels import PERIOD_DAYS, Spent, candidate_level, review_level

START = date(2026, 1, 1)
DELTA, KEPT = 0.05, 0.01


def day(number):
    return START + timedelta(days=number)


def fullest(entries):
    """The largest sum of any 365 days, looked for day by day."""
    if not entries:
        return 0.0
    first = min(e.on for e in entries).toordinal() - PERIOD_DAYS
    last = max(e.on for e in entries).toordinal() + 2 * PERIOD_DAYS

    def inside(entry, start):
        return entry.on.toordinal() < start + PERIOD_DAYS and (entry.until or entry.on).toordinal() >= start

    return max(sum(e.level for e in entries if inside(e, start)) for start in range(first, last))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(1, 12)), max_size=20))
def test_reviews__any_dates_and_changes_of_k__spend_no_more_than_delta_in_any_365_days(asked):
    ledger = []
    for number, reviews in asked:
        found = review_level(ledger, day(number), reviews=reviews, delta=DELTA, candidate_delta=KEPT)
        if found.level is not None:
            assert 0.0 < found.level <= (DELTA - KEPT) / reviews + 1e-15
            ledger.append(Spent(on=day(number), level=found.level))
    assert fullest(ledger) <= (DELTA - KEPT) * (1 + 1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1200), st.none() | st.integers(0, 500)), max_size=14))
def test_candidates__open_and_closed_in_any_order__spend_no_more_than_their_share_in_any_365_days(asked):
    ledger = []
    for number, length in sorted(asked, key=lambda pair: pair[0]):
        # While it is registered nobody knows how long it stays open.
        until = date.max if length is None else day(number + length)
        now = [
            e if e.until < day(number) else Spent(on=e.on, level=e.level, until=date.max, index=e.index) for e in ledger
        ]
        found = candidate_level(now, day(number), candidate_delta=KEPT)
        if found.level is not None:
            ledger.append(Spent(on=day(number), level=found.level, until=until, index=found.index))
    assert fullest(ledger) <= KEPT * (1 + 1e-12)


def test_reviews__four_a_year__each_have_a_quarter_and_the_fifth_waits_for_the_first_to_age():
    ledger = []
    for number in (300, 390, 480, 570):
        found = review_level(ledger, day(number), reviews=4, delta=DELTA, candidate_delta=KEPT)
        assert found.level == pytest.approx(0.01)
        ledger.append(Spent(on=day(number), level=found.level))
    full = review_level(ledger, day(664), reviews=4, delta=DELTA, candidate_delta=KEPT)
    assert (full.level, full.free_on, full.left) == (None, day(665), 0.0)
    assert review_level(ledger, day(665), reviews=4, delta=DELTA, candidate_delta=KEPT).level == pytest.approx(0.01)


def test_reviews__more_or_fewer_a_year_than_before__share_what_is_left():
    one_of_two = [Spent(on=day(0), level=0.025)]
    assert review_level(one_of_two, day(100), reviews=4, delta=0.05).level == pytest.approx(0.0125)
    three_of_four = [Spent(on=day(90 * i), level=0.0125) for i in range(3)]
    rest = review_level(three_of_four, day(300), reviews=2, delta=0.05)
    assert (rest.level, rest.free_on) == (pytest.approx(0.0125), day(365))


def test_reviews__an_earlier_date_computed_late__counts_those_after_it():
    later = [Spent(on=day(100 + i), level=0.0125) for i in range(4)]
    assert review_level(later, day(0), reviews=4, delta=0.05).level is None


def test_candidates__of_one_year__have_half_a_sixth_a_twelfth():
    ledger = []
    for j, share in enumerate((1 / 2, 1 / 6, 1 / 12, 1 / 20)):
        found = candidate_level(ledger, day(j), candidate_delta=KEPT)
        assert (found.index, found.level) == (j, pytest.approx(KEPT * share))
        ledger.append(Spent(on=day(j), level=found.level, until=date.max, index=j))


def test_candidates__one_that_was_closed_a_year_ago__leaves_its_level_and_an_open_one_does_not():
    closed = Spent(on=day(0), level=KEPT / 2, until=day(50), index=0)
    still_open = Spent(on=day(1), level=KEPT / 6, until=date.max, index=1)
    assert candidate_level([closed, still_open], day(414), candidate_delta=KEPT).index == 2
    assert candidate_level([closed, still_open], day(415), candidate_delta=KEPT).index == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: review_level([], START, reviews=0, delta=0.05),
        lambda: review_level([], START, reviews=4, delta=0.3),
        lambda: review_level([], START, reviews=4, delta=0.05, candidate_delta=0.05),
        lambda: review_level([], START, reviews=4, delta=0.05, candidate_delta=-0.01),
        lambda: candidate_level([], START, candidate_delta=0.0),
    ],
)
def test_levels__impossible_numbers__are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
