"""The cheapest threshold for stated costs, and recalibrations, stand beside the certified threshold."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from calibration.runner import run_calibration
from calibration.statistics.costs import Costs
from calibration.tests.factories import HONEST, WINDOW, history
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    return workspace


def finding_of(workspace: Workspace, **options: Any) -> dict[str, Any]:
    run = run_calibration(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW, **options)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def cost_by_hand(threshold: float, costs: Costs) -> float:
    """Every labelled decision of `HONEST`, one at a time."""
    paid = 0.0
    for confidence, (won, lost) in HONEST.items():
        if confidence >= threshold:
            paid += lost * costs.false_allow
        else:
            paid += won * (costs.false_block + costs.review) + lost * costs.review
    return paid / sum(map(sum, HONEST.values()))


def test_costs__stated__name_the_cheapest_threshold_and_change_no_answer(workspace: Workspace) -> None:
    without = finding_of(workspace)
    costs = Costs(false_allow=20, false_block=1, review=3)
    finding = finding_of(workspace, costs=costs)
    cheapest = min(HONEST, key=lambda threshold: cost_by_hand(threshold, costs))
    assert finding["costs"]["threshold"] == cheapest == 0.95
    assert finding["costs"]["cost"] == pytest.approx(cost_by_hand(cheapest, costs), abs=1e-12)
    assert finding["costs"]["lenient"] <= cheapest <= finding["costs"]["strict"]
    assert without["costs"] is None
    words = f"With the stated costs 0.9500 is cheapest (all from {finding['costs']['lenient']:.4f} to "
    assert words in finding["explanation"]
    assert "cheapest" not in without["explanation"]
    assert finding["recommended"] == without["recommended"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--cost-review", "1"], "all three costs"),
        (["--cost-review", "nan", "--cost-false-allow", "1", "--cost-false-block", "1"], "finite numbers"),
        (["--cost-review", "0", "--cost-false-allow", "0", "--cost-false-block", "0"], "at least one is above 0"),
        (["--cost-review", "-1", "--cost-false-allow", "1", "--cost-false-block", "1"], "finite numbers of at least 0"),
    ],
)
def test_costs__incomplete_or_negative__refused(workspace: Workspace, options: list[str], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        call_command("run_calibration", "--workspace", workspace.slug, *options)


def test_costs__a_false_allow_is_ruinous__blocking_everything_is_cheapest(workspace: Workspace) -> None:
    finding = finding_of(workspace, costs=Costs(false_allow=10_000, false_block=1, review=1))
    assert (finding["costs"]["threshold"], finding["costs"]["strict"]) == (None, None)
    assert "With the stated costs blocking everything is cheapest" in finding["explanation"]


def test_costs__stated__are_stored_with_the_run(workspace: Workspace) -> None:
    run = run_calibration(workspace=workspace, costs=Costs(false_allow=20, false_block=1, review=3), **WINDOW)
    run.refresh_from_db()
    assert run.costs == {"false_allow": 20, "false_block": 1, "review": 3}
    assert run_calibration(workspace=workspace, **WINDOW).costs is None


def test_recalibration__each_kind__states_its_gain_on_held_out_labels(workspace: Workspace) -> None:
    found = finding_of(workspace)["recalibration"]
    assert [each["map"]["kind"] for each in found] == ["isotonic", "logistic", "beta"]
    brier = sum(won * (1 - c) ** 2 + lost * c**2 for c, (won, lost) in HONEST.items()) / sum(map(sum, HONEST.values()))
    for each in found:
        assert each["map"]["n"] == each["cross_validated"]["n"] == 1_100
        assert each["cross_validated"]["brier_before"] == pytest.approx(brier, abs=1e-12)
    # The isotonic map through monotone rates is those rates.
    assert [mapped for _, mapped in found[0]["map"]["knots"]] == pytest.approx([0.6, 0.8, 290 / 300, 496 / 500])
