"""Only a review of the calendar loosens: its date, sample, labels and question stand before its window begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from calibration.models import ConfidenceCalibrationRun, HeldReview, ReviewCalendar
from calibration.reviews.calendar import outlook
from calibration.reviews.setting import set_review_calendar
from calibration.runner import run_calibration
from calibration.runs.report import run_as_text
from calibration.tests.factories import START, decision, gated, history, outcome, store
from confidence_project.foundation.errors import InvalidInput, NotFound, PermissionRefused
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.models import DecisionImport

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
LENIENT = {0.95: (600, 0), 0.7: (600, 0)}
"""Everything succeeds, so 0.7 is certified against the 0.9 in force."""

DAY = timedelta(days=1)


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory(slug="acme")
    Workspace.objects.update(created_at=START - 300 * DAY)
    workspace.refresh_from_db()
    return workspace


@contextmanager
def on(moment: datetime) -> Iterator[None]:
    with mock.patch("django.utils.timezone.now", return_value=moment):
        yield


def calendar(workspace: Workspace, moment: datetime, **terms: Any) -> ReviewCalendar:
    with on(moment):
        return set_review_calendar(
            actor=None, workspace=workspace, policy_key=KEY, **{"reason": "Test.", "maturity_days": 0, **terms}
        )


def policy(workspace: Workspace, moment: datetime, **options: Any) -> dict[str, Any]:
    with on(moment):
        return run_calibration(workspace=workspace, policy_keys=[KEY], **options).output["policies"][0]


def recommended(workspace: Workspace, moment: datetime, **options: Any) -> float | None:
    (finding,) = policy(workspace, moment, **options)["findings"]
    return finding["recommended"]


OPENING = START + 31 * DAY
"""Of the calendar below; `history` fills the first day of its window of 31 days."""


@pytest.fixture
def scheduled(workspace: Workspace) -> Workspace:
    calendar(workspace, START - DAY, opening_on=OPENING.date(), window_days=31)
    history(workspace, LENIENT)
    return workspace


def test_review__before_its_date__no_run_loosens_and_each_says_when_it_is(scheduled: Workspace) -> None:
    before = OPENING - DAY
    for options in ({}, {"dry_run": True}, {"tighten_only": True}, {"again": True}):
        found = policy(scheduled, before, window_from=START, window_to=before, maturity_days=0, **options)
        assert (found["review"]["may_loosen"], found["findings"][0]["recommended"]) == (False, 0.9)
        assert found["findings"][0]["statement"].endswith("It holds for this run alone.")
    assert not HeldReview.objects.exists()
    words = run_as_text(ConfidenceCalibrationRun.objects.latest("pk"))
    assert f"The next review is on {OPENING:%Y-%m-%d}; reviews left in its year: 4 of 4." in words


def test_review__on_its_date_and_after__is_held_once_whatever_was_asked(scheduled: Workspace) -> None:
    found = policy(
        scheduled, OPENING + 5 * DAY, maturity_days=0, target_failure_rate=0.2, segment_by=[], window_from=START
    )
    assert (found["findings"][0]["recommended"], found["review"]["on"]) == (0.7, f"{OPENING:%Y-%m-%d}")
    assert found["parameters"]["target_failure_rate"] == 0.05
    assert found["parameters"]["window_from"] == START.isoformat()
    (held,) = HeldReview.objects.all()
    # (delta - delta') / K
    assert (held.on, held.level) == (OPENING.date(), pytest.approx((0.05 - 0.01) / 4))
    assert found["findings"][0]["answer"]["delta"] == pytest.approx(0.01)
    assert ConfidencePolicyProposal.objects.get().config["overrides"][0]["values"] == {"confidence_threshold": 0.7}
    later = policy(scheduled, OPENING + 6 * DAY, maturity_days=0, window_from=START, window_to=OPENING)
    assert (later["review"]["on"], later["findings"][0]["recommended"]) == (None, 0.9)


@pytest.mark.parametrize("option", ["dry_run", "tighten_only"])
def test_review__on_its_date__a_look_holds_none(scheduled: Workspace, option: str) -> None:
    assert recommended(scheduled, OPENING, window_from=START, window_to=OPENING, **{option: True}) == 0.9
    assert not HeldReview.objects.exists()


def test_review__again__finds_the_same_and_spends_nothing(scheduled: Workspace) -> None:
    first = policy(scheduled, OPENING)
    again = policy(scheduled, OPENING + 20 * DAY, again=True)
    assert (again["findings"], again["review"]["on"]) == (first["findings"], first["review"]["on"])
    assert HeldReview.objects.count() == 1


def test_review__computed_late__counts_labels_and_decisions_that_were_received_by_its_date(
    scheduled: Workspace,
) -> None:
    late = [decision(scheduled, confidence=0.8, minute=m, timestamp=OPENING + DAY) for m in range(300)]
    unlabelled = [decision(scheduled, confidence=0.95, minute=m) for m in range(50)]
    failed = [outcome(each, False, recorded_at=OPENING + timedelta(seconds=1)) for each in unlabelled]
    store([*late, *unlabelled], [*(outcome(each, False) for each in late), *failed])
    (finding,) = policy(scheduled, OPENING + 30 * DAY)["findings"]
    assert (finding["decisions"], finding["labelled"], finding["successes"]) == (1_250, 600, 600)


def test_review__whose_window_holds_no_decision__is_passed_over_and_spends_nothing(scheduled: Workspace) -> None:
    # The second is 91 days after the first, over a window of 31 days.
    found = policy(scheduled, OPENING + 100 * DAY)
    assert found["review"]["on"] == f"{OPENING:%Y-%m-%d}"
    assert policy(scheduled, OPENING + 101 * DAY)["review"]["on"] is None


def test_reviews__of_a_year__each_have_their_share_and_the_next_year_has_its_own(scheduled: Workspace) -> None:
    ahead = outlook(scheduled, KEY, OPENING - DAY)
    assert [each.on - OPENING.date() for each in ahead.dates][:6] == [
        days * DAY for days in (0, 91, 182, 273, 365, 456)
    ]
    for number, days in enumerate((0, 91, 182, 273, 365)):
        at = OPENING + days * DAY
        store([gated(scheduled, confidence=0.95, occurred_at=at - 2 * DAY, timestamp=at - 2 * DAY)])
        assert policy(scheduled, at)["review"]["delta"] == pytest.approx(0.01)
        assert outlook(scheduled, KEY, at).left == [3, 2, 1, 4, 3][number]


def test_level__calendar_with_more_reviews_a_year__never_more_than_delta_in_365_days(scheduled: Workspace) -> None:
    recommended(scheduled, OPENING)
    calendar(scheduled, OPENING + DAY, reviews_a_year=1, window_days=31)
    year = OPENING + 365 * DAY
    store([gated(scheduled, confidence=0.95, occurred_at=year - DAY, timestamp=year - DAY)])
    assert policy(scheduled, year)["review"]["delta"] == pytest.approx(0.04)
    calendar(scheduled, year + DAY, reviews_a_year=12, window_days=20)
    month = year + 35 * DAY
    store([gated(scheduled, confidence=0.95, occurred_at=month - 10 * DAY, timestamp=month - 10 * DAY)])
    found = policy(scheduled, month)["review"]
    # One year's review spent all, so that nothing is left for the first of twelve.
    assert (found["may_loosen"], found["free_on"]) == (False, f"{year + 365 * DAY:%Y-%m-%d}")


def test_level__dates_that_nobody_used__are_spent_all_the_same(scheduled: Workspace) -> None:
    """Openings that are set anew each day would be as many reviews as one likes, to hold the best of."""
    for day in range(1, 20):
        at = OPENING + day * DAY
        calendar(scheduled, START - DAY + timedelta(minutes=day), opening_on=at.date(), window_days=31)
    store([gated(scheduled, confidence=0.95, occurred_at=OPENING - DAY, timestamp=OPENING - DAY)])
    ahead = outlook(scheduled, KEY, OPENING + 30 * DAY)
    assert len([each for each in ahead.dates if each.at <= ahead.now]) == 1
    for day in range(1, 20):
        at = OPENING + (day + 32) * DAY
        calendar(scheduled, OPENING + day * DAY, opening_on=at.date(), window_days=32)
    ahead = outlook(scheduled, KEY, OPENING + 60 * DAY)
    passed = [ahead.level(each).level for each in ahead.dates if each.at <= ahead.now]
    assert len(passed) > 15
    assert sum(level or 0 for level in passed) <= 0.04 + 1e-12
    assert passed[-1] is None


def test_calendar__two_reviews_on_one_day__what_has_begun_stands(scheduled: Workspace) -> None:
    calendar(scheduled, OPENING - 20 * DAY, opening_on=OPENING.date(), window_days=10, target_failure_rate=0.3)
    assert outlook(scheduled, KEY, OPENING).dates[0].calendar.target_failure_rate == 0.05


def test_calendar__change__holds_for_windows_that_begin_after_it(scheduled: Workspace) -> None:
    calendar(scheduled, START + DAY, reviews_a_year=2, window_days=31, target_failure_rate=0.3)
    first, second = outlook(scheduled, KEY, OPENING).dates[:2]
    assert (first.on, first.calendar.target_failure_rate) == (OPENING.date(), 0.05)
    assert (second.on, second.calendar.target_failure_rate) == (OPENING.date() + 182 * DAY, 0.3)
    assert ReviewCalendar.objects.count() == 2


def test_calendar__change_before_anything_came_in__keeps_the_opening_that_was_set(workspace: Workspace) -> None:
    calendar(workspace, START - 2 * DAY, opening_decisions=70)
    assert calendar(workspace, START - DAY, reviews_a_year=2).opening_decisions == 70
    calendar(workspace, START - DAY, opening_on=OPENING.date(), window_days=31)
    assert (
        calendar(workspace, START - timedelta(hours=2), reviews_a_year=2, window_days=31).opening_on == OPENING.date()
    )


def test_opening__of_so_many_decisions__is_held_over_the_first_ones_once_they_have_matured(
    workspace: Workspace,
) -> None:
    calendar(workspace, START - DAY, opening_decisions=400, maturity_days=7)
    made = [gated(workspace, confidence=0.95, minute=m + 1) for m in range(500)]
    # The last of the 400 has no label yet, so it is waited for.
    store(made, [outcome(each, True) for each in made[:399]])
    received = made[399].timestamp
    assert policy(workspace, received + 6 * DAY)["review"]["on"] is None
    found = policy(workspace, received + 8 * DAY)
    assert found["review"]["on"] == f"{received + 7 * DAY:%Y-%m-%d}"
    assert (found["findings"][0]["decisions"], found["findings"][0]["labelled"]) == (400, 399)


def test_opening__all_labelled_before__waits_no_longer(workspace: Workspace) -> None:
    calendar(workspace, START - DAY, opening_decisions=400, maturity_days=7)
    made = [gated(workspace, confidence=0.95, minute=m + 1) for m in range(400)]
    store(made, [outcome(each, True) for each in made])
    assert policy(workspace, made[-1].timestamp + timedelta(hours=2))["review"]["may_loosen"]


def test_opening__of_a_file__is_the_first_one_as_a_whole(workspace: Workspace) -> None:
    history(workspace, LENIENT, timestamp=START + 40 * DAY)
    begun = DecisionImport.objects.create(
        workspace=workspace, file_sha256="0" * 64, mapping={}, started_at=START + 40 * DAY - timedelta(minutes=1)
    )
    assert policy(workspace, START + 41 * DAY, window_from=START)["review"]["on"] is None
    begun.finished_at = START + 40 * DAY + timedelta(minutes=1)
    begun.save()
    more = [decision(workspace, confidence=0.95, timestamp=START + 42 * DAY) for _ in range(5)]
    store(more, [outcome(each, False) for each in more])
    found = policy(workspace, START + 45 * DAY)
    assert (found["review"]["on"], found["findings"][0]["recommended"]) == ("2026-02-10", 0.7)
    assert found["findings"][0]["decisions"] == 1_200


def test_opening__nothing_was_set__is_over_a_thousand_decisions(workspace: Workspace) -> None:
    text = run_as_text(run_calibration(workspace=workspace, policy_keys=[KEY]))
    assert "No evidence in the window" in text
    store([gated(workspace, confidence=0.95)])
    text = run_as_text(run_calibration(workspace=workspace, policy_keys=[KEY], window_from=START, window_to=OPENING))
    said = "The first review is over the first 1,000 decisions, or one import; reviews left in its year: 4 of 4"
    assert said in " ".join(text.split())


def test_drawn_for_people__without_a_label__counts_as_a_failure(scheduled: Workspace) -> None:
    workspace = WorkspaceFactory()
    calendar(workspace, START - DAY, opening_on=OPENING.date(), window_days=31)
    allowed = [gated(workspace, confidence=0.95, minute=m) for m in range(1_000)]
    store(allowed, [outcome(each, True) for each in allowed])
    blocked = [
        gated(workspace, confidence=0.85, minute=m, audit_selected=m < 250, label_propensity="0.2500")
        for m in range(1_000)
    ]
    store(blocked, [outcome(each, True, source="human_review") for each in blocked[:190]])
    (finding,) = policy(workspace, OPENING)["findings"]
    assert finding["answer"]["steps"][0]["strata"][1] == {"decisions": 1_000, "labelled": 250, "failures": 60}
    assert finding["recommended"] == 0.9


def test_review__of_another_workspace_or_policy__spends_nothing_here(scheduled: Workspace) -> None:
    other = WorkspaceFactory()
    Workspace.objects.update(created_at=START - 300 * DAY)
    calendar(other, START - DAY, opening_on=OPENING.date(), window_days=31)
    history(other, LENIENT)
    recommended(other, OPENING)
    assert recommended(scheduled, OPENING) == 0.7
    assert HeldReview.objects.in_workspace(scheduled).count() == 1


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"reviews_a_year": 0}, "reviews a year"),
        ({"reviews_a_year": 53}, "reviews a year"),
        ({"candidate_share": 1}, "share"),
        ({"opening_on": START.date()}, "future"),
        ({"opening_on": date(2026, 3, 1), "opening_decisions": 5}, "not both"),
        ({"opening_decisions": 0}, "at least one"),
        ({"window_days": 0}, "at least one day"),
        ({"window_days": 5, "maturity_days": 5}, "maturity lag"),
        ({"target_failure_rate": 0}, "target failure rate"),
        ({"segment_by": ["weather"]}, "Segments"),
        ({"reason": " "}, "reason"),
    ],
)
def test_calendar__that_is_impossible__is_refused(workspace: Workspace, terms: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        calendar(workspace, START + DAY, **terms)
    assert not ReviewCalendar.objects.exists()


def test_calendar__opening_whose_window_has_begun__is_refused(workspace: Workspace) -> None:
    store([gated(workspace, confidence=0.95)])
    with pytest.raises(InvalidInput, match="begun already"):
        calendar(workspace, START + DAY, opening_on=OPENING.date(), window_days=31)


def test_calendar__of_budgets__opens_on_a_date(workspace: Workspace) -> None:
    budgets = {"actor": None, "workspace": workspace, "policy_key": "lead_context_bundle", "reason": "Test."}
    with pytest.raises(InvalidInput, match="Give the date"):
        set_review_calendar(**budgets, opening_decisions=10)
    opening = datetime.combine(timezone.now() + 40 * DAY, datetime.min.time(), tzinfo=UTC)
    set_review_calendar(**budgets, opening_on=opening.date())
    assert outlook(workspace, "lead_context_bundle", opening - DAY).coming.at == opening


def test_calendar__who_may_set_one(workspace: Workspace) -> None:
    asked = {"workspace": workspace, "policy_key": KEY, "reason": "Test."}
    for outsider in (UserFactory(), admin_of(WorkspaceFactory())):
        with pytest.raises(NotFound):
            set_review_calendar(actor=outsider, **asked)
    with pytest.raises(PermissionRefused):
        set_review_calendar(actor=viewer_of(workspace), **asked)
    for person in (admin_of(workspace), SuperuserFactory()):
        assert set_review_calendar(actor=person, **asked).set_by_name == person.get_username()


def test_command__sets_a_calendar_and_says_when_the_next_review_is(workspace: Workspace) -> None:
    out = StringIO()
    opening = (timezone.now() + 90 * DAY).date()
    call_command(
        "set_review_calendar", "--workspace", "acme", "--policy-key", KEY, "--reviews", "2", "--opening",
        opening.isoformat(), "--reason", "Audit.", stdout=out,
    )  # fmt: skip
    assert f"The next review is on {opening}; reviews left in its year: 2 of 2." in out.getvalue()
    with pytest.raises(CommandError, match="give a date"):
        call_command(
            "set_review_calendar", "--workspace", "acme", "--policy-key", KEY, "--reason", "x", "--opening", "s"
        )
