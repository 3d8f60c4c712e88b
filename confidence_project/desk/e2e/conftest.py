"""A real browser, a real server, and a workspace with evidence: what every browser test starts from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from governance.models import Membership, Workspace
from governance.tests.factories import PASSWORD, MembershipFactory, SuperuserFactory, UserFactory, WorkspaceFactory

# Playwright's event loop lives in the test's thread, where Django would refuse to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
SCREENSHOTS = Path(__file__).resolve().parents[3] / "var" / "screenshots"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Somebody at the browser; remembers what the console complained of and where requests went."""

    page: Page
    base: str
    complaints: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)

    def sign_in(self, username: str) -> None:
        self.open("/admin/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def visitor(browser: Browser, live_server) -> Iterator[Callable[..., Visitor]]:
    """Make visitors, each in a browser profile of their own; a complaint of the console fails the test."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(username: str | None = None, **options) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        page = context.new_page()
        visitor = Visitor(page, live_server.url, [])
        page.on("console", lambda message: message.type == "error" and visitor.complaints.append(message.text))
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((live_server.url, "data:")) or visitor.complaints.append(request.url)
            ),
        )
        contexts.append(context)
        visitors.append(visitor)
        if username:
            visitor.sign_in(username)
        return visitor

    yield make
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    """A workspace with a viewer, an admin (`reviewer`) and a superuser, all with the tests' password."""
    workspace = WorkspaceFactory(slug="post", name="Post room")
    MembershipFactory(user=UserFactory(username="viewer"), workspace=workspace)
    MembershipFactory(user=UserFactory(username="reviewer"), workspace=workspace, role=Membership.Role.ADMIN)
    SuperuserFactory(username="superuser")
    return workspace
