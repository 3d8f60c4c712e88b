"""Which outcome of a decision counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from calibration.runner import run_calibration
from calibration.tests.factories import WINDOW, decision, outcome, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome

pytestmark = pytest.mark.django_db

Source = DecisionOutcome.Source


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def label(workspace: Workspace) -> tuple[int, int]:
    """Labelled decisions and successes that a run sees, which must be what the ledger's own view says."""
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    seen = finding["labelled"], finding["successes"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(outcome_success), COUNT(CASE WHEN outcome_success THEN 1 END) FROM decision_ledger_effective"
        )
        assert cursor.fetchone() == seen
    return seen


@pytest.mark.parametrize(
    ("outcomes", "success"),
    [
        ([(True, Source.DOWNSTREAM_EVENT, 1), (False, Source.DOWNSTREAM_EVENT, 2)], False),
        ([(True, Source.DOWNSTREAM_EVENT, 2), (False, Source.DOWNSTREAM_EVENT, 1)], True),
        ([(True, Source.HUMAN_REVIEW, 1), (False, Source.DOWNSTREAM_EVENT, 2)], True),
        ([(False, Source.SENTIMENT, 3), (True, Source.HUMAN_REVIEW, 1), (False, Source.BOOKING, 2)], True),
        ([(False, Source.HUMAN_REVIEW, 1), (True, Source.HUMAN_REVIEW, 2)], True),
        ([(False, Source.IMPORT, 1), (True, Source.IMPORT, 1)], True),
    ],
    ids=["later", "earlier-recorded-last", "human", "human-between", "later-human", "same-time-higher-sequence"],
)
def test_run__several_outcomes__one_rules(
    workspace: Workspace, outcomes: Sequence[tuple[bool, str, int]], success: bool
) -> None:
    one = decision(workspace, confidence=0.9)
    store(
        [one],
        [
            outcome(one, won, sequence=place, source=source, observed_at=one.occurred_at + timedelta(hours=hours))
            for place, (won, source, hours) in enumerate(outcomes, start=1)
        ],
    )
    assert label(workspace) == (1, int(success))


def test_run__nobody_looked__unlabelled(workspace: Workspace) -> None:
    store([decision(workspace, confidence=0.9)])
    assert label(workspace) == (0, 0)


def test_run__outcome_recorded_after_the_run_began__not_read(workspace: Workspace) -> None:
    first, second = (decision(workspace, confidence=0.9, minute=minute) for minute in range(2))
    late = {"recorded_at": timezone.now() + timedelta(hours=1)}
    store(
        [first, second],
        [
            outcome(first, True),
            outcome(first, False, sequence=2, source=Source.HUMAN_REVIEW, **late),
            outcome(second, True, **late),
        ],
    )
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    assert (finding["decisions"], finding["labelled"], finding["successes"]) == (2, 1, 1)
