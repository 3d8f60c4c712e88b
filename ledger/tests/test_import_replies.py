"""Replies of decision models in a file are read by the code that reads them at the door."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest
from django.core.management import CommandError

from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import decide
from ledger.tests.bodies import submission
from ledger.tests.imports import import_file

pytestmark = pytest.mark.django_db
SAID = {"reply": "answer", "dialect": "system_one", "provider": "acme", "policy_key": "confidence_gate"}
ANSWERS = {
    "noul": {"Ist das ein Fall für Ann?": {"type": "noul", "noul": 0.97}},
    "choice": {"route": {"type": "choice", "choice": "a", "probabilities": {"a": 0.9, "b": 0.1}}},
    "refusal": {"route": {"type": "refusal"}},
    "box": {"route": {"type": "box", "confidence": None}},
    "broken": {"route": {"type": "noul", "noul": 7}},
    "several": {"a": {"type": "noul", "noul": 0.9}, "b": {"type": "noul", "noul": 0.9}},
}


@pytest.fixture(autouse=True)
def workspace():
    return WorkspaceFactory(slug="acme")


def reply(name):
    return {"model": "d-1.2", "answers": ANSWERS[name]}


def rows():
    return [
        {"id": name, "answer": reply(name), "success": True, "decided_at": "2026-01-31T09:30:00Z"} for name in ANSWERS
    ]


def file_of(tmp_path, suffix):
    path = tmp_path / f"history.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))
    else:
        text = io.StringIO()
        table = csv.DictWriter(text, list(rows()[0]))
        table.writeheader()
        table.writerows({**row, "answer": json.dumps(row["answer"]), "success": "1"} for row in rows())
        path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_replies__of_a_file__say_what_they_say_at_the_door(tmp_path, workspace, suffix):
    with pytest.raises(CommandError, match="4 rows were rejected"):
        import_file(file_of(tmp_path, suffix), column="external_id=id", **SAID)
    assert {record.external_id for record in DecisionRecord.objects.all()} == {"noul", "choice"}
    for name, confidence in (("noul", "0.97"), ("choice", "0.9")):
        kept = DecisionRecord.objects.get(external_id=name)
        answer = {"dialect": "system_one", "provider": "acme", "response": reply(name)}
        asked = decide(workspace=workspace, submission=submission(decision=None, answer=answer)).record
        for field in ("llm_confidence", "confidence_kind", "model", "task", "options"):
            assert getattr(kept, field) == getattr(asked, field), field
        assert kept.llm_confidence == Decimal(confidence)
    assert "Ann" not in str(list(DecisionRecord.objects.values()))


def test_replies__that_hold_no_answer__say_why_and_no_value(tmp_path):
    errors: list[str] = []
    with pytest.raises(CommandError, match="4 rows were rejected"):
        import_file(file_of(tmp_path, "jsonl"), column="external_id=id", errors=errors, **SAID)
    said = " ".join(errors)
    assert "the reply holds no answer to judge: the model refused or abstained" in said
    assert "a box comes without a confidence" in said
    assert "names no question" in said
    assert "answers.route.noul: Input should be less than or equal to 1" in said


@pytest.mark.parametrize("wrong", [{"dialect": None}, {"reply": None}, {"words": "high=.9"}])
def test_replies__declared_by_half_or_twice__refused(tmp_path, wrong):
    with pytest.raises(CommandError, match="reply"):
        import_file(file_of(tmp_path, "jsonl"), column="external_id=id", **{**SAID, **wrong})
    assert not DecisionRecord.objects.exists()
