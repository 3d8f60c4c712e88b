"""Every screen, looked at: wide and on a phone, light and dark, by a person and by axe. Pictures: `var/screenshots`."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from governance.control_services import engage_kill_switch, set_audit_sampling
from governance.models import ConfidencePolicy
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, applied
from ledger.models import DecisionRecord

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1440, "height": 900}}
KEY_SCREENS = {"home", "proposal", "run", "proposals", "propose", "decision"}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def screens(proposal) -> dict[str, str]:
    """Name and address of every screen, with something on each."""
    applied(WorkspaceFactory(slug="other", name="Other post room"))
    boss = SuperuserFactory(username="boss")
    engage_kill_switch(actor=boss, workspace=proposal.workspace, policy_key="decision_gate", reason="Not trusted yet.")
    set_audit_sampling(
        actor=boss, workspace=proposal.workspace, policy_key="confidence_gate", rate="0.05", reason="To learn."
    )
    governed, record = "/admin/governance", DecisionRecord.objects.first().pk
    policy = ConfidencePolicy.objects.get(workspace__slug="other").pk
    of_proposal = f"{governed}/confidencepolicyproposal/{proposal.pk}"
    run = proposal.recommendations.first().run_id
    return {
        "home": "/admin/",
        "proposals": f"{governed}/confidencepolicyproposal/",
        "proposal": f"{of_proposal}/change/",
        "approve": f"{of_proposal}/approve/",
        "propose-policy": f"{governed}/confidencepolicyproposal/add/",
        "propose": f"{governed}/confidencepolicyproposal/add/?workspace=post&policy_key=confidence_gate",
        "policy": f"{governed}/confidencepolicy/{policy}/change/",
        "revisions": f"{governed}/confidencepolicyrevision/",
        "workspace": f"{governed}/workspace/{proposal.workspace_id}/change/",
        "kill-switch": f"{governed}/killswitch/add/",
        "kill-switches": f"{governed}/killswitch/",
        "api-key": f"{governed}/apikey/add/",
        "memberships": f"{governed}/membership/",
        "runs": "/admin/calibration/confidencecalibrationrun/",
        "run": f"/admin/calibration/confidencecalibrationrun/{run}/change/",
        "ledger": "/admin/ledger/decisionrecord/",
        "decision": f"/admin/ledger/decisionrecord/{record}/change/",
        "drafts": "/admin/telemetry/aidraft/",
    }


def findings(person) -> list[str]:
    """What axe calls serious or critical, with the element; what axe itself does to the page is no complaint."""
    person.page.wait_for_load_state("networkidle")
    complaints = list(person.complaints)
    violations = Axe().run(person.page).response["violations"]
    person.complaints[:] = complaints
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def is_wider_than_the_window(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_screens__each__passes_axe_and_fits(visitor, screens, mode):
    options = PHONE if mode == "phone" else WIDE
    person = visitor("superuser", color_scheme="dark" if mode == "dark" else "light", **options)
    wrong = {}
    for name, address in screens.items():
        if mode == "dark" and name not in KEY_SCREENS:
            continue
        person.open(address)
        if mode == "light" or name in KEY_SCREENS:
            wrong[name] = findings(person)
        if is_wider_than_the_window(person.page):
            wrong[name] = [*wrong.get(name, []), "wider than the window"]
        person.picture(f"{name}-{mode}")
    assert {name: each for name, each in wrong.items() if each} == {}


def test_sign_in__page__passes_axe(visitor, workspace):
    nobody = visitor()
    nobody.open("/admin/")
    assert findings(nobody) == []
    nobody.picture("sign-in")


def test_theme_switch__pictures_follow(visitor, proposal):
    person = visitor("reviewer", color_scheme="light")
    person.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    light, dark = (person.page.locator(f"img.in-{theme}").first for theme in ("light", "dark"))
    assert (light.is_visible(), dark.is_visible()) == (True, False)
    toggle = person.page.locator(".theme-toggle")
    while person.page.locator("html").get_attribute("data-theme") != "dark":
        toggle.click()
    assert (light.is_visible(), dark.is_visible()) == (False, True)
    person.page.emulate_media(media="print")
    assert (light.is_visible(), dark.is_visible()) == (True, False)
