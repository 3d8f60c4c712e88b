"""The audit page: every history of a workspace in one order, and nothing of another workspace."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from confidence_project.foundation.append_only import append_only_models
from confidence_project.tests.every_row import OUTSIDERS, furnish
from governance.audit.reading import Wanted, every_line, titles
from governance.audit.sources import SOURCES
from governance.controls.services import engage_kill_switch, release_kill_switch
from governance.models import WorkspaceEvent
from governance.tests.browser import signed_in, words
from governance.tests.factories import PASSWORD, SuperuserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.workspaces.services import issue_api_key, rename_workspace

pytestmark = pytest.mark.django_db
AUDIT = reverse("admin:audit")


@pytest.fixture(scope="module")
def furnished(module_db):
    workspace = WorkspaceFactory(slug="full", name="Full")
    furnish(workspace)
    return workspace


def exported(person, workspace, **query):
    reply = signed_in(person).get(AUDIT, {"workspace": workspace.slug, "format": "csv", **query})
    assert reply.status_code == 200
    assert reply["Content-Type"].startswith("text/csv")
    header, *rows = csv.reader(io.StringIO(b"".join(reply.streaming_content).decode()))
    assert header == ["at (UTC)", "who", "what", "about", "kind", "page"]
    return rows


def test_every_history__has_its_lines_here_the_newest_first(furnished):
    rows = exported(SuperuserFactory(), furnished)
    times = [datetime.fromisoformat(row[0]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert {row[4] for row in rows} == set(titles()) - {"Sign-ins of members"}
    counted = sum(source.rows(furnished).count() for source in SOURCES.all())
    assert len(rows) == counted > 25


def test_histories_with_an_account__are_all_among_the_sources(furnished):
    """A new append-only table with an actor is a line here, or a reason there."""
    told = {type(row) for source in SOURCES.all() for row in source.rows(furnished)}
    sign_ins = {model for model in append_only_models() if model.__name__ == "SignIn"}
    with_actor = {
        model
        for model in append_only_models()
        if any(field.name in ("actor_name", "set_by_name", "registered_by_name") for field in model._meta.fields)
    }
    assert with_actor - told - sign_ins == set()


def test_page__older_and_newest__walk_through_all_lines_once(furnished, settings):
    from confidence_project.desk import audit

    person = viewer_of(furnished)
    browser, seen, query = signed_in(person), [], ""
    audit.PAGE_SIZE, size = 7, audit.PAGE_SIZE
    try:
        while True:
            shown = browser.get(f"{AUDIT}?workspace=full{query}").content.decode()
            seen += re.findall(r'<time datetime="([^"]+)"', shown)
            on = re.search(r'href="\?([^"]*after=[^"]*)">Older', shown)
            if not on:
                break
            query = f"&after={parse_qs(on[1].replace('&amp;', '&'))['after'][0].replace('+', '%2B')}"
    finally:
        audit.PAGE_SIZE = size
    assert len(seen) == len(list(every_line(actor=person, workspace=furnished, wanted=Wanted())))
    assert seen == sorted(seen, reverse=True)


def test_lines_of_one_moment__are_each_there_once_whatever_the_page_size():
    workspace = WorkspaceFactory()
    admin_user = admin_of(workspace)
    with freeze_time("2026-05-01 12:00:00"):
        for number in range(4):
            rename_workspace(actor=admin_user, workspace=workspace, name=f"Name {number}")
            engage_kill_switch(actor=admin_user, workspace=workspace, reason="Smoke.")
            release_kill_switch(actor=admin_user, workspace=workspace, reason="Over.")
    wanted = Wanted(who=admin_user.username)
    ones, threes, all_at_once = (
        [line.place for line in every_line(actor=admin_user, workspace=workspace, wanted=wanted, chunk=size)]
        for size in (1, 3, 50)
    )
    assert len(set(ones)) == 12
    assert ones == threes == all_at_once


def test_filters__narrow_by_kind_account_and_time(furnished):
    person = admin_of(furnished)
    key_maker = admin_of(furnished)
    with freeze_time(timezone.now() + timedelta(days=30)) as clock:
        issue_api_key(actor=key_maker, workspace=furnished, name="later", scopes=["read"])
        now = clock().isoformat()
    (row,) = exported(person, furnished, who=key_maker.username)
    assert row[1:3] == [key_maker.username, "API key issued"]
    assert {each[4] for each in exported(person, furnished, kind="Imports")} == {"Imports"}
    assert [each[1] for each in exported(person, furnished, since=now)] == [key_maker.username]
    assert key_maker.username not in {each[1] for each in exported(person, furnished, until=now)}


@pytest.mark.parametrize("query", ["kind=Nonsense", "since=yesterday", "who=" + "x" * 151])
def test_filter_that_cannot_be_read__says_so_and_shows_nothing(furnished, query):
    shown = signed_in(admin_of(furnished)).get(f"{AUDIT}?workspace=full&{query}")
    assert shown.status_code == 200
    assert "<tbody>" not in shown.content.decode()
    assert "errorlist" in shown.content.decode()


@pytest.mark.parametrize("after", ["x", "2026-01-01T00:00:00~a~1", "2026-01-01T00:00:00+00:00~a~x", "~~", "\x00"])
def test_place_that_is_none__shows_the_beginning(furnished, after):
    shown = signed_in(admin_of(furnished)).get(AUDIT, {"workspace": "full", "after": after})
    assert "Newest" not in shown.content.decode()
    assert "<tbody>" in shown.content.decode()


@pytest.mark.parametrize("who", OUTSIDERS)
def test_another_workspace__is_not_there(furnished, who):
    shown = signed_in(OUTSIDERS[who]()).get(f"{AUDIT}?workspace=full")
    assert "You belong to no workspace of this name" in words(shown)
    assert "<tbody>" not in shown.content.decode()
    export = signed_in(OUTSIDERS[who]()).get(f"{AUDIT}?workspace=full&format=csv")
    assert not export.streaming


def test_anonymous__is_sent_to_the_sign_in():
    assert Client().get(AUDIT).status_code == 302


def test_sign_ins_of_members__are_for_those_who_operate():
    workspace = WorkspaceFactory()
    operator, viewer = admin_of(workspace), viewer_of(workspace)
    Client().post("/admin/login/", {"username": operator.username, "password": PASSWORD})
    stranger = admin_of(WorkspaceFactory())
    Client().post("/admin/login/", {"username": stranger.username, "password": PASSWORD})

    def signed(person):
        lines = every_line(actor=person, workspace=workspace, wanted=Wanted(title="Sign-ins of members"))
        return [(line.who, line.about) for line in lines]

    assert signed(operator) == [(operator.username, "password")]
    # The page of a sign-in is for superusers.
    linked = re.compile(r'<a href="/admin/governance/signin/')
    assert not linked.search(signed_in(operator).get(AUDIT).content.decode())
    assert linked.search(signed_in(SuperuserFactory()).get(f"{AUDIT}?workspace={workspace.slug}").content.decode())
    assert signed(viewer) == []


def test_export__what_a_spreadsheet_takes_for_a_formula__is_text():
    workspace = WorkspaceFactory()
    person = admin_of(workspace)
    issue_api_key(actor=person, workspace=workspace, name='=HYPERLINK("x")', scopes=["read"])
    prefix = WorkspaceEvent.objects.in_workspace(workspace).get().subject.rpartition("(")[2]
    ((_, _, what, about, _, _),) = exported(person, workspace, kind="Workspace, people and keys")
    assert (what, about) == ("API key issued", f'\'=HYPERLINK("x") ({prefix}')


def test_page__costs_as_many_queries_as_there_are_histories_and_no_more_for_more_lines(
    furnished, django_assert_max_num_queries
):
    browser = signed_in(SuperuserFactory())
    browser.get(f"{AUDIT}?workspace=full")
    with django_assert_max_num_queries(3 * len(SOURCES.keys) + 25):
        browser.get(f"{AUDIT}?workspace=full")


def test_every_line_with_a_page__leads_to_it(furnished):
    browser = signed_in(SuperuserFactory())
    pages = {row[5] for row in exported(SuperuserFactory(), furnished)}
    assert len(pages) > 15
    assert {browser.get(page).status_code for page in pages if page} == {200}
    assert admin.site.is_registered(WorkspaceEvent)
