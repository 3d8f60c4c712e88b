"""The threshold explorer, by keyboard: it says what a threshold would do, and does nothing."""

from __future__ import annotations

import json
import re

import pytest

from confidence_project.desk.e2e.keyboard import enter, tab_to
from governance.models import ConfidencePolicy
from governance.tests.factories import PASSWORD
from governance.workflow.wording import headline

pytestmark = pytest.mark.browser


def test_explorer__by_keyboard__figures_follow_and_nothing_is_sent(visitor, proposal):
    finding = json.loads(proposal.evidence)["findings"][0]
    reviewer = visitor("reviewer")
    reviewer.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    page, sent = reviewer.page, []
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: sent.append((request.method, request.url)))
    slider, output = page.get_by_label("Threshold", exact=True), page.locator(".explorer output")

    assert output.inner_text() == f"{finding['recommended']:.4f}"
    slider.focus()
    page.keyboard.press("ArrowRight")
    stricter = float(output.inner_text())
    assert stricter > finding["recommended"]
    assert "failure rate" in slider.get_attribute("aria-valuetext")
    page.keyboard.press("Home")
    assert float(output.inner_text()) < finding["current"] + 0.01
    page.keyboard.press("Enter")

    now = page.get_by_role("button", name=re.compile("^Now "))
    now.focus()
    page.keyboard.press("Enter")
    assert output.inner_text() == f"{finding['current']:.4f}"
    said = {name: page.locator(f"[data-say={name}]").inner_text() for name in ("coverage", "more", "fewer")}
    assert said["coverage"].endswith(f"({finding['at_current']['allowed']:,})")
    assert (said["more"], said["fewer"]) == ("0", "0")

    page.get_by_role("button", name=re.compile("^Proposed ")).click()
    assert page.locator("[data-say=fewer]").inner_text() == f"{finding['change']['allow_to_block']:,}"
    assert [each for each in sent if ".svg" not in each[1]] == []
    assert page.locator("form .explorer").count() == 0


def test_desk__keyboard_alone__the_whole_story_from_signing_in_to_rolling_back(visitor, proposal):
    reviewer = visitor()
    sign_in(reviewer, "reviewer")
    for name in (headline(proposal), "Approve", "Approve"):
        tab_to(reviewer.page, name)
        enter(reviewer.page)
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"

    superuser = visitor()
    sign_in(superuser, "superuser")
    for name in (headline(proposal), "Apply", "Apply"):
        tab_to(superuser.page, name)
        enter(superuser.page)
    proposal.refresh_from_db()
    assert proposal.status == "APPLIED"

    page = superuser.page
    tab_to(page, "Roll back to version 0 …")
    enter(page)
    while page.evaluate("document.activeElement.name") != "reason":
        page.keyboard.press("Tab")
    page.keyboard.type("It holds too much back.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    tab_to(page, "Roll back to this")
    enter(page)
    policy = ConfidencePolicy.objects.get()
    assert (policy.version, policy.config["overrides"]) == (2, [])


def sign_in(person, username) -> None:
    """Type the name and the password into the sign-in, where the name has the focus."""
    person.open("/admin/")
    person.page.keyboard.type(username)
    person.page.keyboard.press("Tab")
    person.page.keyboard.type(PASSWORD)
    enter(person.page)
