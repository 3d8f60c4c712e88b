"""What people do beside deciding, by clicking: calibrate, roll out, tell hosts, hand keys out, stop everything."""

from __future__ import annotations

import base64
import re
import time

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.utils import timezone

from calibration.models import ConfidenceCalibrationRun
from calibration.services import report_progress
from confidence_project.desk.e2e.looking import complaints_of_axe, looked_at
from governance.models import ApiKey, ConfidencePolicyProposal, KillSwitch, Rollout, WebhookEndpoint
from governance.tests.factories import PASSWORD, WorkspaceFactory, admin_of, applied, approved, pending
from governance.tests.workers import work_off

pytestmark = pytest.mark.browser

Run = ConfidenceCalibrationRun


def main(person) -> str:
    """What the page says."""
    return person.page.get_by_role("main").inner_text()


def test_run__asked_for_by_clicking__the_page_follows_until_the_findings_are_there(visitor, workspace, proposal):
    reviewer = visitor("reviewer")
    page = reviewer.page
    page.get_by_role("link", name="Run a calibration").click()
    assert page.get_by_label("Workspace:").input_value() == str(workspace.pk)
    page.get_by_label("Confidence gate").check()
    page.get_by_label("Maturity days").fill("0")
    page.get_by_label("Target failure rate").fill("0.1")
    reviewer.picture("run-form")
    page.get_by_role("button", name="Run a calibration").click()
    page.get_by_text("Waits for a worker to take it up.").wait_for()
    reviewer.picture("run-pending")

    run = Run.objects.latest("pk")
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, started_at=now, heartbeat_at=now)
    report_progress(run=run, share=0.4)
    page.get_by_role("status").get_by_text("40 % done").wait_for()
    assert page.get_by_role("progressbar").evaluate("bar => bar.value") == 0.4
    assert complaints_of_axe(reviewer) == []
    assert "Complete" not in main(reviewer)

    Run.objects.filter(pk=run.pk).update(status=Run.Status.PENDING)
    work_off()
    page.locator(".lead .badge.complete").wait_for()
    assert "10 % of what is allowed fails" in main(reviewer)
    assert "acme · acme-1" in main(reviewer)


def test_run__signed_out_meanwhile__the_page_says_so_and_asks_no_more(visitor, workspace, proposal):
    reviewer = visitor("reviewer")
    run = Run.objects.latest("pk")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.PENDING)
    reviewer.open(f"/admin/calibration/confidencecalibrationrun/{run.pk}/change/")
    reviewer.page.context.clear_cookies()
    reviewer.page.get_by_text("You are not signed in any more").wait_for()


def test_run__without_script__the_page_reloads_by_itself(visitor, workspace, proposal):
    run = Run.objects.latest("pk")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.PENDING)
    reader = visitor("viewer", java_script_enabled=False)
    reader.open(f"/admin/calibration/confidencecalibrationrun/{run.pk}/change/")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.COMPLETE)
    reader.page.locator(".lead .badge.complete").wait_for()


def test_rollout__shadow_canary_withdraw__by_clicking(visitor, workspace):
    proposal = approved(workspace)
    superuser = visitor("superuser")
    superuser.open(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    page = superuser.page
    page.get_by_role("link", name="Set to shadow").click()
    page.get_by_role("button", name="Set to shadow").click()
    assert "Rollout: in shadow" in main(superuser)
    page.get_by_role("link", name="Set the canary's share").click()
    page.get_by_label("Share").fill("0.05")
    page.get_by_role("button", name="Set the canary's share").click()
    assert "canary, 5 % of the cases" in main(superuser)
    superuser.picture("proposal-on-trial")
    page.get_by_role("link", name="Withdraw the rollout").click()
    page.get_by_label("Reason").fill("It blocks too much.")
    page.get_by_role("button", name="Withdraw the rollout").click()
    assert not Rollout.objects.get().is_active


def test_webhook__added__its_secret_is_shown_once_and_it_is_switched_off(visitor, workspace, settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]
    reviewer = visitor("reviewer")
    page = reviewer.page
    reviewer.open("/admin/governance/webhookendpoint/add/")
    page.get_by_label("Workspace:").select_option(str(workspace.pk))
    page.get_by_label("URL").fill("https://elsewhere.example.com/hook")
    page.locator("#content form button[type=submit]").last.click()
    assert "not one of CONFIDENCE_WEBHOOK_HOSTS" in main(reviewer)
    page.get_by_label("URL").fill("https://hooks.example.org/hook")
    page.locator("#content form button[type=submit]").last.click()
    secret = page.locator(".secret").inner_text()
    assert secret.startswith("whsec_")
    assert complaints_of_axe(reviewer) == []
    reviewer.picture("webhook-secret")
    page.get_by_role("link", name="Done").click()
    page.get_by_role("link", name="https://hooks.example.org/hook").click()
    assert secret not in page.content()
    page.get_by_role("link", name="Switch off").click()
    page.get_by_role("button", name="Switch off").click()
    assert not WebhookEndpoint.objects.get().is_active


def test_api_key__issued__is_shown_once(visitor, workspace):
    reviewer = visitor("reviewer")
    page = reviewer.page
    reviewer.open("/admin/governance/apikey/add/")
    page.get_by_label("Workspace:").select_option(str(workspace.pk))
    page.get_by_label("Name").fill("mail host")
    page.get_by_label("Ingest").check()
    page.locator("#content form button[type=submit]").last.click()
    key = page.locator(".secret").inner_text()
    assert ApiKey.objects.get().prefix in key
    assert complaints_of_axe(reviewer) == []
    reviewer.picture("api-key-issued")
    page.get_by_role("link", name="Done").click()
    assert key not in page.content()


def test_second_factor__set_up__is_asked_for_at_the_next_sign_in(visitor, workspace):
    viewer = visitor("viewer")
    page = viewer.page
    page.get_by_role("link", name="Second factor").click()
    secret = base64.b32decode(page.locator(".secret").inner_text().replace(" ", ""))
    assert complaints_of_axe(viewer) == []
    viewer.picture("second-factor-set-up")

    def code(later: int) -> str:
        app = TOTP(secret, 6, SHA1(), 30, enforce_key_length=False)
        return app.generate(int(time.time()) + later).decode()

    page.get_by_label("Code").fill(code(0))
    page.get_by_role("button", name="Switch it on").click()
    recovery = page.locator(".secret").first.inner_text()
    viewer.picture("recovery-codes")
    page.get_by_role("button", name="Log out").click()

    viewer.sign_in("viewer")
    assert "authenticator" in main(viewer)
    page.get_by_label("Username").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Log in").click()
    assert "Decision desk" in main(viewer)


def test_kill_switch__from_home__stops_everything_and_is_released(visitor, workspace):
    reviewer = visitor("reviewer")
    page = reviewer.page
    page.get_by_role("link", name="Kill switch", exact=True).click()
    assert page.get_by_label("Workspace:").input_value() == str(workspace.pk)
    page.get_by_label("Reason").fill("The provider answers nonsense.")
    page.locator("#content form button[type=submit]").last.click()
    assert "every decision in Post room is blocked" in main(reviewer)
    assert complaints_of_axe(reviewer) == []
    page.get_by_role("button", name="Engage a kill switch").click()
    reviewer.open("/admin/")
    assert "Automation is off: every decision is blocked" in main(reviewer)
    assert "by reviewer" in main(reviewer)
    assert complaints_of_axe(reviewer) == []
    reviewer.picture("home-off")
    page.get_by_role("link", name="Release the kill switch").click()
    page.get_by_label("Reason").fill("It answers again.")
    page.get_by_role("button", name="Release").click()
    assert not KillSwitch.objects.in_force().exists()


def test_bulk__approve__repeats_each_change_in_its_sentence(visitor, workspace, proposal):
    pending(workspace, policy_key="decision_gate", config={"values": {"llm_confidence_threshold": 0.7}})
    reviewer = visitor("reviewer")
    page = reviewer.page
    reviewer.open("/admin/governance/confidencepolicyproposal/")
    page.get_by_label("Select all objects on this page for an action").check()
    page.locator("select[name=action]").select_option("approve")
    page.get_by_role("button", name="Go", exact=True).click()
    assert "at most 5 % of what it allows fails, as far as outcomes are known" in main(reviewer)
    assert "The evidence allows it." in main(reviewer)
    assert complaints_of_axe(reviewer) == []
    reviewer.picture("bulk-approve")
    page.get_by_role("button", name="Approve").click()
    assert set(ConfidencePolicyProposal.objects.values_list("status", flat=True)) == {"APPROVED"}


def test_policy__any_two_versions_are_compared_and_an_old_one_comes_back(visitor, workspace):
    for value in (0.8, 0.7, 0.75):
        policy = applied(workspace, value).policy
    superuser = visitor("superuser")
    page = superuser.page
    superuser.open(f"/admin/governance/confidencepolicy/{policy.pk}/change/")
    page.get_by_label("From").select_option("3")
    page.get_by_label("to", exact=True).select_option("1")
    page.get_by_role("button", name="Compare").click()
    assert re.search(r"0\.75\s+(→ )?0\.8", page.locator("table.diff").inner_text())
    page.locator(".compare ~ .buttons").get_by_role("link", name="Roll back to version 1 …").click()
    assert re.search(r"0\.75\s+(→ )?0\.8", page.locator("table.diff").inner_text())
    superuser.picture("roll-back")
    page.get_by_label("Reason").fill("0.75 was a guess.")
    page.get_by_role("button", name="Roll back to this").click()
    policy.refresh_from_db()
    assert policy.config["values"] == {"confidence_threshold": 0.8}


def test_sampling__rates_of_both_sides_in_a_table__in_force_and_said_on_home(visitor, workspace):
    reviewer = visitor("reviewer")
    page = reviewer.page
    reviewer.open(f"/admin/governance/auditsampling/add/?workspace={workspace.pk}")
    page.get_by_label("Policy key").select_option("confidence_gate")
    page.get_by_label("Share of what is blocked").fill("0.2")
    first = page.get_by_role("group", name="Rule 1")
    first.get_by_label("with a confidence from").fill("0.9")
    first.get_by_label("draw the share").fill("0.05")
    page.get_by_label("Reason").fill("No event tells how these went.")
    assert looked_at(reviewer, "sampling", keep=True) == []
    page.get_by_role("button", name="Draw decisions for review").click()
    assert "Of what is allowed with a confidence from 0.9: 5" in main(reviewer)
    reviewer.open("/admin/")
    assert "Of what is not allowed otherwise: 20" in main(reviewer)


FOR_ADMINS = ["killswitch", "blockedsource", "auditsampling", "apikey", "webhookendpoint", "confidencepolicyproposal"]


@pytest.mark.parametrize(
    ("role", "refused"),
    [("viewer", [*FOR_ADMINS, "membership", "workspace"]), ("reviewer", ["membership", "workspace"])],
)
def test_roles__forms_of_others__refused_by_address_and_forged_post(visitor, workspace, role, refused):
    person = visitor(role)
    for name in refused:
        address = f"/admin/governance/{name}/add/"
        person.expect(403, address)
        assert "may" in main(person)
        assert (name, person.post(address, reason="Forged.")) == (name, 403)
    person.expect(200 if role == "reviewer" else 403, "/admin/calibration/confidencecalibrationrun/add/")
    person.expect(200, "/admin/definitions/")
    person.expect(403, "/admin/auth/user/")


def test_roles__reviewer__cannot_apply_or_roll_back_by_address_or_forged_post(visitor, workspace):
    proposal, revision = approved(workspace, 0.7), applied(WorkspaceFactory(), 0.8)
    admin_of(revision.workspace)
    reviewer = visitor("reviewer")
    apply = f"/admin/governance/confidencepolicyproposal/{proposal.pk}/apply/"
    reviewer.expect(403, apply)
    assert reviewer.post(apply) == 403
    roll_back = f"/admin/governance/confidencepolicyrevision/{revision.pk}/roll-back/"
    reviewer.expect(404, roll_back)
    assert reviewer.post(roll_back, reason="Forged.") == 404
