"""What a person sets for themselves: saved filters, the workspace that pages show, the time zone, keys; by keyboard."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from confidence_project.desk.e2e.keyboard import enter
from confidence_project.desk.e2e.looking import PHONE, WIDE, looked_at
from governance.models import Membership
from governance.tests.factories import WorkspaceFactory, pending

pytestmark = pytest.mark.browser

PROPOSALS = reverse("admin:governance_confidencepolicyproposal_changelist")


@pytest.fixture
def two(workspace):
    """The reviewer belongs to a second workspace, and a proposal waits in each."""
    second = WorkspaceFactory(slug="invoices", name="Invoice desk")
    Membership.objects.create(user=User.objects.get(username="reviewer"), workspace=second, role="admin")
    pending(workspace)
    pending(second, 0.85)
    return workspace, second


def test_filters__are_kept_under_a_name_and_found_again(visitor, two):
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    person.open(f"{PROPOSALS}?status=PENDING")
    page.locator("summary", has_text="Saved filters").click()
    page.get_by_label("Keep these filters").fill("What is open")
    assert looked_at(person, "saved-filters-form") == []
    page.get_by_role("button", name="Save", exact=True).click()
    person.open(PROPOSALS)
    page.locator("summary", has_text="Saved filters").click()
    assert looked_at(person, "saved-filters", keep=True) == []
    page.get_by_role("link", name="What is open").click()
    assert page.url.endswith("?status=PENDING")
    page.locator("summary", has_text="Saved filters: What is open").click()
    page.get_by_role("button", name="Delete “What is open”").click()
    assert "was deleted" in page.locator(".messagelist").inner_text()


def test_workspace__is_chosen_by_keyboard_and_stays(visitor, two):
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    person.open(PROPOSALS)
    assert page.locator("#result_list tbody tr").count() == 2
    page.keyboard.press("w")
    assert page.evaluate("document.activeElement.innerText") == "Workspace: all of yours"
    page.keyboard.press("Enter")
    assert looked_at(person, "workspace-choice", keep=True) == []
    for _ in range(2):
        page.keyboard.press("Tab")
    enter(page)
    assert page.url.endswith(PROPOSALS)
    assert page.locator("#result_list tbody tr").count() == 1
    person.open("/admin/")
    assert page.locator("section.workspace h2").all_inner_texts() == ["Invoice desk"]
    person.page.set_viewport_size(PHONE)
    person.picture("home-one-workspace-phone")


def test_keys__open_their_page_which_holds_the_focus__and_are_off_while_typing(visitor, two):
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    person.open(PROPOSALS)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    assert dialog.is_visible()
    assert looked_at(person, "keys", keep=True) == []
    for _ in range(6):
        page.keyboard.press("Tab")
        # Between its last thing and its first the focus passes through the browser's own window.
        assert page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    page.keyboard.press("g")
    page.keyboard.press("h")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("/")
    page.keyboard.type("gh?w")
    assert page.locator("#searchbar").input_value() == "gh?w"
    assert not dialog.is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tbody tr') !== null")
    page.keyboard.press("g")
    with page.expect_navigation():
        page.keyboard.press("h")
    assert page.get_by_role("heading", name="Decision desk").is_visible()


def test_keys__turned_off__do_nothing_and_their_page_says_so(visitor, two):
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Single keys are shortcuts").uncheck()
    assert looked_at(person, "settings", keep=True) == []
    page.get_by_role("button", name="Save").click()
    assert page.get_by_role("link", name="Times in Europe/Berlin").is_visible()
    page.locator("h1").click()
    page.keyboard.press("?")
    assert not page.get_by_role("dialog").is_visible()
    page.get_by_role("button", name="Keys").click()
    assert "Single keys are off" in page.get_by_role("dialog", name="Keyboard shortcuts").inner_text()
