"""`plan_labels`: from the decisions and labels of a policy to what to buy, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from freezegun import freeze_time

from calibration.models import ReviewCalendar
from calibration.planning.planning import plan_label_purchase
from calibration.planning.question import PlanQuestion, Target
from calibration.planning.rates import use_rates
from calibration.tests.factories import START, gated, outcome, store
from confidence_project.foundation.errors import NotFound, PermissionRefused
from governance.controls.services import set_audit_sampling
from governance.models import AuditSampling, Workspace
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.factories import MembershipFactory, UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

WEEKS = 4
RATES = {0.97: 0, 0.95: 1, 0.9: 4, 0.8: 8, 0.7: 10}
"""Confidences, and how many of twenty labels fail there; .9 is in force."""


@pytest.fixture(autouse=True)
def day() -> Iterator[None]:
    with freeze_time(START + timedelta(weeks=WEEKS)):
        yield


@pytest.fixture
def workspace() -> Workspace:
    """Some hundred decisions a week, as many at each confidence, with twenty fair labels at each."""
    workspace = WorkspaceFactory()
    made = [
        gated(
            workspace,
            confidence=confidence,
            minute=place * 280,
            audit_selected=confidence < 0.9 and place < 20,
            label_propensity=Decimal("0.1") if confidence < 0.9 else None,
        )
        for confidence in RATES
        for place in range(140)
    ]
    labels = [
        outcome(made[row * 140 + place], place >= failed)
        for row, failed in enumerate(RATES.values())
        for place in range(20)
    ]
    store(made, labels)
    return workspace


def run(workspace: Workspace, *options: str, target: str = "certify", **more: Any) -> str:
    out = StringIO()
    given = {"cost": 2.0, "budget": 200.0, **more}
    call_command("plan_labels", "confidence_gate", workspace=workspace.slug, target=target, stdout=out, **given)
    return out.getvalue()


def told(workspace: Workspace, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(workspace, json=True, **more))
    return found


def test_plan__certify__says_how_many_where_until_when_and_with_what_chance(workspace: Workspace) -> None:
    plan = told(workspace, target_failure_rate=0.1)
    assert plan["pilot_labels"] == 100
    assert plan["decisions_a_week"] == pytest.approx(175, rel=0.35)  # a window has six periods, of which two hold some
    chosen = plan["plan"]
    assert chosen in [
        {**each, **{k: chosen[k] for k in ("cost", "weeks", "until", "window_from")}} for each in plan["options"]
    ]
    assert chosen["labels"] <= 200 * 8 / 2
    assert chosen["cost"] == chosen["labels"] * 2
    assert chosen["confidence_from"] >= 0.9
    assert 0 < chosen["chance"] <= 1
    low, high = chosen["coverage_range"]
    assert 0 <= low <= high <= chosen["share"]
    (rule,) = plan["rules"]
    a_week = sum(band["labels_a_week"] for band in plan["bands"])
    assert rule["match"] == {"confidence_kind": "unspecified", "model": "m1", "provider": "acme"}
    assert a_week * chosen["weeks"] == pytest.approx(chosen["labels"], rel=0.05)
    assert a_week * 2 <= 200 * 1.05
    text = run(workspace, target_failure_rate=0.1)
    assert f"label {chosen['labels']} decisions" in text
    assert "no part in the certificate" in text
    assert "Labels a week" in text


def test_plan__loosen__both_sides_of_the_threshold_in_force_are_drawn(workspace: Workspace) -> None:
    plan = told(workspace, target="loosen", to=0.75, target_failure_rate=0.4)
    assert plan["plan"]["confidence_from"] == 0.8
    assert [(band["side"], band["from"]) for band in plan["bands"]] == [("blocked", 0.8), ("allowed", 0.9)]
    assert plan["rules"][0].get("side") is None
    assert plan["plan"]["chance"] > 0.5


def test_plan__confirm__labels_what_is_allowed(workspace: Workspace) -> None:
    plan = told(workspace, target="confirm", target_failure_rate=0.2)
    assert plan["plan"]["confidence_from"] == 0.9
    assert [band["side"] for band in plan["bands"]] == ["allowed"]


def test_plan__watch__needs_no_pilot_and_draws_what_is_allowed() -> None:
    workspace = WorkspaceFactory()
    store([gated(workspace, confidence=0.95, minute=80 * m) for m in range(500)])
    plan = told(workspace, target="watch", to=0.15)
    assert plan["pilot_labels"] == 0
    assert plan["plan"]["chance"] >= 0.8
    assert plan["rules"][0]["side"] == "allowed"
    assert "coverage" not in plan["plan"]
    assert "if 15 % fail" in run(workspace, target="watch", to=0.15)


def test_plan__level_is_that_of_the_next_review(workspace: Workspace) -> None:
    before = told(workspace)["target"]["level"]
    assert before == pytest.approx(0.05 * 0.8 / 4)
    ReviewCalendar.objects.create(
        workspace=workspace, policy_key="confidence_gate", reviews_a_year=1, candidate_share=0, set_at=START
    )
    assert told(workspace)["target"]["level"] == pytest.approx(0.05)
    assert told(workspace, risk_confidence=0.9)["target"]["level"] == pytest.approx(0.1)


def test_plan__segment__is_planned_for_alone(workspace: Workspace) -> None:
    store([gated(workspace, confidence=0.9, model="m2", minute=m) for m in range(100)])
    assert told(workspace)["segment"]["model"] == "m1"
    assert "1 more segment" in run(workspace)
    with pytest.raises(CommandError, match="pilot"):
        run(workspace, match=[("model", "m2")])
    with pytest.raises(CommandError, match="carries this segment"):
        run(workspace, match=[("model", "unheard-of")])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cost": 0.0}, "The cost of a label"),
        ({"cost": float("nan")}, "The cost of a label"),
        ({"budget": 1.0}, "The budget of a week pays one label"),
        ({"weeks": 0}, "1 to 52 weeks"),
        ({"budget": 1e9}, "at most 100,000 labels"),
        ({"target": "loosen"}, "Give the threshold"),
        ({"target": "certify", "to": 0.5}, "nothing otherwise"),
        ({"target": "loosen", "to": 1.5}, "from 0 to 1"),
        ({"target_failure_rate": 2.0}, "target failure rate"),
        ({"match": [("nonsense", "x")]}, "Segments are named by"),
    ],
)
def test_plan__what_makes_no_sense__is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message) as raised:
        run(WorkspaceFactory(), **given)
    assert "1.5" not in str(raised.value)
    assert "nonsense" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target": "loosen", "to": 0.95}, "below the one in force"),
        ({"target": "watch", "to": 0.05}, "above the one that is promised"),
        ({"budget": 2.0, "weeks": 1}, "takes .* labels at least"),
    ],
)
def test_plan__what_does_not_go_with_the_policy__is_named(
    workspace: Workspace, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run(workspace, **given)


def test_plan__no_traffic__says_so() -> None:
    with pytest.raises(CommandError, match="no traffic"):
        run(WorkspaceFactory())


def test_plan__no_pilot__says_how_large_one_is() -> None:
    workspace = WorkspaceFactory()
    store([gated(workspace, confidence=0.95, minute=80 * m) for m in range(500)])
    with pytest.raises(CommandError, match="Label 100 decisions from the whole scale first"):
        run(workspace)


def test_plan__policy_without_a_threshold__is_refused(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="no confidence threshold"):
        call_command(
            "plan_labels", "lead_context_bundle", workspace=workspace.slug, target="certify", cost=1.0, budget=10.0
        )


def test_plan__by_people__needs_an_admin_of_the_workspace(workspace: Workspace) -> None:
    question = PlanQuestion(policy_key="confidence_gate", target=Target.CERTIFY, cost=2, budget=200)
    with pytest.raises(NotFound):
        plan_label_purchase(workspace=workspace, question=question, actor=UserFactory(is_staff=True))
    viewer = MembershipFactory(workspace=workspace, role="viewer", user__is_staff=True).user
    with pytest.raises(PermissionRefused):
        plan_label_purchase(workspace=workspace, question=question, actor=viewer)


def test_rates__of_a_plan__take_the_place_of_those_of_its_segment_alone(workspace: Workspace) -> None:
    plan = plan_label_purchase(
        workspace=workspace,
        question=PlanQuestion(policy_key="confidence_gate", target=Target.CERTIFY, cost=2, budget=200),
    )
    other = SamplingRule(rate=Decimal("0.1"), match=(("model", "m2"),))
    old = SamplingRule(rate=Decimal("0.2"), match=plan.rule.match)
    root = UserFactory(is_staff=True, is_superuser=True)
    rates = SamplingRates(Decimal("0.05"), (old, other))
    set_audit_sampling(actor=root, workspace=workspace, policy_key="confidence_gate", rates=rates, reason="Before.")
    use_rates(actor=root, workspace=workspace, policy_key="confidence_gate", rule=plan.rule, reason="As planned.")
    in_force = AuditSampling.objects.in_workspace(workspace).in_force().get()
    assert in_force.rates == SamplingRates(Decimal("0.05"), (plan.rule, other))
    assert AuditSampling.objects.in_workspace(workspace).count() == 2
