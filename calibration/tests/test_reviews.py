"""Looking again and again does not loosen a threshold again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.runs.report import run_as_text
from calibration.tests.factories import WINDOW, decision, history, outcome, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db

LENIENT = {0.95: (300, 0), 0.7: (300, 0)}
"""Everything succeeds, so 0.7 is certified against the 0.9 in force."""


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, LENIENT)
    return workspace


def policy(workspace: Workspace, **options: Any) -> dict[str, Any]:
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW, **options)
    return run.output["policies"][0]


def recommended(workspace: Workspace, **options: Any) -> float | None:
    (finding,) = policy(workspace, **options)["findings"]
    return finding["recommended"]


def new_label(workspace: Workspace) -> None:
    one = decision(workspace, confidence=0.95)
    store([one], [outcome(one, True)])


def test_review__first_run_of_the_period__may_loosen_and_says_what_it_spends(workspace: Workspace) -> None:
    found = policy(workspace)
    assert found["findings"][0]["recommended"] == 0.7
    assert found["review"]["may_loosen"]
    assert (found["review"]["spending"]["declared"], found["review"]["spending"]["spent"]) == (1, 1)
    words = run_as_text(ConfidenceCalibrationRun.objects.get())
    assert "1 of 1 loosening reviews of the period are spent, and with them 0.05 of the error probability" in words


def test_review__same_inputs_again__spend_once(workspace: Workspace) -> None:
    assert [recommended(workspace), recommended(workspace)] == [0.7, 0.7]


def test_review__other_inputs_in_the_same_period__may_only_tighten(workspace: Workspace) -> None:
    recommended(workspace)
    new_label(workspace)
    (finding,) = policy(workspace)["findings"]
    assert (finding["recommended"], finding["reason"]) == (None, "REVIEW_REQUIRED")
    assert "1 of 1 loosening reviews of the period are spent" in finding["explanation"]


def test_review__next_period__may_loosen_again(workspace: Workspace, settings: Any) -> None:
    recommended(workspace)
    long_ago = timezone.now() - timedelta(days=settings.CONFIDENCE_REVIEW_PERIOD_DAYS, minutes=1)
    ConfidenceCalibrationRun.objects.update(created_at=long_ago)
    new_label(workspace)
    assert recommended(workspace) == 0.7


def test_review__several_declared__share_delta(workspace: Workspace, settings: Any) -> None:
    settings.CONFIDENCE_LOOSENING_REVIEWS = 4
    found = policy(workspace)
    assert found["findings"][0]["answer"]["delta"] == pytest.approx(0.05 / 4)
    new_label(workspace)
    assert policy(workspace)["review"]["spending"]["remaining"] == 2


def test_review__dry_run_and_tighten_only__spend_nothing(workspace: Workspace) -> None:
    assert recommended(workspace, dry_run=True) is None
    assert recommended(workspace, tighten_only=True) is None
    new_label(workspace)
    assert recommended(workspace) == 0.7


def test_review__nothing_labelled__spends_nothing() -> None:
    workspace = WorkspaceFactory()
    one = decision(workspace, confidence=0.95)
    store([one])
    found = policy(workspace)["review"]
    assert (found["may_loosen"], found["spending"]["spent"], found["spending"]["remaining"]) == (False, 0, 1)
    store([], [outcome(one, True)])
    history(workspace, LENIENT)
    assert recommended(workspace) == 0.7


def test_review__one_failure_labelled__spends(workspace: Workspace) -> None:
    other = WorkspaceFactory()
    history(other, {0.95: (0, 1)})
    assert policy(other)["review"]["spending"]["spent"] == 1


def test_review__nothing_left__tightening_stays_free(workspace: Workspace) -> None:
    recommended(workspace)
    history(workspace, {0.8: (0, 100)})
    assert recommended(workspace) == 0.95


def test_review__of_another_workspace__spends_nothing_here(workspace: Workspace) -> None:
    other = WorkspaceFactory()
    history(other, {**LENIENT, 0.5: (10, 0)})
    recommended(other)
    assert recommended(workspace) == 0.7
