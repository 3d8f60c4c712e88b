"""Proofs of decisions and revisions, checked as an auditor checks them: with docs/verify_bundle.py alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError
from django.utils import timezone

from governance.tests.factories import WorkspaceFactory, applied
from ledger.models import Checkpoint, OutcomeVoid
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.tests.witness import witness
from ledger.transparency.notes import SignerKey, TreeHead, VerifierKey
from ledger.transparency.proofs import InclusionProof

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


PROGRAM = Path(django_settings.BASE_DIR) / "docs" / "verify_bundle.py"


def check(folder: Path, key: str = VERIFIER, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the program of the documentation as an auditor does: without anything of ours."""
    command = [sys.executable, "-I", str(PROGRAM), str(folder), key, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def refusal(folder: Path, *options: str, key: str = VERIFIER) -> str:
    """Why the program refused."""
    checked = check(folder, key, *options)
    assert checked.returncode == 1, checked.stdout
    return checked.stderr.removeprefix("NOT PROVED: ").strip()


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A folder about a decision under a revision that was proposed, approved and applied, logged after a checkpoint."""
    workspace = WorkspaceFactory()
    run("checkpoint_ledger")
    revision = applied(workspace)
    now = timezone.now()
    decision = DecisionRecordFactory(
        workspace=workspace, policy_key=revision.policy_key, policy_version=revision.version, timestamp=now
    )
    DecisionRecordFactory(workspace=workspace, timestamp=now)
    run("checkpoint_ledger")
    DecisionOutcomeFactory(decision=decision, recorded_at=now)
    outcome = DecisionOutcomeFactory(decision=decision, sequence=2, success=False, recorded_at=now)
    OutcomeVoid.objects.create(outcome=outcome, workspace=workspace, at=now, reporter="reviewer")
    LedgerAmendmentFactory(decision=decision, at=now)
    run("checkpoint_ledger")
    run("prove_decision", str(decision.pk), directory=tmp_path / "evidence")
    return tmp_path / "evidence"


def test_prove__decision__verifies_against_the_printed_entry() -> None:
    DecisionRecordFactory.create_batch(6)
    decision = DecisionRecordFactory(task="triage")
    run("checkpoint_ledger")
    entry = run("prove_decision", str(decision.pk), entry=True)
    proof = InclusionProof.parse(run("prove_decision", str(decision.pk)))
    assert proof.verify(entry.encode(), [VerifierKey.parse(VERIFIER)]).size == 7
    assert json.loads(entry)["task"] == "triage"


def test_bundle__of_a_decision__is_proved_and_fits_together(evidence: Path) -> None:
    names = sorted(path.stem for path in evidence.glob("*.json"))
    assert names == [
        "amendment-1", "checkpoint", "decision", "outcome-1", "outcome-2", "proposal", "proposal_event-1",
        "proposal_event-2", "proposal_event-3", "revision", "void-1",
    ]  # fmt: skip
    checked = check(evidence)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "All 11 entries are proved and fit together." in checked.stdout
    assert "allow (allowed), 2 outcomes, origin gate" in checked.stdout
    assert re.search(r"  approve: \S+", checked.stdout)
    assert "logged after the checkpoint of size 0" in checked.stdout


def test_bundle__of_a_revision__says_who_approved_it_on_which_evidence(tmp_path: Path) -> None:
    revision = applied(WorkspaceFactory(slug="acme"))
    run("checkpoint_ledger")
    run("prove_revision", "acme", revision.policy_key, str(revision.version), directory=tmp_path)
    checked = check(tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert f"evidence {revision.proposal.evidence_sha256}" in checked.stdout
    for event in revision.proposal.events.all():
        assert f"{event.verb}: {event.actor_name or 'the system'}" in checked.stdout
    proof = InclusionProof.parse(run("prove_revision", "acme", revision.policy_key, str(revision.version)))
    assert str(proof) == (tmp_path / "revision.tlog-proof").read_text("utf-8")
    with pytest.raises(CommandError, match="no revision"):
        run("prove_revision", "acme", revision.policy_key, "99")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("decision", b'"allow"', b'"block"'),
        ("outcome-1", b'"success":true', b'"success":false'),
        ("amendment-1", b'"field":"prompt_hash"', b'"field":"prompt_hush"'),
        ("revision", b'"version":1', b'"version":2'),
        ("proposal", b'"evidence":"', b'"evidence":" '),
        ("proposal_event-2", b'"verb":"approve"', b'"verb":"reject"'),
        ("checkpoint", b'"tree_size":0', b'"tree_size":1'),
    ],
)
def test_bundle__entry_that_was_changed__is_named(evidence: Path, name: str, before: bytes, after: bytes) -> None:
    entry = evidence / f"{name}.json"
    assert before in entry.read_bytes()
    entry.write_bytes(entry.read_bytes().replace(before, after))
    assert refusal(evidence).startswith(f"{name}.json is not what the log holds")


def test_bundle__proof_of_another_size_or_key__is_not_convincing(evidence: Path) -> None:
    other = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    assert refusal(evidence, key=other) == "EnochRoot has not signed the checkpoint"
    proof = evidence / "decision.tlog-proof"
    size = int(proof.read_text("utf-8").split("\n\n")[1].split("\n")[1])
    proof.write_text(proof.read_text("utf-8").replace(f"\n{size}\n", f"\n{size + 1}\n"), "utf-8")
    assert refusal(evidence) == "PeterNeumann has not signed the checkpoint"


def test_bundle__entries_of_another_decision__do_not_fit(evidence: Path, tmp_path: Path) -> None:
    other = DecisionOutcomeFactory(decision__timestamp=timezone.now(), recorded_at=timezone.now()).decision
    run("checkpoint_ledger")
    ours = json.loads((evidence / "decision.json").read_bytes())["decision_id"]
    for decision_id, folder in ((ours, evidence), (str(other.pk), tmp_path / "other")):
        run("prove_decision", decision_id, directory=folder)
    for suffix in (".json", ".tlog-proof"):
        (evidence / f"outcome-1{suffix}").write_bytes((tmp_path / "other" / f"outcome-1{suffix}").read_bytes())
    assert refusal(evidence) == "outcome-1 is of another decision"


def test_bundle__transition_left_out__is_missed(evidence: Path) -> None:
    (evidence / "proposal_event-2.json").unlink()
    assert refusal(evidence) == "a transition of the proposal is missing"


def test_bundle__decision_that_was_backdated__is_named(tmp_path: Path) -> None:
    DecisionRecordFactory()
    run("checkpoint_ledger")
    slipped = DecisionRecordFactory(timestamp=timezone.now() - timedelta(days=20))
    run("checkpoint_ledger")
    run("prove_decision", str(slipped.pk), directory=tmp_path)
    assert refusal(tmp_path).endswith("does not hold it: backdated")
    assert check(tmp_path, VERIFIER, "--tolerance", str(21 * 24 * 60)).returncode == 0


def test_bundle__checkpoint_that_was_kept__is_an_earlier_state_of_the_log(evidence: Path, tmp_path: Path) -> None:
    sizes = list(Checkpoint.objects.order_by("tree_size").values_list("tree_size", "note"))
    kept, proof = tmp_path / "kept", tmp_path / "proof"
    kept.write_text(sizes[1][1], "utf-8")
    proof.write_text(run("checkpoint_ledger", consistency_from=sizes[1][0]), "utf-8")
    assert "gives the proof" in refusal(evidence, "--kept", str(kept))
    checked = check(evidence, VERIFIER, "--kept", str(kept), "--consistency", str(proof))
    assert f"kept: the log of {sizes[1][0]} leaves only grew" in checked.stdout
    forged = SignerKey.parse(SIGNER).sign(TreeHead("PeterNeumann", sizes[1][0], bytes(32)).text)
    kept.write_text(forged, "utf-8")
    told = refusal(evidence, "--kept", str(kept), "--consistency", str(proof))
    assert told == "kept: the log did not only grow since"


def test_bundle__witnesses__are_counted(settings: Any, tmp_path: Path) -> None:
    with witness("ada.example/w", VERIFIER) as ada, witness("ben.example/w", VERIFIER) as ben:
        settings.CONFIDENCE_LOG_WITNESSES = [ada.configured]
        decision = DecisionRecordFactory()
        run("checkpoint_ledger")
        run("prove_decision", str(decision.pk), directory=tmp_path)
    assert ", 1 witnesses" in check(tmp_path, VERIFIER, "--witness", ada.verifier_key).stdout
    both = ("--witness", ada.verifier_key, "--witness", ben.verifier_key)
    assert refusal(tmp_path, *both) == "1 of 2 witnesses cosigned the checkpoint"
    assert check(tmp_path, VERIFIER, *both, "--needed", "1").returncode == 0


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
