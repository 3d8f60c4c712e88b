"""A real browser, a real server, and a workspace with evidence: what every browser test starts from."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from confidence_project.desk.e2e.scene import Scene, set_the_scene
from confidence_project.foundation.submissions import Submission
from governance.models import ConfidencePolicyProposal, Membership, Workspace
from governance.tests.factories import PASSWORD, MembershipFactory, SuperuserFactory, UserFactory, WorkspaceFactory
from ledger.contracts import OutcomeEnvelope
from ledger.pipelines.decisions import decide_many
from ledger.services import record_outcomes
from ledger.tests.bodies import llm_decision, submission

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

    def expect(self, status: int, path: str) -> None:
        """Open a page that is refused; the browser's own line about the status is no complaint."""
        response = self.page.goto(self.base + path)
        assert response is not None
        assert response.status == status
        self._forget_statuses()

    def post(self, path: str, *, csrf: bool = True, **fields: str) -> int:
        """Send a forged form with the visitor's session, and a valid token unless `csrf` is False."""
        cookies = {cookie["name"]: cookie["value"] for cookie in self.page.context.cookies()}
        token = {"csrfmiddlewaretoken": cookies["csrftoken"]} if csrf else {}
        return self.page.request.post(
            self.base + path, form={**fields, **token}, headers={"Referer": self.base}, max_redirects=0
        ).status

    def _forget_statuses(self) -> None:
        self.page.wait_for_timeout(50)
        self.complaints[:] = [each for each in self.complaints if "Failed to load resource" not in each]

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture
def visitor(browser: Browser, live_server) -> Iterator[Callable[..., Visitor]]:
    """Make visitors, each in a browser profile of their own; a complaint of the console fails the test."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(username: str | None = None, **options) -> Visitor:
        # Without transitions, whose colours on the way axe would take for the page's.
        usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(**{**usual, **options})
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


@pytest.fixture
def scene(workspace) -> Scene:
    """Something on every screen."""
    return set_the_scene(workspace, {user.username: user for user in User.objects.all()})


@pytest.fixture
def proposal(workspace, tmp_path) -> ConfidencePolicyProposal:
    """A proposal from real evidence: a model whose confidence of 0.9 is too little and of 0.97 is enough."""
    dice = random.Random(20)
    confidences = [round(dice.uniform(0.9, 1), 4) for _ in range(1200)]
    asked = [
        submission(external_id=f"d{number}", decision=llm_decision(confidence=confidence))
        for number, confidence in enumerate(confidences)
    ]
    decide_many(workspace=workspace, submissions=asked)
    outcomes = [
        OutcomeEnvelope(
            external_id=f"o{number}",
            decision_external_id=f"d{number}",
            success=dice.random() < (0.995 if confidence > 0.95 else 0.8),
            source="human_review",
        )
        for number, confidence in enumerate(confidences)
    ]
    record_outcomes(
        workspace=workspace,
        submissions=[Submission(outcome.external_id, "00" * 32, outcome) for outcome in outcomes],
        reporter="test",
    )
    arguments = ["--workspace", workspace.slug, "--policy-key", "confidence_gate", "--maturity-days", "0"]
    with (tmp_path / "table.txt").open("w") as table:
        call_command("run_calibration", *arguments, stdout=table)
    return ConfidencePolicyProposal.objects.get(workspace=workspace)
