"""The pictures in docs/images, made anew by `make pictures`: no test, and so collected only when it is named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from confidence_project.desk.e2e.conftest import Visitor

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"
WINDOW = {"width": 1280, "height": 900}
COLOURS = 128


def keep(person: Visitor, name: str, path: str, *, at: str = "", height: int = WINDOW["height"]) -> None:
    """Keep what the window shows of a page, from the element `at` on, with few colours: a third of the size."""
    page = person.page
    page.set_viewport_size({**WINDOW, "height": height})
    person.open(path)
    page.wait_for_load_state("networkidle")
    if at:
        page.locator(at).first.evaluate("element => window.scrollTo(0, element.offsetTop - 16)")
        page.wait_for_load_state("networkidle")
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
        at="#key-2",
        height=1180,
    )
    keep(reviewer, "policy", f"/admin/governance/confidencepolicy/{policy.pk}/change/", height=1100)
    keep(reviewer, "definitions", "/admin/definitions/")
    in_the_dark = visitor("reviewer", color_scheme="dark")
    keep(in_the_dark, "proposal-dark", proposal, height=1480)
