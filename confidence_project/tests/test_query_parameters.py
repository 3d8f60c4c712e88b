"""Lists refuse query parameters that they do not take: dropped, they would answer another question than was asked."""

from __future__ import annotations

import base64

import pytest
from django.test import Client

from confidence_project.foundation.filters import StrictFilterBackend
from confidence_project.tests.routes import LISTS, ROUTES
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

FILTERS = {route: sorted(view.filterset_class.base_filters) for route, view in ROUTES if route in LISTS}


@pytest.fixture
def ask():
    workspace = WorkspaceFactory()
    caller, person = Caller(workspace), Client()
    person.force_login(SuperuserFactory())

    def get(route, **query):
        client = person if route.startswith("api/v1/governance/") else caller.client
        return client.get("/" + route.replace("<slug:slug>", workspace.slug), query)

    return get


def test_every_list__is_found_and_filters_strictly():
    assert len(LISTS) >= 8
    for route, view in ROUTES:
        if route in LISTS:
            assert any(issubclass(backend, StrictFilterBackend) for backend in view.filter_backends), route


@pytest.mark.parametrize("route", LISTS)
def test_list__unknown_parameter__400_that_names_the_known_ones_and_repeats_nothing(ask, route):
    assert ask(route, page_size="5").status_code == 200
    for query in [{"Ada-Lovelace": "1"}, {"page_size": "5", "polcy_key": "x"}, {"status__in": "x"}]:
        reply = ask(route, **query)
        assert (reply.status_code, reply["Content-Type"]) == (400, "application/problem+json"), query
        assert reply.json()["code"] == "unknown_parameter"
        assert "cursor, " in reply.json()["detail"]
        assert "page_size" in reply.json()["detail"]
        assert not [name for name in query if name != "page_size" and name in reply.content.decode()]


@pytest.mark.parametrize("route", LISTS)
def test_list__filter_without_a_value__400_instead_of_everything(ask, route):
    for name in FILTERS[route]:
        reply = ask(route, **{name: ""})
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_parameters"), name
        (error,) = reply.json()["errors"]
        assert (error["parameter"], error["code"]) == (name, "blank")


def test_list__filter_of_blanks__is_not_dropped():
    caller = Caller()
    caller.post("drafts", {"external_id": "draft-1", "action": "hold"})
    assert caller.get("drafts", external_id=" ").json()["results"] == []
    assert len(caller.get("drafts", external_id="draft-1").json()["results"]) == 1


def encoded(cursor):
    return base64.b64encode(cursor.encode()).decode()


NEVER_ISSUED = [
    "\x00", "!!!", "%", "bm90IGEgY3Vyc29y",
    *map(encoded, ["p=Ada-Lovelace", "p=", "p=+1", "p=1.5", "p=" + "9" * 400, "o=1", "r=1", "r=x&p=1", "o=1&p=1"]),
]  # fmt: skip


@pytest.mark.parametrize("route", LISTS)
@pytest.mark.parametrize("cursor", NEVER_ISSUED)
def test_list__cursor_that_nobody_issued__404_that_says_how_to_begin_again(ask, route, cursor):
    assert ask(route, cursor="").status_code == 200
    reply = ask(route, cursor=cursor)
    assert (reply.status_code, reply["Content-Type"]) == (404, "application/problem+json")
    problem = reply.json()
    assert (problem["type"], problem["title"], problem["code"]) == ("about:blank", "Not Found", "invalid_cursor")
    assert "Leave `cursor` out" in problem["detail"]
    (error,) = problem["errors"]
    assert error == {"parameter": "cursor", "code": "invalid_cursor", "detail": "is not one that this list gave"}
    assert "Lovelace" not in reply.content.decode()
