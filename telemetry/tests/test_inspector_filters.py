"""Filters of the inspector: what each leaves, which values it offers, and times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, viewer_of
from telemetry.recorder import record_interaction
from telemetry.tests.inspected import bundle, call

pytestmark = pytest.mark.django_db

LIST = reverse("admin:telemetry_aiinteraction_changelist")


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def viewer(workspace):
    return viewer_of(workspace)


def listed(person, **query):
    response = signed_in(person).get(LIST, query)
    assert response.status_code == 200
    return response.context["cl"]


def shown(person, **query):
    return [row.external_id for row in listed(person, **query).result_list]


@pytest.mark.parametrize(
    "query",
    [
        {"feature": "auto_send"},
        {"provider": "acme"},
        {"model": "acme-1"},
        {"status__exact": "error"},
        {"metadata": "yes"},
        {"period": "7d"},
        {"feature": "auto_send", "model": "acme-1", "status__exact": "error", "metadata": "yes", "period": "24h"},
    ],
)
def test_filter__each__leaves_what_matches(workspace, viewer, query):
    fields = {"feature_id": "auto_send", "provider": "acme", "model": "acme-1", "status": "error"}
    call(workspace, external_id="wanted", metadata=bundle(), **fields)
    call(workspace, external_id="other", days_ago=8, feature_id="f", provider="p", model="m")
    assert shown(viewer) == ["wanted", "other"]
    assert shown(viewer, **query) == ["wanted"]


def test_filter__without_metadata__leaves_old_rows(workspace, viewer):
    call(workspace, external_id="old", metadata=None)
    call(workspace, external_id="new", metadata=bundle())
    assert shown(viewer, metadata="no") == ["old"]


def test_order__within_a_workspace__by_the_time_at_which_it_happened(workspace, viewer):
    call(workspace, external_id="newest")
    call(workspace, external_id="sent-late", days_ago=3)
    assert shown(viewer) == ["newest", "sent-late"]
    assert shown(viewer, o="5") == ["newest", "sent-late"]  # no column has an index to be sorted by


def test_range__in_utc__first_included_last_not(workspace, viewer):
    for hour in (9, 10, 11):
        at = datetime(2026, 3, 1, hour, tzinfo=UTC)
        record_interaction(workspace=workspace, created_at=at, external_id=f"at-{hour}")
    assert shown(viewer, **{"from": "2026-03-01T09:00", "to": "2026-03-01T11:00"}) == ["at-10", "at-9"]
    assert shown(viewer, **{"from": "2026-03-01T12:00+02:00"}) == ["at-11", "at-10"]
    seen = words(signed_in(viewer).get(LIST, {"from": "2026-03-01T09:00"}))
    assert "Times in UTC" in seen


@pytest.mark.parametrize(
    "query, problem",
    [
        ({"from": "yesterday"}, "Write a time such as 2026-01-31T14:00."),
        ({"to": "0001-01-01T00:00:00+14:00"}, "Write a time such as 2026-01-31T14:00."),
        ({"from": "2026-03-02T00:00", "to": "2026-03-01T00:00"}, "The range ends before it starts."),
        ({"period": "century"}, "There is no such period; choose one of the list."),
    ],
)
def test_range__that_cannot_be_read__shows_nothing_and_says_why(workspace, viewer, query, problem):
    call(workspace)
    assert shown(viewer, **query) == []
    assert problem in words(signed_in(viewer).get(LIST, query))


def test_range__with_other_filters__keeps_them(workspace, viewer):
    call(workspace, model="m-1")
    response = signed_in(viewer).get(LIST, {"model": "m-1", "period": "7d"})
    form = response.content.decode().split('<form method="get" class="typed">')[1].split("</form>")[0]
    assert '<input type="hidden" name="model" value="m-1">' in form
    assert 'name="period"' not in form


def test_values__of_the_workspace_in_view__offered_without_blanks(workspace, viewer):
    for model in ("b", "a", "", "b"):
        call(workspace, model=model)
    call(WorkspaceFactory(), model="elsewhere")
    offered = next(spec for spec in listed(viewer).filter_specs if spec.title == "model").lookup_choices
    assert offered == [("a", "a"), ("b", "b")]


def test_values__chosen_but_not_offered__stays_to_be_seen(workspace, viewer):
    call(workspace, model="m-1")
    response = signed_in(viewer).get(LIST, {"model": "gone"})
    assert ">gone<" in response.content.decode()
