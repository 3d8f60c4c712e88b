"""The pictures in docs/images, made anew by `make pictures`: no test, and so collected only when it is named."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from PIL import Image

from confidence_project.desk.e2e.conftest import Visitor
from governance.workflow import apply_confidence_policy_proposal
from ledger.imports.course import declare, upload
from ledger.imports.mapping import parse_mapping
from ledger.tests.transparency import SIGNER, run

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
WINDOW = {"width": 1280, "height": 900}
COLOURS = 128


_SEEN_PICTURES_ARE_THERE = """() => [...document.images].every(image => {
    const {top, bottom} = image.getBoundingClientRect();
    return !image.offsetParent || bottom < 0 || top > innerHeight || (image.complete && image.naturalWidth > 0);
})"""


def keep(person: Visitor, name: str, path: str, *, at: str = "", height: int = WINDOW["height"]) -> None:
    """Keep what the window shows of a page, from the element `at` on, with few colours: a third of the size."""
    page = person.page
    page.set_viewport_size({**WINDOW, "height": height})
    person.open(path)
    page.wait_for_load_state("networkidle")
    if at:
        page.locator(at).first.evaluate("element => window.scrollTo(0, element.offsetTop - 16)")
    # Pictures below the first window are fetched when it is scrolled to them.
    page.wait_for_function(_SEEN_PICTURES_ARE_THERE)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


def test_pictures__of_the_main_screens__are_written(visitor, scene):
    proposal = f"/admin/governance/confidencepolicyproposal/{scene.proposals['confidence_gate'].pk}/change/"
    policy = scene.workspace.policies.get(policy_key="confidence_gate")
    reviewer = visitor("reviewer", color_scheme="light")
    keep(reviewer, "home", "/admin/", height=1500)
    keep(reviewer, "proposal", proposal, height=1480)
    keep(reviewer, "explorer", proposal, at=".explorer")
    keep(
        reviewer,
        "run",
        f"/admin/calibration/confidencecalibrationrun/{scene.runs['complete'].pk}/change/",
        at='h2:has-text("Confidence gate")',
        height=1180,
    )
    keep(reviewer, "policy", f"/admin/governance/confidencepolicy/{policy.pk}/change/", height=1100)
    keep(reviewer, "definitions", "/admin/definitions/")
    in_the_dark = visitor("reviewer", color_scheme="dark")
    keep(in_the_dark, "proposal-dark", proposal, height=1480)


def test_pictures__of_an_evidence_pack__are_written(browser, scene, settings, tmp_path):
    settings.CONFIDENCE_LOG_KEY = SIGNER
    apply_confidence_policy_proposal(
        actor=User.objects.get(username="superuser"),
        workspace=scene.workspace,
        proposal_id=scene.proposals["decision_gate"].pk,
    )
    run("checkpoint_ledger")
    asked = ["--from=2020-01-01", "--to=2039-01-01", "--seed=auditor-2026-q4", f"--output={tmp_path / 'pack.zip'}"]
    run("evidence_pack", scene.workspace.slug, "decision_gate", *asked)
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path)
    opened = Visitor(browser.new_page(color_scheme="light"), "file://", [])
    keep(opened, "evidence-pack", str(tmp_path / "index.html"), at="#thresholds", height=1180)
    opened.page.close()


def test_pictures__of_an_import__are_written(visitor, workspace, settings, tmp_path):
    settings.CONFIDENCE_IMPORT_FOLDER = tmp_path
    verdicts = ("ACCEPT", "ACCEPT", "REJECT", "ACCEPT", "")
    rows = [f"T-{n},2026-10-{n % 28 + 1:02}T09:30:00Z,{70 + n % 30},{verdicts[n % 5]}\n" for n in range(240)]
    kept = upload(
        actor=User.objects.get(username="reviewer"),
        workspace=workspace,
        file_name="tickets.csv",
        file_format="csv",
        pieces=[b"ticket,time,ai_conf,verdict\n", "".join(rows).encode()],
    )
    mapping = {
        "columns": {"external_id": "ticket", "decided_at": "time", "confidence": "ai_conf"},
        "constants": {"policy_key": "confidence_gate", "provider": "acme", "model": "clerk-2", "task": "refund"},
        "scale": 100,
        "success_when": [("verdict", "ACCEPT")],
        "failure_when": [("verdict", "REJECT")],
    }
    declare(actor=kept.actor, kept=kept, mapping=parse_mapping(mapping), file_format="csv")
    reviewer = visitor("reviewer", color_scheme="light")
    keep(reviewer, "import", f"/admin/ledger/decisionimport/{kept.pk}/map/", at="details.card", height=2100)
