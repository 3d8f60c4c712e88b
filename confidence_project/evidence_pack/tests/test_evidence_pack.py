"""What is in a pack, and that a program which knows nothing of ours finds out whatever was changed in it."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from confidence_project.evidence_pack.clauses import read_clauses
from confidence_project.evidence_pack.tests.scene import SEED, check, furnish, pack, refusal, seal_again, unpacked
from governance.models import Workspace
from governance.tests.callers import Caller
from governance.tests.factories import KEY, WorkspaceFactory
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.transparency.notes import SignerKey

pytestmark = pytest.mark.django_db

PRIVATE = "The customer wrote that she was ill"


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


@pytest.fixture(scope="module")
def workspace(module_db: None) -> Workspace:
    workspace = WorkspaceFactory(slug="acme", name="Acme")
    with override_settings(CONFIDENCE_LOG_KEY=SIGNER):
        DecisionRecordFactory(workspace=WorkspaceFactory())
        run("checkpoint_ledger")
        furnish(workspace)
        said = llm_decision(risk_summary=PRIVATE, likely_root_cause=PRIVATE)
        assert Caller(workspace).post("decisions", envelope(policy_key=KEY, decision=said)).status_code == 201
        run("checkpoint_ledger")
    return workspace


@pytest.fixture(scope="module")
def archive(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with override_settings(CONFIDENCE_LOG_KEY=SIGNER):
        return pack(workspace, tmp_path_factory.mktemp("packs") / "pack.zip")


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Path:
    return unpacked(archive, tmp_path / "pack")


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    return rows


def change(file: Path, edit: Callable[[list[dict[str, Any]]], object]) -> None:
    rows = json.loads(file.read_text("utf-8"))
    edit(rows)
    file.write_text(json.dumps(rows), "utf-8")


def test_pack__fresh__is_proved_by_a_program_of_its_own(archive: Path, folder: Path) -> None:
    checked = check(archive)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"10 of 41 decisions are those that the seed {SEED} picks" in checked.stdout
    assert "5 steps towards 2 versions" in checked.stdout
    assert "leaves only grew" in checked.stdout
    assert checked.stdout.endswith("The pack is signed, and everything in it that can be proved is proved.\n")
    assert check(folder).returncode == 0
    assert (folder / "verify_bundle.py").exists()
    coreutils = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert coreutils.returncode == 0


def test_pack__same_question_about_the_same_log__gives_the_same_bytes(
    archive: Path, workspace: Workspace, tmp_path: Path
) -> None:
    assert pack(workspace, tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert pack(workspace, tmp_path / "other.zip", seed="another").read_bytes() != archive.read_bytes()


def test_pack__who_decided__is_named_with_the_certificate(folder: Path) -> None:
    by = {(each["version"], each["step"]): each["by"] for each in table(folder, "approvals")}
    assert by[1, "apply"] == by[1, "proposal applied"] == "applier"
    assert by[1, "approve"] not in ("", "applier")
    assert by[1, "open"] == ""
    (certificate,) = table(folder, "certificates")
    assert certificate["sentence"].startswith("Raising “least confidence that is allowed” from 0.9 to 0.95")
    assert (certificate["target_failure_rate"], certificate["risk_confidence"]) == (0.05, 0.95)
    values = {(each["version"], each["field"], bool(each["segment"])): each for each in table(folder, "thresholds")}
    assert values[1, "confidence_threshold", True]["value"] == 0.95
    assert [key for key, each in values.items() if each["certified"]] == [(1, "confidence_threshold", True)]
    assert len(list((folder / "pictures").glob("*.svg"))) == 4


def test_pack__outcomes__stand_against_the_promise_with_an_interval(folder: Path) -> None:
    row = next(each for each in table(folder, "outcomes") if each["version"] == 1)
    assert (row["labelled"], row["failures"], row["promised"], row["interval_lies"]) == (30, 2, 0.05, "open")
    # R: binom.test(2, 30)$conf.int
    assert (row["low"], row["high"]) == pytest.approx((0.008178, 0.220735), abs=1e-6)
    labels = {each["gate_verdict"]: each for each in table(folder, "labels")}
    assert (labels["allow"]["labelled"], labels["block"]["labelled"]) == (30, 1)
    assert (labels["block"]["drawn"], labels["block"]["reviewed"]) == (5, 1)
    assert table(folder, "reviewers")[0] | {"share": 0} == {
        "reporter": "reviewer", "reviewed": 31, "allowed_and_wrong": 2, "blocked_and_right": 1, "share": 0,
    }  # fmt: skip
    assert (folder / "overrides.csv").read_text("utf-8").count("reviewer") == 4  # one is the head of a column
    (audit,) = table(folder, "audits")
    assert audit["rate"] == 0.2
    assert table(folder, "retention")[0]["kept"] == "400 days, then in archives"
    (hold,) = (each for each in table(folder, "holds") if each["what"] == "Legal hold")
    assert (hold["reason"], hold["until"]) == ("To be sure.", None)
    assert table(folder, "removals") == []
    (switch,) = table(folder, "incidents")
    assert (switch["what"], switch["reason"]) == ("Kill switch", "To be sure.")


def test_pack__sample__is_what_the_rule_picks(folder: Path, workspace: Workspace) -> None:
    ids = map(
        str,
        DecisionRecord.objects.filter(workspace=workspace, policy_key=KEY, origin="gate").values_list("pk", flat=True),
    )
    ranked = sorted(ids, key=lambda each: hashlib.sha256(f"{SEED}:{each}".encode()).hexdigest())
    assert [each["decision_id"] for each in table(folder, "sample")] == ranked[:10]


def test_pack__no_private_text__is_in_it(workspace: Workspace, tmp_path: Path) -> None:
    whole = unpacked(pack(workspace, tmp_path / "whole.zip", decisions=1_000), tmp_path / "whole")
    files = [each for each in whole.rglob("*") if each.is_file()]
    assert len(list(whole.glob("proofs/decision-*"))) == 41
    assert not [each for each in files if PRIVATE.encode() in each.read_bytes()]


def test_pack__page__needs_no_other_file_and_no_script(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")
    assert "<script" not in page
    assert not re.findall(r'(?:src|srcset)="(?!data:)', page)
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert links
    assert [each for each in links if not (folder / each).exists()] == []
    assert page.count("<img ") == page.count('alt="Version 1') == 2


def test_clauses__each__leads_to_files_that_the_pack_has(folder: Path) -> None:
    clauses = [(framework.name, clause) for framework in read_clauses().frameworks for clause in framework.clauses]
    assert [(name, each.clause) for name, each in clauses for file in each.files if not (folder / file).exists()] == []
    said = {(each["framework"], each["clause"]) for each in table(folder, "clauses")}
    assert said == {(name, each.clause) for name, each in clauses}
    assert {f"Article {number}" for number in (9, 12, 14, 19, 26)} <= {clause for _, clause in said}
    assert {name.split(",")[0].split(":")[0].split(" of ")[0] for name, _ in said} == {
        "EU AI Act", "ISO/IEC 42001", "NIST AI Risk Management Framework 1.0 (AI 100-1)", "Federal Reserve SR 26-2",
    }  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [
        "index.html", "pack.json", "approvals.csv", "overrides.csv", "verify_bundle.py", "pictures/*.svg",
        "proofs/decision-*/decision.json", "proofs/version-1/proposal_event-2.tlog-proof", "checkpoints/*.checkpoint",
    ],
)  # fmt: skip
def test_check__a_byte_that_was_changed__is_named_by_its_file(folder: Path, pattern: str) -> None:
    file = sorted(folder.glob(pattern))[0]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert refusal(folder) == f"{file.relative_to(folder).as_posix()} is not what SHA256SUMS says"


def test_check__files_that_are_missing_or_too_many__are_named(folder: Path) -> None:
    (folder / "incidents.csv").rename(folder / "accidents.csv")
    assert refusal(folder) == "accidents.csv is not in SHA256SUMS"
    (folder / "accidents.csv").unlink()
    assert refusal(folder) == "incidents.csv is missing"


def test_check__hashes_that_somebody_else_wrote__are_not_signed(folder: Path) -> None:
    (folder / "incidents.csv").write_text("none\n", "utf-8")
    note = (folder / "SHA256SUMS.note").read_bytes()
    seal_again(folder, SignerKey.parse(SIGNER))
    (folder / "SHA256SUMS.note").write_bytes(note)
    assert refusal(folder) == "SHA256SUMS.note: what PeterNeumann signed is not this SHA256SUMS"
    seal_again(folder, SignerKey.generate("PeterNeumann"))
    assert refusal(folder) == "SHA256SUMS.note: PeterNeumann has not signed it"
    (folder / "SHA256SUMS.note").unlink()
    assert refusal(folder) == "SHA256SUMS.note is missing"


def test_check__whoever_signs__cannot_swap_decisions_or_approvals(archive: Path, tmp_path: Path) -> None:
    """The operator has the key, and so may seal anything; what the log holds is out of reach."""

    def told(name: str, forge: Callable[[Path], object]) -> str:
        folder = unpacked(archive, tmp_path / name)
        forge(folder)
        seal_again(folder, SignerKey.parse(SIGNER))
        return refusal(folder)

    rows = table(unpacked(archive, tmp_path / "sound"), "sample")
    first, second = (each["decision_id"] for each in rows[:2])

    def swap(folder: Path) -> None:
        one, other = (folder / "proofs" / f"decision-{each}" for each in (first, second))
        one.rename(folder / "aside")
        other.rename(one)
        (folder / "aside").rename(other)

    assert told("swap", swap).startswith(f"decision-{first}: sample.json says something else of decision_id")
    assert told("order", lambda folder: change(folder / "sample.json", lambda rows: rows.reverse())).startswith(
        "sample.json: the seed does not pick"
    )
    dropped = told("drop", lambda folder: change(folder / "sample.json", lambda rows: rows.pop()))
    assert dropped == "sample.json: it has 9 decisions, and not 10"
    verdict = told("verdict", lambda folder: change(folder / "sample.json", lambda rows: rows[0].update(verdict="x")))
    assert verdict == f"decision-{first}: sample.json says something else of verdict"
    unproved = told("bare", lambda folder: change(folder / "sample.json", lambda rows: rows[0].update(proof=[])))
    assert unproved.startswith(f"decision-{first}: it has no proof")

    def approver(rows: list[dict[str, Any]]) -> None:
        next(each for each in rows if each["step"] == "approve")["by"] = "somebody"

    forged = told("approver", lambda folder: change(folder / "approvals.json", approver))
    assert forged == "version-1: approvals.json tells “approve” otherwise"
    lower = told("value", lambda folder: change(folder / "thresholds.json", lambda rows: rows[-1].update(value=0.1)))
    assert lower == "version-1: thresholds.json says something else of confidence_threshold"
    fewer = told("fewer", lambda folder: change(folder / "thresholds.json", lambda rows: rows.pop()))
    assert fewer == lower
    untold = told("untold", lambda folder: change(folder / "approvals.json", lambda rows: rows.clear()))
    assert untold == f"decision-{first}: nothing is said of the version that it was made under"
    entry = "proofs/version-1/proposal_event-2.json"
    changed = told("entry", lambda folder: (folder / entry).write_bytes(b"{}"))
    assert changed.startswith("version-1: proposal_event-2.json is not what the log holds at")


def test_check__without_the_key__says_that_nobody_vouches(archive: Path) -> None:
    checked = check(archive, "--tolerance=15")
    assert checked.returncode == 2
    assert checked.stderr.startswith("NOT PROVED: it fits together, but")


def test_check__another_log__is_refused(archive: Path) -> None:
    other = str(SignerKey.generate("EnochRoot").verifier)
    assert refusal(archive, other) == "SHA256SUMS.note: EnochRoot has not signed it"
    assert check(archive, VERIFIER).returncode == 0


def test_pack__row_that_was_changed_behind_the_triggers__has_no_proof_and_is_named(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    first = table(folder, "sample")[0]["decision_id"]
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET model = 'other' WHERE task = '' AND policy_key = %s", [KEY])
    path = pack(workspace, tmp_path / "tampered.zip")
    assert "no proof" in (unpacked(path, tmp_path / "tampered") / "index.html").read_text("utf-8")
    assert refusal(path).startswith(f"decision-{first}: it has no proof: The decision is not what was logged")
