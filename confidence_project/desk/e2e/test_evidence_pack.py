"""An evidence pack, from the button to its page, which opens from a folder and needs nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser

from confidence_project.desk.e2e.conftest import Visitor
from confidence_project.desk.e2e.looking import WIDE, complaints_of_axe, looked_at
from governance.tests.workers import work_off
from governance.workflow import apply_confidence_policy_proposal
from ledger.tests.transparency import SIGNER, VERIFIER, run

pytestmark = pytest.mark.browser

PROGRAM = Path(django_settings.BASE_DIR) / "docs" / "verify_bundle.py"


def test_pack__made_by_clicking__opens_by_itself_and_is_proved(visitor, scene, browser: Browser, settings, tmp_path):
    settings.CONFIDENCE_LOG_KEY, settings.CONFIDENCE_PACK_FOLDER = SIGNER, tmp_path / "packs"
    apply_confidence_policy_proposal(
        actor=User.objects.get(username="superuser"),
        workspace=scene.workspace,
        proposal_id=scene.proposals["decision_gate"].pk,
    )
    run("checkpoint_ledger")
    reviewer = visitor("reviewer", viewport=WIDE)
    page = reviewer.page
    page.get_by_role("link", name="Make an evidence pack").first.click()
    page.get_by_label("Policy:").select_option("decision_gate")
    page.get_by_label("From:").fill("2020-01-01")
    page.get_by_label("Until:").fill("2019-01-01")
    page.get_by_label("Seed of the auditor:").fill("auditor-2026-q4")
    page.get_by_role("button", name="Make the pack").click()
    page.get_by_text("The period ends before it begins").wait_for()
    assert looked_at(reviewer, "evidence-pack-form", keep=True) == []
    page.get_by_label("Until:").fill("2039-01-01")
    page.get_by_role("button", name="Make the pack").click()
    page.get_by_text("Waits for a worker to take it up.").wait_for()
    assert complaints_of_axe(reviewer) == []
    work_off()
    page.locator(".lead .badge.complete").wait_for()
    assert looked_at(reviewer, "evidence-pack", keep=True) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the pack").click()
    archive = tmp_path / "pack.zip"
    download.value.save_as(archive)

    checked = subprocess.run([sys.executable, "-I", PROGRAM, archive, VERIFIER], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "pack")
    opened = Visitor(browser.new_page(viewport=WIDE, reduced_motion="reduce"), "file://", [])
    asked: list[str] = []
    opened.page.on("request", lambda request: asked.append(request.url))
    opened.open(str(tmp_path / "pack" / "index.html"))
    assert "With 95 % confidence at most 5 % of what it allows fails" in opened.page.get_by_role("main").inner_text()
    assert looked_at(opened, "evidence-pack-page", keep=True) == []
    assert [each for each in asked if not each.startswith("data:")] == [f"file://{tmp_path}/pack/index.html"]
    opened.page.get_by_role("link", name="certificates.csv").first.wait_for()
    opened.page.close()
