"""The explorer, page by page: newest first from any place, filters and searches as they combine, and no dead ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.admin_kit.keyset import LOST_PLACE
from governance.models import Membership, Workspace
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, viewer_of
from ledger.admin.decisions import DecisionRecordAdmin
from ledger.models import DecisionExternalId, DecisionRecord
from ledger.models.decisions import new_decision_id
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ledger_decisionrecord_changelist")
SIZE = 3


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DecisionRecordAdmin, "list_per_page", SIZE)


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post")


@pytest.fixture
def client(workspace: Workspace) -> Client:
    return signed_in(viewer_of(workspace))


def made(number: int, workspace: Workspace, **values: Any) -> list[DecisionRecord]:
    """So many decisions, the newest first."""
    return DecisionRecordFactory.create_batch(number, workspace=workspace, **values)[::-1]


def shown(page: Any) -> list[DecisionRecord]:
    return list(page.context["cl"].result_list)


def link(page: Any, name: str) -> str | None:
    """Where a control of the page leads; None: nowhere."""
    found = re.search(
        rf'<a class="button secondary"(?: rel="\w+")?(?: href="([^"]*)")?[^>]*>{name}</a>', page.content.decode()
    )
    assert found is not None
    return found[1] and LIST + found[1].replace("&amp;", "&")


def test_pages__older_to_the_end_and_back__show_each_decision_once(client, workspace):
    decisions = made(2 * SIZE + 1, workspace)
    pages = [client.get(LIST)]
    while (older := link(pages[-1], "Older")) is not None:
        pages.append(client.get(older))
    assert [row for page in pages for row in shown(page)] == decisions
    back = client.get(link(pages[-1], "Newer"))
    assert shown(back) == decisions[SIZE : 2 * SIZE]
    assert shown(client.get(link(back, "Newest"))) == decisions[:SIZE]


def test_pages__rows_arrive_meanwhile__move_nothing(client, workspace):
    decisions = made(2 * SIZE, workspace)
    older = link(client.get(LIST), "Older")
    made(SIZE, workspace)
    assert shown(client.get(older)) == decisions[SIZE:]


def test_page__newer_than_the_second_row__is_the_first_page_in_full(client, workspace):
    decisions = made(SIZE + 1, workspace)
    page = client.get(LIST, {"before": decisions[1].pk})
    assert shown(page) == decisions[:SIZE]
    assert link(page, "Newer") is None


def test_page__first_of_one__has_no_controls(client, workspace):
    made(SIZE, workspace)
    assert "Older" not in client.get(LIST).content.decode()


def test_page__count__is_never_asked(client, workspace):
    made(SIZE + 1, workspace)
    with CaptureQueriesContext(connection) as queries:
        client.get(LIST)
    assert not [query["sql"] for query in queries if "COUNT(" in query["sql"].upper()]


@pytest.mark.parametrize("direction", ["after", "before"])
@pytest.mark.parametrize("place", ["", "nonsense", "\0", "00000000-0000-0000-0000-000000000001", "9" * 5000])
def test_page__place_that_is_none__says_so_and_shows_the_first(client, workspace, direction, place):
    decisions = made(SIZE + 1, workspace)
    page = client.get(LIST, {direction: place})
    assert page.status_code == 200
    assert LOST_PLACE in page.content.decode()
    assert shown(page) == decisions[:SIZE]


def test_page__place_of_another_workspace__is_none(client, workspace):
    made(SIZE + 1, workspace)
    elsewhere = DecisionRecordFactory()
    assert LOST_PLACE in client.get(LIST, {"after": elsewhere.pk}).content.decode()


def test_page__forged_sorting__changes_nothing(client, workspace):
    decisions = made(SIZE, workspace)
    assert shown(client.get(LIST, {"o": "3.-1"})) == decisions


FILTERS = {
    "verdict": {"gate_verdict": "block"},
    "reason": {"gate_reason": "kill_switch"},
    "policy_key": {"policy_key": "decision_gate"},
    "provider": {"provider": "zenith"},
    "model": {"model": "zenith-1"},
    "prompt_hash": {"prompt_hash": "cd" * 32},
}


@pytest.mark.parametrize("name", FILTERS)
def test_filter__each__keeps_what_matches_on_every_page(client, workspace, name):
    (value,) = FILTERS[name].values()
    wanted = made(SIZE + 1, workspace, **FILTERS[name])
    made(SIZE, workspace)
    page = client.get(LIST, {name: value})
    assert shown(page) + shown(client.get(link(page, "Older"))) == wanted
    assert value in page.content.decode()


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("value", ["no such value", "a\0b", "'; --"])
def test_filter__value_that_nothing_has__shows_nothing(client, workspace, name, value):
    made(1, workspace)
    page = client.get(LIST, {name: value})
    assert (page.status_code, shown(page)) == (200, [])


def test_filter__prompt_hashes_that_begin_alike__are_told_apart(client, workspace):
    wanted = made(1, workspace, prompt_hash="cd" * 32)
    made(1, workspace, prompt_hash="cd" * 31 + "ce")
    assert shown(client.get(LIST, {"prompt_hash": "cd" * 32})) == wanted


def test_filters__together__keep_what_matches_all(client, workspace):
    made(1, workspace, **FILTERS["model"])
    made(1, workspace, **FILTERS["reason"])
    wanted = made(1, workspace, **FILTERS["model"], **FILTERS["reason"])
    assert shown(client.get(LIST, {"model": "zenith-1", "reason": "kill_switch"})) == wanted


def test_filter__chosen_anew__begins_at_the_newest(client, workspace):
    decisions = made(SIZE + 2, workspace)
    page = client.get(LIST, {"after": decisions[0].pk}).content.decode()
    assert "reason=allowed" in page
    assert not re.search(r'href="[^"]*(after|before)=[^"]*reason|reason=[^"]*(after|before)=', page)
    assert 'name="after"' not in page


def test_filter__choices__are_the_values_in_use_here(client, workspace):
    made(2, workspace, model="used-here")
    DecisionRecordFactory(model="used-elsewhere")
    page = client.get(LIST).content.decode()
    assert "used-here" in page
    assert "used-elsewhere" not in page


def recorded_at(at: datetime, workspace: Workspace) -> DecisionRecord:
    milliseconds = int(at.timestamp() * 1000)
    key = type(new_decision_id())(int=milliseconds << 80 | 7 << 76 | 2 << 62)
    return DecisionRecordFactory(decision_id=key, workspace=workspace, timestamp=at, occurred_at=at)


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_time__range__holds_its_beginning_and_not_its_end(client, workspace):
    minute = timedelta(minutes=1)
    rows = [recorded_at(NOON + place * minute, workspace) for place in (-1, 0, 59, 60)]
    found = shown(client.get(LIST, {"from": "2026-03-01T12:00", "to": "2026-03-01T13:00"}))
    assert found == [rows[2], rows[1]]


def test_time__last_hour__leaves_out_what_is_older(client, workspace):
    now = datetime.now(tz=UTC)
    recent, _ = recorded_at(now - timedelta(minutes=50), workspace), recorded_at(now - timedelta(hours=2), workspace)
    assert shown(client.get(LIST, {"period": "1h"})) == [recent]


@pytest.mark.parametrize(
    "asked, sentence",
    [
        ({"from": "yesterday"}, "Write a time such as"),
        ({"to": "\0"}, "Write a time such as"),
        ({"from": "2026-03-02T00:00", "to": "2026-03-01T00:00"}, "ends before it starts"),
        ({"period": "10y"}, "no such period"),
    ],
)
def test_time__that_cannot_be_read__says_so_and_shows_nothing(client, workspace, asked, sentence):
    made(1, workspace)
    page = client.get(LIST, asked)
    assert shown(page) == []
    assert sentence in page.content.decode()


@pytest.mark.parametrize("bound", ["from", "to"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_time__at_the_ends_of_the_calendar__is_a_time(client, workspace, bound, time):
    made(1, workspace)
    assert client.get(LIST, {bound: time}).status_code == 200


def test_workspaces__of_a_person_of_several__are_shown_one_at_a_time(workspace):
    other = WorkspaceFactory(slug="quay", name="Quay")
    mine, theirs = made(1, workspace), made(1, other)
    person = UserFactory()
    for each in (workspace, other):
        Membership.objects.create(user=person, workspace=each, role=Membership.Role.VIEWER)
    client = signed_in(person)
    assert shown(client.get(LIST)) == mine
    assert shown(client.get(LIST, {"workspace": "quay"})) == theirs
    assert "Quay" in client.get(LIST, {"workspace": "quay"}).content.decode()


@pytest.mark.parametrize("slug", ["foreign", "no-such", "\0"])
def test_workspace__that_is_not_the_persons__shows_nothing(client, workspace, slug):
    made(1, workspace)
    made(1, WorkspaceFactory(slug="foreign"))
    assert shown(client.get(LIST, {"workspace": slug})) == []


def test_person__of_no_workspace__sees_an_empty_list():
    DecisionRecordFactory()
    assert shown(signed_in(UserFactory()).get(LIST)) == []


def test_search__by_the_hosts_id__looks_in_every_workspace_of_the_person_and_past_the_filters():
    decisions = [DecisionRecordFactory(external_id="ticket-1") for _ in range(2)]
    for decision in decisions:
        DecisionExternalId.objects.create(
            workspace=decision.workspace, external_id="ticket-1", decision_id=decision.pk, body_sha256="a" * 64
        )
    boss = signed_in(SuperuserFactory())
    page = boss.get(LIST, {"q": "ticket-1", "workspace": decisions[0].workspace.slug})
    assert shown(page) == decisions[::-1]
    assert all(str(decision.workspace) in page.content.decode() for decision in decisions)
    assert shown(signed_in(viewer_of(decisions[0].workspace)).get(LIST, {"q": "ticket-1"})) == decisions[:1]
    assert (
        'type="hidden"' not in re.search("<form id=.changelist-search.*?</form>", page.content.decode(), re.DOTALL)[0]
    )
