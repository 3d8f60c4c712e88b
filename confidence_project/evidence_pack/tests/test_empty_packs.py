"""Packs of nothing, and questions that make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from confidence_project.evidence_pack.tests.scene import check, pack, unpacked
from governance.tests.factories import WorkspaceFactory
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, run

pytestmark = pytest.mark.django_db

SOUND = {"from": "2026-01-01", "to": "2026-02-01", "seed": "s"}


def asked(policy_key: str = "decision_gate", workspace: str = "acme", **options: Any) -> str:
    return run("evidence_pack", workspace, policy_key, *(f"--{name}={x}" for name, x in {**SOUND, **options}.items()))


def test_pack__without_key_decisions_or_calibration__says_so(tmp_path: Path) -> None:
    folder = unpacked(pack(WorkspaceFactory(), tmp_path / "empty.zip", key="decision_gate"), tmp_path / "empty")
    page = (folder / "index.html").read_text("utf-8")
    for said in (
        "This pack is not signed.",
        "Nothing here is proved.",
        "No decision under this policy was recorded in the period.",
        "The defaults of the definition: nothing was calibrated.",
        "No person labelled a decision",
        "No audit sampling was set",
        "no alarm, no switch",
        "for good: no retention period is set",
        "Nothing of the period was removed",
    ):
        assert said in page
    about = json.loads((folder / "pack.json").read_text("utf-8"))
    assert (about["signed_by"], about["log_size"], about["decisions_in_period"]) == (None, None, 0)
    values = json.loads((folder / "thresholds.json").read_text("utf-8"))
    assert {each["field"]: each["value"] for each in values} == {
        "llm_confidence_threshold": 0.6,
        "ml_risk_threshold": 0.7,
    }
    checked = check(folder)
    assert checked.returncode == 2
    assert checked.stderr.startswith("NOT PROVED: it fits together, but no signature")


def test_pack__signed_before_anything_was_logged__vouches_for_no_proof(tmp_path: Path, settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    path = pack(DecisionRecordFactory(policy_key="decision_gate").workspace, tmp_path / "new.zip", key="decision_gate")
    checked = check(path)
    assert "PeterNeumann signed them" in checked.stdout
    assert checked.returncode == 2


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"to": "2025-12-31"}, "The period ends before it begins"),
        ({"from": "2999-01-01", "to": "2999-02-01"}, "The period lies in the future"),
        ({"policy_key": "no.such.policy"}, "The policy key is not registered"),
        ({"workspace": "nobody"}, "There is no workspace of this slug"),
        ({"seed": ""}, "The seed is 1 to 100 letters"),
        ({"from": "yesterday"}, "give a date"),
        ({"seed": "the one that suits me"}, "The seed is 1 to 100 letters"),
        ({"decisions": 1_001}, "The number of decisions to draw lies between 0 and 1,000"),
    ],
)
def test_question__that_makes_no_sense__is_refused_and_leaves_no_file(
    wrong: dict[str, Any], said: str, tmp_path: Path
) -> None:
    WorkspaceFactory(slug="acme")
    with pytest.raises(CommandError, match=said) as refused:
        asked(output=tmp_path / "pack.zip", **wrong)
    assert not [value for value in wrong.values() if len(str(value)) > 4 and str(value) in str(refused.value)]
    assert list(tmp_path.iterdir()) == []


def test_pack__file_that_is_there__is_left_alone(tmp_path: Path) -> None:
    WorkspaceFactory(slug="acme")
    (tmp_path / "pack.zip").write_text("mine")
    with pytest.raises(CommandError, match="choose another"):
        asked(output=tmp_path / "pack.zip")
    assert (tmp_path / "pack.zip").read_text() == "mine"
    with pytest.raises(CommandError, match="cannot be written"):
        asked(output=tmp_path / "no folder" / "pack.zip")
