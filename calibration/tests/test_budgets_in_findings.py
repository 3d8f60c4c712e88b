"""Token budgets from what telemetry keeps of lead context bundles."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from scipy import stats

from calibration.tests.factories import START, WINDOW, review
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.factories import WorkspaceFactory
from telemetry.models import AIInteraction

pytestmark = pytest.mark.django_db

KEY = "lead_context_bundle"


def store(workspace: Workspace, bundles: list[dict[str, Any] | None]) -> None:
    AIInteraction.objects.bulk_create(
        AIInteraction(
            workspace=workspace,
            created_at=START + timedelta(minutes=place),
            metadata=None if bundle is None else {"leadContextBundle": bundle},
        )
        for place, bundle in enumerate(bundles)
    )
    AIInteraction.objects.update(received_at=F("created_at"))


def whole(tokens: int) -> dict[str, Any]:
    return {"totalTokens": tokens, "tokenBudget": 4000, "truncated": False}


CUT = {"totalTokens": 4000, "tokenBudget": 4000, "truncated": True}


def findings(workspace: Workspace, **options: Any) -> dict[str, dict[str, Any]]:
    run = review(workspace=workspace, policy_keys=[KEY], **WINDOW, **options)
    return {finding["field"]: finding for finding in run.output["policies"][0]["findings"]}


def by_hand(needs: list[float], target: float, delta: float) -> float:
    """The smallest observed need whose exceedances pass the exact test, one need at a time."""
    for budget in sorted(set(needs)):
        over = sum(need > budget for need in needs)
        if stats.binom.cdf(over, len(needs), target) <= delta:
            return budget
    raise AssertionError("none")


def test_budget__certified__is_the_one_that_a_search_over_single_bundles_finds() -> None:
    workspace = WorkspaceFactory()
    draw = random.Random(5)
    needs = [draw.randrange(500, 3_500) for _ in range(400)]
    store(workspace, [*map(whole, needs), CUT, CUT, None, {"profile": "short"}, {"totalTokens": 9, "truncated": None}])
    found = findings(workspace)
    assert set(found) == {"total_token_budget"}
    finding = found["total_token_budget"]
    expected = by_hand([*needs, float("inf"), float("inf")], 0.05, 0.05 / 3)
    assert (finding["recommended"], finding["reason"], finding["labelled"]) == (expected, "OK", 402)
    over = sum(need > expected for need in needs) + 2
    assert (finding["answer"]["truncated"], finding["at_recommended"]["failures"]) == (over, over)
    assert finding["at_current"]["failures"] == 2
    proposal = ConfidencePolicyProposal.objects.get(origin="calibration")
    assert proposal.config["values"]["total_token_budget"] == expected


def test_budget__sections__have_budgets_of_their_own() -> None:
    workspace = WorkspaceFactory()
    section = {"tokens": 700, "budget": 1500, "truncated": False}
    store(workspace, [{"sections": {"knowledge": section, "memory": {**section, "tokens": 300}}}] * 100)
    found = findings(workspace)
    assert {name: each["recommended"] for name, each in found.items()} == {
        "knowledge_token_budget": 700,
        "memory_token_budget": 300,
    }


def test_budget__too_few_bundles__says_how_many() -> None:
    workspace = WorkspaceFactory()
    store(workspace, [whole(900)] * 79)
    finding = findings(workspace)["total_token_budget"]
    # 0.95^80 <= 0.05 / 3 < 0.95^79
    assert (finding["reason"], finding["recommended"], finding["answer"]["needed"]) == ("INSUFFICIENT_DATA", None, 80)


def test_budget__often_truncated__no_budget_is_known_to_suffice() -> None:
    workspace = WorkspaceFactory()
    store(workspace, [whole(900)] * 80 + [CUT] * 20)
    assert findings(workspace)["total_token_budget"]["reason"] == "NOT_CERTIFIABLE"


def test_budget__dry_run__names_no_smaller_budget() -> None:
    workspace = WorkspaceFactory()
    store(workspace, [whole(900)] * 100)
    finding = findings(workspace, dry_run=True)["total_token_budget"]
    assert (finding["recommended"], finding["answer"]["budget"], finding["is_material"]) == (4000, 4000, False)
    assert "Nothing below the 4,000 in force was judged" in finding["explanation"]


def test_budget__other_workspace_or_outside_of_the_window__is_not_counted() -> None:
    workspace = WorkspaceFactory()
    store(WorkspaceFactory(), [whole(900)] * 100)
    AIInteraction.objects.create(
        workspace=workspace, created_at=WINDOW["window_to"], metadata={"leadContextBundle": whole(900)}
    )
    assert findings(workspace) == {}
