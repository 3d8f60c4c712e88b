"""Proofs of single decisions, checked as an auditor checks them: with the program in docs/ledger.md alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError

from ledger.models import DecisionRecord
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.transparency.notes import VerifierKey
from ledger.transparency.proofs import InclusionProof

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


@pytest.fixture
def auditor(tmp_path: Path) -> Path:
    """The program of the documentation, as a file."""
    document = (Path(django_settings.BASE_DIR) / "docs" / "ledger.md").read_text("utf-8")
    program = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert program is not None
    (tmp_path / "check_proof.py").write_text(program[1], "utf-8")
    return tmp_path / "check_proof.py"


def check(auditor: Path, entry: Path, proof: Path, key: str = VERIFIER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(auditor), str(entry), str(proof), key]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_prove__decision__verifies_against_the_printed_entry() -> None:
    DecisionRecordFactory.create_batch(6)
    decision = DecisionRecordFactory(task="triage")
    run("checkpoint_ledger")
    entry = run("prove_decision", str(decision.pk), entry=True)
    proof = InclusionProof.parse(run("prove_decision", str(decision.pk)))
    assert proof.verify(entry.encode(), [VerifierKey.parse(VERIFIER)]).size == 7
    assert json.loads(entry)["task"] == "triage"


def test_prove__directory__holds_the_outcomes_and_amendments_too(tmp_path: Path, auditor: Path) -> None:
    decision = LedgerAmendmentFactory().decision
    DecisionOutcomeFactory(decision=decision)
    DecisionOutcomeFactory(decision=decision, sequence=2, success=False)
    run("checkpoint_ledger")
    run("prove_decision", str(decision.pk), directory=tmp_path / "evidence")
    names = sorted(path.stem for path in (tmp_path / "evidence").glob("*.json"))
    assert names == ["amendment-1", "decision", "outcome-1", "outcome-2"]
    for name in names:
        checked = check(auditor, tmp_path / f"evidence/{name}.json", tmp_path / f"evidence/{name}.tlog-proof")
        assert (checked.returncode, checked.stderr) == (0, "")
        assert checked.stdout == f"leaf {names_to_position(name)} of 4, log PeterNeumann: proved\n"


def names_to_position(name: str) -> int:
    return ["decision", "outcome-1", "outcome-2", "amendment-1"].index(name)


def test_auditor__changed_entry_other_key_or_cut_proof__is_not_convinced(tmp_path: Path, auditor: Path) -> None:
    decisions: list[DecisionRecord] = DecisionRecordFactory.create_batch(5)
    run("checkpoint_ledger")
    run("prove_decision", str(decisions[2].pk), directory=tmp_path)
    entry, proof = tmp_path / "decision.json", tmp_path / "decision.tlog-proof"
    other = tmp_path / "other.json"
    other.write_bytes(entry.read_bytes().replace(b"allow", b"block"))
    assert check(auditor, other, proof).returncode != 0
    assert (
        check(auditor, entry, proof, "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop").returncode != 0
    )
    cut = tmp_path / "cut.tlog-proof"
    cut.write_text(proof.read_text("utf-8").replace("\n5\n", "\n6\n"), "utf-8")
    assert check(auditor, entry, cut).returncode != 0
    assert check(auditor, entry, proof).returncode == 0


def test_prove__unknown_decision__is_refused() -> None:
    DecisionRecordFactory()
    run("checkpoint_ledger")
    with pytest.raises(CommandError, match="no decision"):
        run("prove_decision", str(uuid.uuid4()))


def test_prove__decision_after_the_last_checkpoint__says_to_make_one() -> None:
    run("checkpoint_ledger")
    with pytest.raises(CommandError, match="checkpoint_ledger"):
        run("prove_decision", str(DecisionRecordFactory().pk))


def test_prove__nothing_signed__says_to_sign() -> None:
    with pytest.raises(CommandError, match="Nothing has been signed"):
        run("prove_decision", str(DecisionRecordFactory().pk))


def test_prove__changed_row__gives_no_proof() -> None:
    decision = DecisionRecordFactory()
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET model = 'other'")
    with pytest.raises(CommandError, match="not what was logged"):
        run("prove_decision", str(decision.pk))
