"""A policy that was calibrated, approved and applied, decisions under it, what people said of them, and incidents."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from calibration.tests.factories import gated, outcome, store
from confidence_project.desk.tests.calibrated import calibrated
from governance.controls.retention import place_legal_hold, set_retention
from governance.controls.services import engage_kill_switch, release_kill_switch, set_audit_sampling
from governance.models import Workspace
from governance.sampling_rates import SamplingRates
from governance.tests.factories import KEY, SuperuserFactory, admin_of
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from ledger.tests.transparency import VERIFIER, run
from ledger.transparency.notes import SignerKey

PROGRAM = Path(settings.BASE_DIR) / "docs" / "verify_bundle.py"
SEED = "auditor-2026"
DECISIONS = 40


def furnish(workspace: Workspace) -> None:
    """Apply what a calibration certified, set controls, and record decisions under it."""
    calibrated(workspace)
    approver = admin_of(workspace)
    proposal = workspace.proposals.get()
    at = {"workspace": workspace, "proposal_id": proposal.pk}
    approve_confidence_policy_proposal(actor=approver, **at, acknowledge_large_step=True)
    revision = apply_confidence_policy_proposal(actor=SuperuserFactory(username="applier"), **at)
    common = {"actor": approver, "workspace": workspace, "policy_key": KEY, "reason": "To be sure."}
    set_audit_sampling(**common, rates=SamplingRates(Decimal("0.2")))
    engage_kill_switch(**common)
    release_kill_switch(**{**common, "reason": "It was a false alarm."})
    del common["policy_key"]
    set_retention(**common, days=400)
    place_legal_hold(**common)
    record(workspace, revision.version)


def record(workspace: Workspace, version: int) -> None:
    """Record decisions of just now: three in four are allowed, and two of them fail; one that was drawn is reviewed."""
    now = timezone.now()
    common = {"timestamp": now, "occurred_at": now, "policy_version": version, "model": "honest"}
    made = [
        gated(
            workspace,
            confidence=0.99 if place % 4 else 0.1,
            case_key=f"case-{place}",
            audit_selected=place % 8 == 0,
            label_propensity=None if place % 4 else "0.2",
            **common,
        )
        for place in range(DECISIONS)
    ]
    of_people = {"source": "human_review", "reporter": "reviewer", "recorded_at": now, "observed_at": now}
    allowed = [each for each in made if each.gate_verdict == "allow"]
    blocked = [each for each in made if each.gate_verdict == "block"]
    labels = [outcome(each, place >= 2, **of_people) for place, each in enumerate(allowed)]
    store(made, [*labels, outcome(blocked[0], True, **of_people)])


def period(since: timedelta = timedelta(days=1)) -> dict[str, datetime]:
    """The days around now."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {"since": today - since, "until": today + timedelta(days=2)}


def pack(workspace: Workspace, path: Path, *, key: str = KEY, seed: str = SEED, decisions: int = 10) -> Path:
    """Make a pack by the command."""
    asked = [f"--{name}={period()[field].isoformat()}" for name, field in (("from", "since"), ("to", "until"))]
    run("evidence_pack", workspace.slug, key, *asked, f"--seed={seed}", f"--decisions={decisions}", f"--output={path}")
    return path


def unpacked(path: Path, folder: Path) -> Path:
    """The folder with what is in a pack."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def check(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program of the documentation as an auditor does: without anything of ours."""
    command = [sys.executable, "-I", str(PROGRAM), str(path), *(arguments or [VERIFIER])]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def refusal(path: Path, *arguments: str) -> str:
    """Why the program refused."""
    checked = check(path, *arguments)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    return checked.stderr.removeprefix("NOT PROVED: ").strip()


def seal_again(folder: Path, signer: SignerKey) -> None:
    """Write hashes and signature of an unpacked pack anew, as somebody does who holds `signer`."""
    files = sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.startswith("SHA256SUMS"))
    lines = [
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.relative_to(folder).as_posix()}" for each in files
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n", "utf-8")
    digest = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    note = signer.sign(f"confidence-evidence-pack/1\nSHA256SUMS {digest}\n")
    (folder / "SHA256SUMS.note").write_text(note, "utf-8")
