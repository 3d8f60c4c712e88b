"""Every route of the API, called by everybody: rows of other workspaces are not there.

The routes are enumerated from the resolver, so one that is new fails here until it is covered.
"""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.test import Client
from django.urls import get_resolver

from confidence_project.tests.every_row import OUTSIDERS, furnish, row_of, rows_written, walk
from governance.access import tokens
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.tests.browser import signed_in
from governance.tests.callers import Caller
from governance.tests.factories import KEY, WorkspaceFactory, config_of, viewer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign():
    workspace = WorkspaceFactory(slug="not-yours", name="Not yours")
    furnish(workspace)
    return workspace


NO_UUID = "00000000-0000-4000-8000-000000000000"
PUBLIC = {"api/v1/schema", "api/docs", "api/docs/"}
OF_PEOPLE = "api/v1/governance/workspaces/<slug:slug>/"
OF_THE_OWN_WORKSPACE = {
    "ofrep/v1/evaluate/flags",
    "ofrep/v1/evaluate/flags/<path:key>",
    "v1/traces",
    "v1/logs",
    "v1/metrics",
    "api/v1/thresholds",
    "api/v1/labels/queue",
    "v1/decisions",
    "v1beta/decisions",
    "v1/systemone",
    "v1/models",
    "v1beta/models",
}
BODIES_OF_PEOPLE = {
    "proposals": {"policy_key": KEY, "title": "x", "rationale": "x", "config": config_of(0.85)},
    "proposals/<int:proposal_id>": None,
    "proposals/<int:proposal_id>/approve": {"acknowledge_large_step": True},
    "proposals/<int:proposal_id>/reject": {"reason": "x"},
    "proposals/<int:proposal_id>/apply": {},
    "proposals/<int:proposal_id>/backtest": None,
    "proposals/<int:proposal_id>/rollout": {},
    "proposals/<int:proposal_id>/rollout/canary": {"share": 0.1},
    "proposals/<int:proposal_id>/rollout/withdraw": {"reason": "x"},
    "revisions": None,
    "revisions/<int:revision_id>/roll-back": {"reason": "x", "expected_version": 1},
}  # fmt: skip
"""A valid body for each route that people POST to; None: there is nothing to POST."""
RECORDS = {
    "interactions": "telemetry.AIInteraction",
    "drafts": "telemetry.AIDraft",
    "sentiments": "telemetry.InboundMessage",
    "overseer-decisions": "telemetry.MeetingOverseerDecision",
    "bookings": "telemetry.FollowUpBooking",
    "decisions": "ledger.DecisionRecord",
    "outcomes": "ledger.DecisionOutcome",
}
LATER_FACTS = {"drafts/dispositions", "overseer-decisions/overrides", "bookings/outcomes", "labels", "judge-verdicts"}
ROUTES = sorted(
    route for route, _ in walk(get_resolver().url_patterns) if route.startswith(("api/", "ofrep/", "v1/", "v1beta/"))
)


def path_of(route, workspace):
    ids = {
        "<slug:slug>": workspace.slug,
        "<int:proposal_id>": row_of(ConfidencePolicyProposal, workspace).pk,
        "<int:revision_id>": row_of(ConfidencePolicyRevision, workspace).pk,
        "<path:key>": "confidence_gate.confidence_threshold",
    }
    for part, value in ids.items():
        route = route.replace(part, str(value))
    return f"/{route}"


def sent(client, path, body):
    return client.post(path, json.dumps({} if body is None else body), content_type="application/json")


def test_every_route__is_covered_here():
    machines = {f"api/v1/{name}" for name in RECORDS} | {f"api/v1/{name}" for name in LATER_FACTS}
    details = {route for route in ROUTES if "<int:pk>" in route or "<uuid:pk>" in route}
    assert {route.split("/<")[0] for route in details} <= machines
    people = {OF_PEOPLE + route for route in BODIES_OF_PEOPLE}
    assert set(ROUTES) == PUBLIC | OF_THE_OWN_WORKSPACE | machines | details | people


def test_api__anonymous__gets_nowhere(foreign):
    before = rows_written(foreign)
    for route in set(ROUTES) - PUBLIC:
        path = (
            path_of(route, foreign)
            .replace("<int:pk>", "1")
            .replace("<uuid:pk>", "0" * 8 + "-0000-4000-8000-" + "0" * 12)
        )
        for reply in (Client().get(path), sent(Client(), path, None)):
            assert reply.status_code in (401, 403), route
    assert rows_written(foreign) == before


@pytest.mark.parametrize("who", OUTSIDERS)
def test_api_of_people__another_workspace__is_not_there(foreign, who):
    before = rows_written(foreign)
    _, plain = tokens.issue_token(actor=OUTSIDERS[who]())
    client = Client(headers={"Authorization": f"Token {plain}"})
    for route, body in BODIES_OF_PEOPLE.items():
        path = path_of(OF_PEOPLE + route, foreign)
        assert client.get(path).status_code in (404, 405), route
        assert sent(client, path, body).status_code in (404, 405), route
    assert rows_written(foreign) == before


def test_api_of_people__viewer_of_the_workspace__reads_and_writes_nothing(foreign):
    client = signed_in(viewer_of(foreign))
    before = rows_written(foreign)
    for route, body in BODIES_OF_PEOPLE.items():
        path = path_of(OF_PEOPLE + route, foreign)
        assert client.get(path).status_code in (200, 404, 405), route
        assert sent(client, path, body).status_code == (405 if body is None else 403), route
    assert rows_written(foreign) == before


def test_api_of_people__a_machines_key__opens_nothing(foreign):
    caller = Caller(foreign)
    before = rows_written(foreign)
    for route, body in BODIES_OF_PEOPLE.items():
        path = path_of(OF_PEOPLE + route, foreign)
        assert caller.client.get(path).status_code in (401, 403), route
        assert sent(caller.client, path, body).status_code in (401, 403), route
    assert rows_written(foreign) == before


def test_api_of_machines__records_of_another_workspace__are_neither_listed_nor_found(foreign):
    own, theirs = Caller(), Caller(foreign)
    for name, label in RECORDS.items():
        assert own.get(name).json()["results"] == [], name
        assert theirs.get(name).json()["results"], name
        if any(route.startswith(f"api/v1/{name}/<") for route in ROUTES):
            row = row_of(apps.get_model(label), foreign)
            assert own.get(f"{name}/{row.pk}").status_code == 404, name
            assert theirs.get(f"{name}/{row.pk}").status_code == 200, name
            for route in (route for route in ROUTES if route.startswith(f"api/v1/{name}/<") and "pk>/" in route):
                assert own.get(f"{name}/{row.pk}/{route.rsplit('/', 1)[1]}").status_code == 404, route
