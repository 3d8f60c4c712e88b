"""What only the command line gave is on the pages: reports, signed checkpoints, proofs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.urls import reverse

from confidence_project.desk.tests.calibrated import calibrated
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, viewer_of
from ledger.models import Checkpoint
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, VERIFIER

pytestmark = pytest.mark.django_db

PROGRAM = Path(django_settings.BASE_DIR) / "docs" / "verify_bundle.py"


@pytest.mark.parametrize("suffix, option", [("html", "--html"), ("json", "--json"), ("txt", None)])
def test_report__of_a_run__is_what_the_command_prints(suffix, option):
    run, _ = calibrated(WorkspaceFactory())
    address = reverse(f"admin:calibration_confidencecalibrationrun_report_{suffix}", args=[run.pk])
    member = signed_in(viewer_of(run.workspace))
    assert address in member.get(reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])).text
    response = member.get(address)
    assert response["Content-Disposition"] == f'attachment; filename="run-{run.pk}.{suffix}"'
    printed = io.StringIO()
    call_command("calibration_report", str(run.pk), *([option] if option else []), stdout=printed)
    assert response.text.strip() == printed.getvalue().strip()
    assert signed_in(viewer_of(WorkspaceFactory())).get(address).status_code == 404
    if suffix == "json":
        assert json.loads(response.text)


def test_thresholds__of_a_workspace__are_what_the_api_answers():
    run, _ = calibrated(WorkspaceFactory())
    member = signed_in(viewer_of(run.workspace))
    address = reverse("admin:desk_thresholds", args=[run.workspace.slug])
    assert address in member.get(reverse("admin:index")).text
    response = member.get(address)
    assert response["Content-Disposition"] == f'attachment; filename="thresholds-{run.workspace.slug}.json"'
    assert response.json() == Caller(run.workspace).client.get("/api/v1/thresholds").json()
    assert signed_in(viewer_of(WorkspaceFactory())).get(address).status_code == 404


def test_proof_and_checkpoint__from_their_pages__convince_a_program_that_knows_nothing_of_ours(settings, tmp_path):
    settings.CONFIDENCE_LOG_KEY = SIGNER
    decision = DecisionRecordFactory(workspace=WorkspaceFactory())
    member = signed_in(viewer_of(decision.workspace))
    address = reverse("admin:ledger_decisionrecord_proofs", args=[decision.pk])
    before = member.get(address)
    assert before.status_code == 409
    assert "There is no proof yet" in words(before)
    call_command("checkpoint_ledger", stdout=io.StringIO())
    assert address in member.get(reverse("admin:ledger_decisionrecord_change", args=[decision.pk])).text
    with zipfile.ZipFile(io.BytesIO(member.get(address).content)) as archive:
        archive.extractall(tmp_path / "evidence")
    (folder,) = {each.parent for each in (tmp_path / "evidence").rglob("decision.json")}
    checked = subprocess.run(
        [sys.executable, "-I", PROGRAM, folder, VERIFIER], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stderr
    assert signed_in(viewer_of(WorkspaceFactory())).get(address).status_code == 404

    checkpoint = Checkpoint.objects.latest("pk")
    note = member.get(reverse("admin:ledger_checkpoint_note", args=[checkpoint.pk]))
    assert note["Content-Type"].startswith("text/plain")
    assert note.text == checkpoint.cosigned_note
