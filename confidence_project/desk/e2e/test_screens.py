"""Every screen, looked at: wide and on a phone, light and dark, by a person and by axe. Pictures: `var/screenshots`.

The admin is asked for its pages, so a new model, form or button is looked at from the day on which it is there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse

from confidence_project.desk.e2e.looking import WIDE, complaints_of_axe, looked_at
from confidence_project.desk.e2e.scene import Scene
from governance.admin_kit.service_views import ServiceAdmin
from ledger.models import DecisionRecord
from ledger.selectors import waiting_for_review

pytestmark = pytest.mark.browser

KEY_SCREENS = {
    "home", "proposal", "proposal-budget", "proposal-two", "run", "run-running", "definitions", "run-add",
    "decision-to-review",
}  # fmt: skip


def _name(model, page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def _lists(person: User) -> Iterator[tuple[str, str]]:
    """Name and address of every list, and of every form to add."""
    request = RequestFactory().get("/")
    request.user = person
    for model, model_admin in admin.site._registry.items():
        yield f"list-{model._meta.model_name}", reverse(_name(model, "changelist"))
        if model_admin.has_add_permission(request):
            yield f"add-{model._meta.model_name}", reverse(_name(model, "add"))


def _rows(person: User) -> Iterator[tuple[str, str]]:
    """Name and address of a row of every model, and of what may be done to one."""
    for model, model_admin in admin.site._registry.items():
        rows = list(model._default_manager.order_by("-pk")[:50])
        if rows:
            yield f"row-{model._meta.model_name}", reverse(_name(model, "change"), args=[rows[0].pk])
        for verb in model_admin.verbs if isinstance(model_admin, ServiceAdmin) else ():
            row = next((row for row in rows if verb.is_open(row) and verb.may(person, row)), None)
            if row is not None:
                yield f"{verb.name}-{model._meta.model_name}", reverse(_name(model, verb.name), args=[row.pk])


def _stories(scene: Scene) -> Iterator[tuple[str, str]]:
    """Name and address of the pages of the desk, and of rows in each of their states."""
    yield "home", reverse("admin:index")
    yield "definitions", reverse("admin:definitions")
    yield "second-factor", reverse("admin:second_factor")
    yield "password", reverse("admin:password_change")
    yield "notices", reverse("admin:notices")
    yield "audit", reverse("admin:audit")
    yield "app", reverse("admin:app_list", args=["governance"])
    yield "run-add", reverse("admin:calibration_confidencecalibrationrun_add")
    for name, run in scene.runs.items():
        path = reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])
        yield "run" if name == "complete" else f"run-{name}", path
    names = {"confidence_gate": "proposal", "decision_gate": "proposal-two", "lead_context_bundle": "proposal-budget"}
    for name, proposal in scene.proposals.items():
        path = reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
        yield names.get(name, f"proposal-{name}"), path
    add = reverse("admin:governance_confidencepolicyproposal_add")
    yield "propose", f"{add}?workspace={scene.workspace.slug}&policy_key=decision_gate"
    backtest = reverse("admin:governance_confidencepolicyproposal_change", args=[scene.proposals["confidence_gate"].pk])
    yield "proposal-backtest", f"{backtest}?backtest=1"
    waiting = waiting_for_review(DecisionRecord.objects.filter(workspace=scene.workspace)).first()
    yield "decision-to-review", reverse("admin:ledger_decisionrecord_change", args=[waiting.pk])
    yield "review", reverse("admin:ledger_decisionrecord_review", args=[waiting.pk])
    yield "to-review", f"{reverse('admin:ledger_decisionrecord_changelist')}?workspace=post&review=waiting"
    yield "history", reverse("admin:governance_workspace_history", args=[scene.workspace.pk])


@pytest.mark.parametrize("part", ["lists", "rows", "stories"])
def test_screens__each__passes_axe_in_both_themes_and_fits_a_phone(visitor, scene, part):
    boss = User.objects.get(username="superuser")
    pages = {"lists": lambda: _lists(boss), "rows": lambda: _rows(boss), "stories": lambda: _stories(scene)}[part]()
    person = visitor("superuser", viewport=WIDE)
    wrong, seen = [], 0
    for name, path in pages:
        response = person.page.goto(person.base + path)
        assert (name, response.status) == (name, 200)
        wrong += [
            f"{name}: {each}" for each in looked_at(person, name, keep=name in KEY_SCREENS, in_dark=part == "stories")
        ]
        seen += 1
    assert not wrong, "\n".join(wrong)
    assert seen > 15


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/admin/nowhere/", 404, "There is no such page"),
        ("/admin/governance/confidencepolicyproposal/999999/change/", 200, "Decision desk"),
        ("/problems/conflict", 200, "HTTP status"),
    ],
)
def test_errors__pages__are_of_the_desk_and_pass_axe(visitor, workspace, path, status, words):
    person = visitor("viewer", viewport=WIDE)
    person.expect(status, path)
    assert words in person.page.get_by_role("main").inner_text()
    assert looked_at(person, f"error-{status}-{path.strip('/').replace('/', '-')}") == []


def test_sign_in_and_out__pages__pass_axe(visitor, workspace):
    person = visitor(viewport=WIDE)
    person.open("/admin/")
    assert looked_at(person, "sign-in", keep=True) == []
    person.sign_in("nobody-of-this-name")
    assert complaints_of_axe(person) == []
    person.sign_in("viewer")
    person.page.get_by_role("button", name="Log out").click()
    assert "You are signed out" in person.page.get_by_role("main").inner_text()
    assert looked_at(person, "signed-out") == []


def test_home__of_a_new_workspace__says_what_to_do_first(visitor, workspace):
    person = visitor("reviewer", viewport=WIDE)
    steps = person.page.get_by_role("listitem").filter(has_text="Issue an API key")
    assert steps.is_visible()
    assert looked_at(person, "home-new-workspace", keep=True) == []
    person.page.get_by_role("link", name="Issue an API key").click()
    assert person.page.get_by_label("Workspace:").input_value() == str(workspace.pk)


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
    person.picture("proposal-print")
