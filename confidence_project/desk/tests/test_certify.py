"""`manage.py certify FILE`: a threshold with its sentence from a labelled file, with no database at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from calibration.statistics.thresholds import recommend_threshold

COUNTS = {0.99: (496, 4), 0.95: (290, 10), 0.8: (160, 40), 0.6: (60, 40)}
"""Successes and failures by confidence: at and above 0.95, 14 of 800 failed."""


def labelled(folder: Path, counts: dict[float, tuple[int, int]] = COUNTS, *, blank: int = 0) -> Path:
    path = folder / "labels.csv"
    rows = [f"{c},{int(i < won)}" for c, (won, lost) in counts.items() for i in range(won + lost)]
    path.write_text("\n".join(["confidence,success", *rows, *["0.7,"] * blank]) + "\n", "utf-8")
    return path


def said(path: Path, **options: Any) -> str:
    output = StringIO()
    call_command("certify", str(path), stdout=output, stderr=StringIO(), **options)
    return output.getvalue()


def found(path: Path, **options: Any) -> dict[str, Any]:
    (certificate,) = json.loads(said(path, json=True, **options))["certificates"]
    return certificate


def test_certify__labelled_whole__is_what_the_statistics_certify(tmp_path: Path) -> None:
    certificate = found(labelled(tmp_path))
    n = [won + lost for won, lost in COUNTS.values()]
    expected = recommend_threshold(list(COUNTS), n, [won for won, _ in COUNTS.values()], alpha=0.05, delta=0.05)
    assert certificate["threshold"] == expected.threshold == 0.95
    assert (certificate["labelled"], certificate["successes"]) == (1100, 1006)
    assert "14 of 800 labelled decisions failed" in certificate["figures"]
    assert certificate["statement"]
    assert "\nevery decision: Allow at or above 0.95.\n" in said(labelled(tmp_path))


def test_certify__names_with_blanks__are_segments_like_others(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("model,confidence,success\n" + "GPT 4o,0.9,1\n/mnt/models,0.9,1\n" * 60, "utf-8")
    assert "GPT 4o" in (text := said(path))
    assert "/mnt/models" in text
    assert "GPT 4o" in said(path, model="unused", provider="Azure OpenAI")


def test_certify__replies_of_a_decision_model__a_threshold_names_the_options_it_was_certified_for(
    tmp_path: Path,
) -> None:
    path, thresholds = tmp_path / "labels.jsonl", tmp_path / "thresholds.json"
    with path.open("w", encoding="utf-8") as lines:
        for others in (["b"], ["b", "c", "d", "e"]):
            for place in range(1_000):
                chance = 0.9 + place % 10 / 100
                rest = {other: (1 - chance) / len(others) for other in others}
                answer = {"type": "choice", "choice": "a", "probabilities": {"a": chance, **rest}}
                reply = {"model": "d-1.2", "answers": {"Wohin damit?": answer}}
                lines.write(json.dumps({"reply": reply, "success": True}) + "\n")
    text = said(path, reply="reply", dialect="system_one", thresholds=thresholds)
    assert "2 options" in text
    assert "5 options" in text
    matches = [each["match"] for each in json.loads(thresholds.read_text())["thresholds"]]
    assert [match["options"][:2] for match in matches] == ["2:", "5:"]
    assert {(match["confidence_kind"], match["model"]) for match in matches} == {("choice_probability", "d-1.2")}


def test_certify__too_few__says_how_many_labels_are_needed(tmp_path: Path) -> None:
    text = said(labelled(tmp_path, {0.9: (20, 0)}))
    assert "No threshold is certified." in text
    assert "at least 59" in text


def test_certify__labels_below_the_threshold_in_force__are_named_with_their_number(tmp_path: Path) -> None:
    path = labelled(tmp_path, {0.9: (1, 0), 0.5: (99, 0)}, blank=1)
    assert "99 of 100 labels lie below the threshold in force, 0.9" in said(path, in_force=0.9)
    assert "do not count" not in said(labelled(tmp_path, {0.9: (1, 0), 0.5: (99, 0)}), in_force=0.9)


def test_certify__files_that_were_asked_for__hold_the_thresholds_and_the_pictures(tmp_path: Path) -> None:
    page, thresholds = tmp_path / "page.html", tmp_path / "thresholds.json"
    said(labelled(tmp_path), html=page, thresholds=thresholds)
    written = json.loads(thresholds.read_text())
    assert written["thresholds"] == [{"match": {"confidence_kind": "unspecified"}, "at_least": 0.95}]
    assert (written["target_failure_rate"], written["risk_confidence"]) == (0.05, 0.95)
    html = page.read_text("utf-8")
    assert html.count("<svg") == 2
    assert "Allow at or above 0.95." in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_certify__columns_of_other_names__are_mapped_as_for_imports(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,ai_conf,verdict\n" + "x,98%,ACCEPT\n" * 100, "utf-8")
    options = {"column": "confidence=ai_conf", "scale": "percent", "success_when": "verdict=ACCEPT"}
    certificate = found(path, **options)
    assert (certificate["threshold"], certificate["labelled"]) == (0.98, 100)


def test_certify__models__are_certified_together(tmp_path: Path) -> None:
    path = tmp_path / "models.csv"
    rows = [f"{model},0.9,1" for model in ("a", "b") for _ in range(80)]
    path.write_text("model,confidence,success\n" + "\n".join(rows), "utf-8")
    both = json.loads(said(path, json=True))["certificates"]
    assert [each["segment"]["model"] for each in both] == ["a", "b"]
    assert {each["delta"] for each in both} == {0.025}


@pytest.mark.parametrize(
    "options", [{"target_failure_rate": 0}, {"risk_confidence": 0.5}, {"in_force": 2}, {"segment": "colour"}]
)
def test_certify__impossible_options__are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        said(labelled(tmp_path), **options)


def test_certify__nothing_readable__is_refused_with_the_reasons(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("confidence,success\nhigh,1\nlow,0\n", "utf-8")
    with pytest.raises(CommandError, match=r"No row could be read.*2 rows: confidence must be a number"):
        said(path)


def test_certify__without_any_database__works(tmp_path: Path) -> None:
    environment = {**os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": f"sqlite:///{tmp_path}/absent/none.sqlite3"}
    command = [sys.executable, "manage.py", "certify", str(labelled(tmp_path))]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    assert "Allow at or above 0.95." in done.stdout
