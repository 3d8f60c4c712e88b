"""A policy key that parts from another takes no error probability with it: both together spend one delta."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from calibration.candidates.registering import register_candidate
from calibration.models import Candidate, HeldReview
from calibration.reviews.setting import set_review_calendar
from calibration.runner import run_calibration
from calibration.tests.factories import START, gated, store
from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.controls.services import set_audit_sampling
from governance.models import Workspace
from governance.sampling_rates import SamplingRates
from governance.tests.factories import WorkspaceFactory, admin_of

pytestmark = pytest.mark.django_db

PARENT, CHILD = "confidence_gate", "confidence_gate.refunds"
DELTA, KEPT = 0.05, 0.01
DAY = timedelta(days=1)
OPENING, YEAR = START + 31 * DAY, 365 * DAY


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    Workspace.objects.update(created_at=START - 300 * DAY)
    workspace.refresh_from_db()
    return workspace


@pytest.fixture(autouse=True)
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[definitions.PolicyDefinition]:
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    parted = replace(definitions.get_definition(PARENT), key=CHILD, parent=PARENT)
    definitions.register(parted)
    return parted


def calendar(workspace: Workspace, key: str, opening: datetime, **terms: Any) -> None:
    with mock.patch("django.utils.timezone.now", return_value=START - DAY):
        set_review_calendar(
            actor=None,
            workspace=workspace,
            policy_key=key,
            **{"reason": "Test.", "maturity_days": 0, "window_days": 31, "opening_on": opening.date(), **terms},
        )


def held_on(workspace: Workspace, key: str, at: datetime) -> float | None:
    """The level of a review that is computed on its date, over one decision."""
    store([gated(workspace, confidence=0.95, policy_key=key, occurred_at=at - 2 * DAY, timestamp=at - 2 * DAY)])
    with mock.patch("django.utils.timezone.now", return_value=at):
        (found,) = run_calibration(workspace=workspace, policy_keys=[key]).output["policies"]
    return found["review"]["delta"] if found["review"]["may_loosen"] else None


def most_spent_in_a_year() -> float:
    spent = [(each.on, each.level) for each in HeldReview.objects.all()]
    return max(sum(level for on, level in spent if first <= on < first + YEAR) for first, _ in spent)


def test_reviews__of_a_key_and_its_parent__share_one_delta(workspace: Workspace) -> None:
    calendar(workspace, PARENT, OPENING)
    calendar(workspace, CHILD, OPENING + 40 * DAY, reviews_a_year=2)
    levels = {}
    for days in (0, 91, 182, 273, 365):
        levels[PARENT, days] = held_on(workspace, PARENT, OPENING + days * DAY)
        if days in (0, 182):
            levels[CHILD, days] = held_on(workspace, CHILD, OPENING + (days + 40) * DAY)
    # Half of (delta - delta') for each of the two keys, by the reviews of its own year.
    half = (DELTA - KEPT) / 2
    assert levels == pytest.approx({(key, days): half / (4 if key == PARENT else 2) for key, days in levels})
    assert most_spent_in_a_year() == pytest.approx(DELTA - KEPT)


def test_reviews__of_a_key_that_parts_later__get_what_its_parent_has_left(
    workspace: Workspace,
    child: definitions.PolicyDefinition,
) -> None:
    calendar(workspace, PARENT, OPENING)
    del definitions.DEFINITIONS.things[CHILD]
    for days in (0, 91, 182, 273):
        assert held_on(workspace, PARENT, OPENING + days * DAY) == pytest.approx((DELTA - KEPT) / 4)
    definitions.register(child)
    calendar(workspace, CHILD, OPENING + 300 * DAY, reviews_a_year=12)
    # The four of its parent have spent the year; the first of them leaves it after 365 days.
    assert held_on(workspace, CHILD, OPENING + 300 * DAY) is None
    assert held_on(workspace, CHILD, OPENING + 391 * DAY) == pytest.approx((DELTA - KEPT) / 2 / 12)
    assert held_on(workspace, PARENT, OPENING + 456 * DAY) == pytest.approx((DELTA - KEPT) / 2 / 4)
    assert most_spent_in_a_year() <= DELTA - KEPT + 1e-12


def test_reviews__of_a_key_with_a_larger_delta__share_the_lesser_one(workspace: Workspace) -> None:
    calendar(workspace, PARENT, OPENING)
    calendar(workspace, CHILD, OPENING, risk_confidence=0.8)
    assert held_on(workspace, CHILD, OPENING) == pytest.approx((DELTA - KEPT) / 2 / 4)


def test_candidates__of_a_key_and_its_parent__are_one_sequence(workspace: Workspace) -> None:
    admin = admin_of(workspace)
    for key in (PARENT, CHILD, PARENT):
        set_audit_sampling(
            actor=admin, workspace=workspace, policy_key=key, rates=SamplingRates(Decimal("0.1")), reason="Test."
        )
        register_candidate(actor=None, workspace=workspace, policy_key=key, threshold=0.8, reason="Test.")
    found = list(Candidate.objects.order_by("pk").values_list("number", "level"))
    assert found == [(j, pytest.approx(KEPT / ((j + 1) * (j + 2)))) for j in range(3)]


def test_definition__whose_parent_nobody_knows__is_refused() -> None:
    parted = replace(definitions.get_definition(PARENT), key="lonely", parent="gone")
    with pytest.raises(InvalidInput, match="parent of policy key lonely"):
        definitions.register(parted)
