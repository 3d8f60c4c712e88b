"""Lists, on a wide window and on a phone; and what a proposal's page brings by itself."""

from __future__ import annotations

import pytest

from confidence_project.desk.e2e.looking import PHONE, WIDE, complaints_of_axe, is_wider_than_the_window, looked_at

pytestmark = pytest.mark.browser

LIST = "/admin/governance/confidencepolicyproposal/"


def test_list__filter_by_keyboard__narrows_and_says_what_is_chosen(visitor, proposal):
    reviewer = visitor("reviewer", viewport=WIDE)
    reviewer.open(LIST)
    page = reviewer.page
    assert looked_at(reviewer, "list-of-proposals") == []
    page.locator("summary", has_text="Status").focus()
    page.keyboard.press("Enter")
    assert complaints_of_axe(reviewer) == []
    page.get_by_role("link", name="Rejected", exact=True).press("Enter")
    assert page.locator("summary", has_text="Status").inner_text().startswith("Status: Rejected")
    assert "Nothing matches." in page.get_by_role("main").inner_text()


def test_list__on_a_phone__is_cards_with_the_menu_above(visitor, proposal):
    reviewer = visitor("reviewer", viewport=PHONE)
    reviewer.open(LIST)
    page = reviewer.page
    assert not is_wider_than_the_window(reviewer)
    assert complaints_of_axe(reviewer) == []
    card = page.locator("#result_list tbody tr").first
    assert card.evaluate("row => getComputedStyle(row).display") == "block"
    headings = card.locator("[data-heading=Status]").evaluate("cell => getComputedStyle(cell, '::before').content")
    assert headings == '"Status"'
    page.locator(".phone-menu summary").click()
    page.locator(".phone-menu").get_by_role("link", name="Kill switches").click()
    assert "No kill switch was ever engaged" in page.get_by_role("main").inner_text()


def test_list__export__gives_a_file_of_what_is_shown(visitor, proposal):
    reviewer = visitor("reviewer")
    reviewer.open(LIST)
    with reviewer.page.expect_download() as download:
        reviewer.page.get_by_role("link", name="Export as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f"{proposal.pk},")


def test_proposal__backtest__is_there_without_a_click(visitor, proposal):
    reviewer = visitor("reviewer")
    reviewer.open(f"{LIST}{proposal.pk}/change/")
    backtest = reviewer.page.locator("[data-later]")
    backtest.get_by_text("Decisions from").wait_for()
    assert "With this proposal" in backtest.inner_text()
    assert complaints_of_axe(reviewer) == []
