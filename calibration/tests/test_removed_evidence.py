"""A window into which a prune or an erasure reached may tighten and says so; it loosens nothing."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from calibration.candidates.looking import explain, look_at_candidate
from calibration.candidates.registering import register_candidate
from calibration.models import ConfidenceCalibrationRun, HeldReview
from calibration.runs.report import run_as_text
from calibration.tests.factories import START, history
from calibration.tests.test_reviews import DAY, KEY, LENIENT, calendar, on, policy
from governance.controls.services import set_audit_sampling
from governance.models import Workspace
from governance.sampling_rates import SamplingRates
from governance.tests.factories import WorkspaceFactory, admin_of
from ledger.models import LedgerRemoval

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory(slug="acme")
    Workspace.objects.update(created_at=START - 300 * DAY)
    workspace.refresh_from_db()
    return workspace


def removed(workspace: Workspace, since: datetime, until: datetime, *policy_keys: str, **changes: Any) -> LedgerRemoval:
    row: LedgerRemoval = LedgerRemoval.objects.create(
        **{
            "workspace": workspace, "kind": "retention", "decisions": 40, "rows": 40, "occurred_from": since,
            "occurred_to": until, "recorded_to": until,
            "policy_keys": list(policy_keys or [KEY]), "leaves_sha256": "0" * 64, "at": until,
            **changes,
        }
    )  # fmt: skip
    return row


def test_review__window_into_which_a_prune_reached__is_passed_over_and_spends_nothing(workspace: Workspace) -> None:
    opening = START + 31 * DAY
    calendar(workspace, START - DAY, opening_on=opening.date(), window_days=31)
    history(workspace, LENIENT)
    removed(workspace, START - DAY, START)
    found = policy(workspace, opening + DAY, maturity_days=0, window_from=START, window_to=opening)
    assert (found["review"]["on"], found["findings"][0]["recommended"]) == (None, 0.9)
    assert found["review"]["removed"] == 40
    words = " ".join(run_as_text(ConfidenceCalibrationRun.objects.get()).split())
    assert "Up to 40 decisions of that time were pruned or erased." in words
    assert "nothing is loosened by this window" in words
    assert not HeldReview.objects.exists()


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"until": START - DAY},
        {"policy_keys": ["decision_gate"]},
        {"kind": "erasure", "archive": "1-x.parquet"},
    ],
    ids=["before the window", "of another policy", "from an archive, and so counted already"],
)
def test_review__what_was_removed_elsewhere__is_held(workspace: Workspace, elsewhere: dict[str, Any]) -> None:
    opening = START + 31 * DAY
    calendar(workspace, START - DAY, opening_on=opening.date(), window_days=31)
    history(workspace, LENIENT)
    given = {"until": START, "policy_keys": [KEY], **elsewhere}
    removed(workspace, START - 2 * DAY, given.pop("until"), *given.pop("policy_keys"), **given)
    found = policy(workspace, opening + DAY, maturity_days=0)
    assert found["findings"][0]["recommended"] == 0.7


def test_calendar__that_opened_by_decisions_since_pruned__keeps_its_dates(workspace: Workspace) -> None:
    calendar(workspace, START - DAY, opening_decisions=100, window_days=31)
    history(workspace, LENIENT)
    before = policy(workspace, START + 5 * DAY, maturity_days=0)["review"]
    assert before["on"]
    removed(workspace, START - DAY, START)
    after = policy(workspace, START + 6 * DAY, maturity_days=0)["review"]
    assert (after["next_on"], after["left"]) == (before["next_on"], before["left"])


def test_calendar__whose_opening_was_not_held_before_a_prune__shows_none(workspace: Workspace) -> None:
    calendar(workspace, START - DAY, opening_decisions=100, window_days=31)
    history(workspace, LENIENT)
    removed(workspace, START - DAY, START)
    found = policy(workspace, START + 5 * DAY, maturity_days=0)
    assert (found["review"]["may_loosen"], found["review"]["next_on"]) == (False, None)


def test_candidate__with_decisions_that_were_removed_since__cannot_pass(workspace: Workspace) -> None:
    who = {"actor": admin_of(workspace), "workspace": workspace, "policy_key": KEY, "reason": "To learn."}
    with on(START):
        set_audit_sampling(**who, rates=SamplingRates(Decimal("0.5")))
        candidate = register_candidate(**who, threshold=0.5)
    with on(START + 40 * DAY):
        assert not look_at_candidate(candidate).removed
        removed(workspace, START, START + DAY)
        look = look_at_candidate(candidate)
    assert not look.has_passed
    assert "It cannot pass: up to 40 decisions since its registration were pruned or erased." in explain(look)
