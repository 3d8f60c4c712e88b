"""Costs that a workspace keeps for a policy key: who may set and end them, and which runs use them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from calibration.models import ConfidenceCalibrationRun, StandingCosts
from calibration.runner import run_calibration
from calibration.runs.queue import request_calibration
from calibration.runs.report import run_as_text
from calibration.standing_costs import end_standing_costs, set_standing_costs
from calibration.statistics.costs import Costs
from calibration.tests.factories import HONEST, WINDOW, history
from confidence_project.foundation.errors import InvalidInput, WrongState
from governance.models import Workspace
from governance.tests.browser import signed_in, text, words
from governance.tests.factories import KEY, SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.tests.workers import work_off

pytestmark = pytest.mark.django_db

PRICES = {"false_allow": 20.0, "false_block": 1.0, "review": 3.0}
OTHERS = {"false_allow": 10_000.0, "false_block": 1.0, "review": 1.0}
LIST, ADD = "admin:calibration_standingcosts_changelist", "admin:calibration_standingcosts_add"

MAY = {"admin": admin_of, "superuser": lambda workspace: SuperuserFactory()}
SEES = {"viewer": viewer_of}
OUTSIDERS = {
    "admin elsewhere": lambda workspace: admin_of(WorkspaceFactory()),
    "viewer elsewhere": lambda workspace: viewer_of(WorkspaceFactory()),
    "staff": lambda workspace: UserFactory(),
}


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, HONEST)
    return workspace


def kept(workspace: Workspace, **changes: Any) -> StandingCosts:
    asked = {"policy_key": KEY, "reason": "Euros, from the books.", **PRICES, **changes}
    return set_standing_costs(actor=SuperuserFactory(), workspace=workspace, **asked)


def form(chosen: Workspace, **changes: Any) -> dict[str, Any]:
    return {"workspace": chosen.pk, "policy_key": KEY, "reason": "Euros.", **PRICES, **changes}


def page(costs: StandingCosts, name: str = "change") -> str:
    return reverse(f"admin:calibration_standingcosts_{name}", args=[costs.pk])


def prices_in_force(workspace: Workspace) -> list[dict[str, float]]:
    return list(StandingCosts.objects.in_workspace(workspace).in_force().values(*PRICES))


def entry_of(run: ConfidenceCalibrationRun, policy_key: str = KEY) -> dict[str, Any]:
    return next(policy for policy in run.output["policies"] if policy["policy_key"] == policy_key)


# --- who may, and what is kept ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", MAY)
def test_page__may_operate__sets_replaces_and_ends_and_every_row_stays(workspace: Workspace, who: str) -> None:
    person = MAY[who](workspace)
    client = signed_in(person)
    empty = words(client.get(reverse(LIST)))
    assert "No standing costs were set" in empty
    assert "They decide nothing" in empty
    assert "Any decision that was blocked. Same unit." in words(client.get(reverse(ADD)))
    assert client.post(reverse(ADD), form(workspace)).status_code == 302
    assert client.post(reverse(ADD), form(workspace, **OTHERS)).status_code == 302
    assert prices_in_force(workspace) == [OTHERS]
    now, before = StandingCosts.objects.all()
    assert (before.ended_by_name, before.end_reason, now.started_by_name) == (
        person.username,
        "Euros.",
        person.username,
    )
    assert before.ended_at is not None
    assert "End" in words(client.get(page(now)))
    assert client.post(page(now, "end"), {"reason": "Out of date."}).status_code == 302
    assert prices_in_force(workspace) == []
    now.refresh_from_db()
    assert (now.ended_by_name, now.end_reason) == (person.username, "Out of date.")
    assert client.post(page(now, "end"), {"reason": "Again."}).status_code == 409


def test_page__viewer__sees_and_changes_nothing(workspace: Workspace) -> None:
    costs, client = kept(workspace), signed_in(viewer_of(workspace))
    assert page(costs) in text(client.get(reverse(LIST)))
    assert reverse(ADD) not in text(client.get(reverse(LIST)))
    assert "Euros, from the books." in text(client.get(page(costs)))
    for url in (reverse(ADD), page(costs, "end")):
        refused = client.post(url, form(workspace, **OTHERS))
        assert (refused.status_code, "admin membership" in text(refused)) == (403, True)
    assert prices_in_force(workspace) == [PRICES]


@pytest.mark.parametrize("who", OUTSIDERS)
def test_page__outsider__finds_nothing_and_changes_nothing(workspace: Workspace, who: str) -> None:
    costs, client = kept(workspace), signed_in(OUTSIDERS[who](workspace))
    assert page(costs) not in text(client.get(reverse(LIST)))
    assert client.get(page(costs)).status_code == 302
    assert client.post(page(costs, "end"), {"reason": "Mine."}).status_code == 404
    assert client.post(reverse(ADD), form(workspace, **OTHERS)).status_code in {200, 403}
    assert prices_in_force(workspace) == [PRICES]


def test_page__signed_out__goes_to_the_sign_in(client: Client, workspace: Workspace) -> None:
    costs = kept(workspace)
    for url in (reverse(LIST), reverse(ADD), page(costs), page(costs, "end")):
        assert "login" in client.post(url, form(workspace)).headers["Location"]
    assert prices_in_force(workspace) == [PRICES]


def test_page__nobody_edits_or_deletes_a_row(workspace: Workspace) -> None:
    costs, client = kept(workspace), signed_in(SuperuserFactory())
    assert client.post(page(costs), form(workspace, **OTHERS)).status_code == 403
    assert client.post(page(costs, "delete"), {"post": "yes"}).status_code == 403
    assert prices_in_force(workspace) == [PRICES]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"review": "-1"}, "greater than or equal to 0"),
        ({"review": ""}, "required"),
        ({"review": "nan"}, "Enter a number"),
        ({"review": "much"}, "Enter a number"),
        ({"review": "1e300"}, "at most 1e+12"),
        ({"false_allow": "0", "false_block": "0", "review": "0"}, "at least one is above 0"),
        ({"policy_key": "lead_context_bundle"}, "Select a valid choice"),
        ({"policy_key": "unknown"}, "Select a valid choice"),
        ({"reason": ""}, "required"),
        ({"workspace": "0"}, "Select a valid choice"),
    ],
)
def test_page__bad_input__is_told_and_nothing_is_kept(workspace: Workspace, changes: dict[str, str], told: str) -> None:
    answer = signed_in(admin_of(workspace)).post(reverse(ADD), form(workspace, **changes))
    assert (answer.status_code, told in words(answer)) == (200, True)
    assert prices_in_force(workspace) == []


def test_set__policy_without_a_confidence_threshold__refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="no confidence threshold"):
        kept(workspace, policy_key="lead_context_bundle")
    with pytest.raises(InvalidInput, match="all three"):
        kept(workspace, false_allow=None, false_block=None, review=None)


@pytest.mark.django_db(transaction=True)
def test_set__several_at_once__one_is_in_force_and_all_stay(workspace: Workspace) -> None:
    boss = SuperuserFactory()

    def keep(price: int) -> None:
        try:
            set_standing_costs(
                actor=boss, workspace=workspace, policy_key=KEY, reason="x", **{**PRICES, "review": float(price)}
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(keep, range(1, 9)))
    assert (len(prices_in_force(workspace)), StandingCosts.objects.count()) == (1, 8)


def test_end__replaced_meanwhile__conflict_and_the_new_ones_stay(workspace: Workspace) -> None:
    stale = kept(workspace)
    kept(workspace, **OTHERS)
    with pytest.raises(WrongState, match="not in force"):
        end_standing_costs(actor=SuperuserFactory(), costs=stale, reason="Late.")
    assert prices_in_force(workspace) == [OTHERS]


def test_table__second_row_in_force_or_costs_that_decide_nothing__refused_by_the_database(workspace: Workspace) -> None:
    row = {"workspace": workspace, "policy_key": KEY, "reason": "x", "started_at": kept(workspace).started_at}
    for prices in (PRICES, {**PRICES, "review": -1}, dict.fromkeys(PRICES, 0)):
        with pytest.raises(IntegrityError), transaction.atomic():
            StandingCosts.objects.create(**row, **prices)


# --- which runs use them ------------------------------------------------------------------------------------------


def test_recurring__uses_those_of_each_workspace_and_says_so(workspace: Workspace) -> None:
    other = WorkspaceFactory()
    history(other, HONEST)
    none = WorkspaceFactory()
    history(none, HONEST)
    kept(workspace)
    kept(other, **OTHERS)
    kept(other, policy_key="decision_gate")
    ended = kept(none)
    end_standing_costs(actor=SuperuserFactory(), costs=ended, reason="Over.")
    out = StringIO()
    window = ["--from", "2026-01-01", "--to", "2026-01-31", "--maturity-days", "0"]
    call_command("run_calibration", "--all-workspaces", "--due", "--json", *window, stdout=out)
    runs = {run["run"]["workspace"]: run for run in map(json.loads, out.getvalue().splitlines())}
    used = {
        slug: next(policy for policy in run["policies"] if policy["policy_key"] == KEY) for slug, run in runs.items()
    }
    assert used[workspace.slug]["costs"] == {"source": "workspace", **PRICES}
    assert used[other.slug]["costs"] == {"source": "workspace", **OTHERS}
    assert used[none.slug]["costs"] is None
    found = {slug: policy["findings"][0]["costs"] for slug, policy in used.items()}
    assert (found[workspace.slug]["threshold"], found[workspace.slug]["source"]) == (0.95, "workspace")
    assert found[other.slug]["threshold"] is None
    assert found[none.slug] is None
    assert runs[workspace.slug]["parameters"]["costs"] is None


def test_run__costs_are_stated__they_win_for_every_policy_key(workspace: Workspace) -> None:
    kept(workspace, **OTHERS)
    run = run_calibration(workspace=workspace, costs=Costs(**PRICES), **WINDOW)
    assert entry_of(run)["costs"] == {"source": "run", **PRICES}
    assert entry_of(run, "decision_gate")["costs"] == {"source": "run", **PRICES}
    assert entry_of(run, "lead_context_bundle")["costs"] is None
    assert entry_of(run)["findings"][0]["costs"]["stated"] == PRICES
    assert run.output["parameters"]["costs"] == PRICES
    assert "With the stated costs 0.9500 is cheapest" in entry_of(run)["findings"][0]["explanation"]
    assert "(stated for this run)" in run_as_text(run)
    assert "standing costs of the workspace" not in run_as_text(run)


def test_run__standing_costs_change__the_inputs_and_the_recommendation_do_not(workspace: Workspace) -> None:
    without = run_calibration(workspace=workspace, **WINDOW)
    kept(workspace)
    run = run_calibration(workspace=workspace, **WINDOW)
    (before,), (after,) = entry_of(without)["findings"], entry_of(run)["findings"]
    assert run.inputs_sha256 == without.inputs_sha256
    assert (before["recommended"], before["costs"]) == (after["recommended"], None)
    assert after["costs"]["stated"] == PRICES


def test_run__its_page_and_reports__name_the_costs_and_where_they_come_from(workspace: Workspace) -> None:
    kept(workspace)
    run = run_calibration(workspace=workspace, **WINDOW)
    said = "false allow 20, false block 1, review 3 (standing costs of the workspace)"
    assert f"Costs: {said}." in run_as_text(run)
    shown = signed_in(viewer_of(workspace)).get(
        reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])
    )
    assert f"{KEY}: {said}" in words(shown)
    assert f"Costs: {said}." in words(shown)
    assert "With the standing costs of the workspace 0.9500 is cheapest" in words(shown)
    out = StringIO()
    call_command("calibration_report", str(run.pk), "--html", stdout=out)
    assert f"Costs: {said}." in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_queued_run__reads_the_costs_when_it_is_carried_out(workspace: Workspace) -> None:
    kept(workspace, **OTHERS)
    run = request_calibration(actor=admin_of(workspace), workspace=workspace, policy_keys=[KEY], **WINDOW)
    kept(workspace)
    work_off()
    run.refresh_from_db()
    assert (run.status, run.costs, entry_of(run)["costs"]) == ("COMPLETE", None, {"source": "workspace", **PRICES})
