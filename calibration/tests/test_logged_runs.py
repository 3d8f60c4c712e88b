"""A run in the transparency log: with the hashes of its inputs and of its output, and behind its proposal."""

from __future__ import annotations

import hashlib
import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from calibration.logged import RUNS, runs_behind
from calibration.models import ConfidenceCalibrationRun
from calibration.tests.factories import history, review
from governance.models import ConfidencePolicyProposal
from governance.tests.factories import WorkspaceFactory
from ledger.tests.transparency import SIGNER, run
from ledger.transparency.encoding import canonical_json
from ledger.transparency.kinds import codec_of
from ledger.transparency.sequencing import rows_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def complete(settings: Any) -> ConfidenceCalibrationRun:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    workspace = WorkspaceFactory()
    history(workspace, {0.95: (300, 0), 0.85: (300, 120)})
    review(workspace=workspace)
    run("checkpoint_ledger")
    return ConfidenceCalibrationRun.objects.get()


def test_entry__of_a_run__states_its_inputs_and_the_hash_of_its_output(complete: ConfidenceCalibrationRun) -> None:
    entry_id = RUNS.entry_id_of(complete.pk)
    content = json.loads(codec_of(RUNS, connection.vendor).encode(rows_of(RUNS, [entry_id])[entry_id]))
    assert content["inputs_sha256"] == complete.inputs_sha256 != ""
    assert content["output_sha256"] == hashlib.sha256(canonical_json(complete.output).encode()).hexdigest()
    assert "output" not in content


@pytest.mark.parametrize("change", ["inputs_sha256 = 'x'", "output = '{}'", "target_failure_rate = 0.2"])
def test_verify__run_that_was_changed__is_named(complete: ConfidenceCalibrationRun, change: str) -> None:
    assert "agree" in run("verify_ledger")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE calibration_confidencecalibrationrun SET {change}")
    problems = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", stdout=StringIO(), stderr=problems)
    assert f"calibration_run {complete.pk:020d}: the row is not what was logged" in problems.getvalue()


def test_proof__of_a_proposal__leads_to_the_runs_behind_it(complete: ConfidenceCalibrationRun) -> None:
    proposal = ConfidencePolicyProposal.objects.filter(recommendations__run=complete).first()
    assert proposal is not None, "the run was to propose something"
    assert runs_behind(proposal.pk) == (RUNS, [complete.pk])
