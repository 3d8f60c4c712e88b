"""Label files by keyboard: taken as a file, answered in it, brought in, and what was refused taken back."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from confidence_project.desk.e2e.looking import WIDE, looked_at
from ledger.labelling.rules import set_labelling_rules
from ledger.models import Judgement
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.browser


def test_label_files__go_out_and_come_back(visitor, workspace, tmp_path):
    superuser = User.objects.filter(is_superuser=True).first()
    common = {"actor": superuser, "workspace": workspace, "policy_key": "confidence_gate", "reason": "Busy."}
    set_labelling_rules(**common, twice_share=Decimal("0.1"), due_days=3)
    for number in range(3):
        DecisionRecordFactory(
            workspace=workspace, gate_verdict="block", gate_reason="llm_confidence_below_threshold",
            llm_confidence="0.8123", audit_selected=True, label_propensity="0.05", external_id=f"mail-{number}",
        )  # fmt: skip
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    page.locator("#nav-sidebar").get_by_role("link", name="Label files").click()
    assert looked_at(person, "label-files", keep=True) == []
    page.get_by_role("button", name="Take them").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0]["answer"], rows[1]["answer"], rows[2]["answer"] = "right", "wrong", "who knows"
    rows = [{**row, "reviewer": "ada"} for row in rows]
    answered = tmp_path / "answers.csv"
    with answered.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    page.get_by_label("File").set_input_files(answered)
    page.get_by_role("button", name="Bring them in").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "What became of the file" in page.locator("#became").inner_text()
    assert looked_at(person, "label-files-brought", keep=True) == []
    assert sorted(Judgement.objects.values_list("answer", flat=True)) == ["right", "wrong"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download what was refused").click()
    assert download.value.suggested_filename == "answers.rejects.csv"
    assert "who knows" in Path(download.value.path()).read_text()
    person.open(f"/admin/ledger/decisionrecord/{rows[0]['decision_id']}/change/")
    assert "made the label" in page.get_by_role("region", name="What was said").inner_text()
    assert looked_at(person, "decision-labelled", keep=True) == []
    person.open("/admin/ledger/labellingrules/add/")
    assert "answered twice: 10 %" in page.get_by_role("region", name="What is replaced").inner_text()
    assert looked_at(person, "labelling-rules-in-force", keep=True) == []
