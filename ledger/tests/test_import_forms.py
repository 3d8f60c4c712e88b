"""Exports of the tools that people have, as the tools wrote them: each is read by its form, and by nothing guessed.

`exports/` holds what each tool wrote of four decisions: .93 was right, .71 was wrong, nobody looked at .55, and over
.88 two people disagree (in MLflow the second overrides the first). Times were moved, names of machines removed.

| files | written by |
| --- | --- |
| argilla | argilla 2.8.0, `JsonIO.to_json` of records made in memory |
| label_studio | a server, label-studio 1.23.2: its export as JSON and CSV |
| langfuse | the export code of Langfuse 4.16.0, its CSV and JSON transforms, fed with rows of its types |
| langfuse_api | langfuse 5.0.4, `model_dump_json` of what `scores.get_many` read from a stand-in server |
| langsmith | langsmith 0.15.1, `model_dump_json` of what `list_runs` and `list_feedback` read from a stand-in server |
| mlflow | mlflow 3.17.2 on SQLite: `search_traces().to_json(orient="records", lines=True)` |
| phoenix | a server, arize-phoenix 20.26.1, read with arize-phoenix-client 3.5.0 |
| promptfoo | promptfoo 0.121.20: `eval -o results.json`; there a fourth case is an error of the provider |
"""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.imports.forms import FORMS
from ledger.models import DecisionImport, DecisionOutcome, DecisionRecord
from ledger.tests.imports import import_file

pytestmark = pytest.mark.django_db

EXPORTS = Path(__file__).parent / "exports"
DISPUTED = "different values stand where the mapping looks for one"
NO_CONFIDENCE = "confidence is missing"
RIGHT, WRONG, NOBODY = ("0.9300", True), ("0.7100", False), ("0.5500", None)


@dataclass(frozen=True)
class Case:
    """An export, what its form does not find in it, and what it holds: by id, and why records are rejected."""

    file: str
    form: str
    options: dict[str, Any]
    decisions: dict[str, tuple[str, bool | None]]
    rejected: list[str]
    first: str
    """When the first of the decisions was made, that with .93."""
    model: str = "acme-1"


LANGFUSE = {"score-1-confidence": RIGHT, "score-2-confidence": WRONG, "score-3-confidence": NOBODY}
OBSERVED = {"obs-1": RIGHT, "obs-2": WRONG, "obs-3": NOBODY}
RUNS = {f"00000000-0000-0000-0000-00000000000{n}": each for n, each in enumerate((RIGHT, WRONG, NOBODY), start=1)}
SPANS = {"4a6cf07337f50a03": RIGHT, "b643bd771a959dff": WRONG, "e12b99461372bb99": NOBODY}
ACME, MODEL = {"provider": "acme"}, {"provider": "acme", "model": "acme-1"}

CASES = [
    Case(
        "argilla.json", "argilla", ACME, {"ticket-1": RIGHT, "ticket-2": WRONG, "ticket-3": NOBODY},
        [DISPUTED], "2026-11-02T08:01:00Z", model="intent-2",
    ),
    # Its JSON holds the prediction of a task in the annotations alone; the fifth task was skipped.
    Case(
        "label_studio.json", "label-studio", ACME, {"1": RIGHT, "2": WRONG, "5": ("0.8100", None)},
        [NO_CONFIDENCE, DISPUTED], "2026-11-02T08:56:02.592069Z", model="intent-2",
    ),
    Case(
        "langfuse_scores.csv", "langfuse-scores", ACME, LANGFUSE, [DISPUTED, NO_CONFIDENCE], "2026-11-02T08:01:00Z",
    ),
    Case(
        "langfuse_scores.json", "langfuse-scores", ACME, LANGFUSE, [DISPUTED, NO_CONFIDENCE], "2026-11-02T08:01:00Z",
    ),
    Case("langfuse_api.jsonl", "langfuse-scores", ACME, LANGFUSE, [DISPUTED], "2026-11-02T08:01:00Z"),
    Case("langfuse_observations.csv", "langfuse-observations", ACME, OBSERVED, [DISPUTED], "2026-11-02T08:01:00Z"),
    Case("langfuse_observations.json", "langfuse-observations", ACME, OBSERVED, [DISPUTED], "2026-11-02T08:01:00Z"),
    Case("langfuse_events.csv", "langfuse-events", ACME, OBSERVED, [DISPUTED], "2026-11-02T08:01:00Z"),
    Case("langsmith_runs.jsonl", "langsmith-runs", {}, RUNS, ["success must be 1"], "2026-11-02T08:01:00Z"),
    Case("langsmith_feedback.jsonl", "langsmith-feedback", MODEL, RUNS, [DISPUTED], "2026-11-02T08:01:00Z"),
    Case(
        "mlflow.jsonl", "mlflow", {},
        {
            "tr-1ca30699cd62a0e4a66758d8b9778034": RIGHT,
            "tr-d8948c64bc894700f18f567af8f23d57": WRONG,
            "tr-e8158b50f51a66442c6314459e53e0c5": NOBODY,
            # Overridden: what held before is marked as not valid.
            "tr-974cb5533fe258c0eb96593f811f2f4d": ("0.8800", False),
        },
        [], "2026-11-02T08:56:52.949Z",
    ),
    Case("phoenix_annotations.csv", "phoenix-annotations", MODEL, SPANS, [DISPUTED], "2026-11-02T08:46:23Z"),
    Case("phoenix_annotations.jsonl", "phoenix-annotations", MODEL, SPANS, [DISPUTED], "2026-11-02T08:46:23Z"),
    # Joined by whoever exports, who says which of two labels rules.
    Case(
        "phoenix_spans.jsonl", "phoenix-spans", {}, SPANS | {"da618f4ba17f79ca": ("0.8800", True)},
        [], "2026-11-02T08:46:20.465Z",
    ),
    Case(
        "promptfoo.json", "promptfoo", ACME | {"decided_at": "2026-11-02T08:00:00Z"},
        {
            "b33a7551-007d-43e0-9b2f-88ea2ac1285b": RIGHT,
            "93b59eb1-bcee-4291-a59b-6052dbfcda34": WRONG,
            "352211a2-7504-4edb-a34e-1b0a443830ce": ("0.5500", True),
        },
        [NO_CONFIDENCE], "2026-11-02T08:00:00Z", model="file://provider.js",
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def stored() -> dict[str, tuple[str, bool | None]]:
    """Every decision by the tool's id: its confidence, and its only label."""
    labels = dict(DecisionOutcome.objects.values_list("decision_id", "success"))
    return {
        each.external_id: (f"{each.llm_confidence:.4f}", labels.get(each.pk)) for each in DecisionRecord.objects.all()
    }


def take(path: Path, form: str, **options: Any) -> list[str]:
    """Import a file by a form; return what was said of the rejected records."""
    errors: list[str] = []
    given = {"form": form, "task": "triage", "rejects": path.parent / "rejects.txt", **options}
    with suppress(CommandError):
        import_file(path, errors=errors, **given)
    return errors


def copied(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes((EXPORTS / name).read_bytes())
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_form__an_export_as_the_tool_wrote_it__is_exactly_these_decisions(tmp_path: Path, case: Case) -> None:
    errors = take(copied(tmp_path, case.file), case.form, **case.options)
    assert stored() == case.decisions
    assert [reason for reason, said in zip(case.rejected, errors, strict=True) if reason not in said] == []
    assert {(each.provider, each.model) for each in DecisionRecord.objects.all()} == {("acme", case.model)}
    first = DecisionRecord.objects.get(llm_confidence=Decimal("0.93"))
    assert first.occurred_at == datetime.fromisoformat(case.first)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_form__once_more__changes_nothing(tmp_path: Path, case: Case) -> None:
    path = copied(tmp_path, case.file)
    take(path, case.form, **case.options)
    take(path, case.form, **case.options)
    assert stored() == case.decisions


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_preview__an_export__names_its_form_and_stores_nothing(tmp_path: Path, case: Case) -> None:
    said = import_file(copied(tmp_path, case.file), preview=True)
    assert f"say --form {case.form}." in said
    assert not DecisionRecord.objects.exists()


def test_every_form__has_an_export_that_is_read_by_it() -> None:
    assert {case.form for case in CASES} == {*FORMS}


def test_every_form__is_in_the_handbook() -> None:
    page = (settings.BASE_DIR / "docs" / "import.md").read_text()
    assert [name for name in FORMS if f"\n| `{name}` |" not in page] == []


def test_preview__a_file_of_no_tool__is_told_no_form(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"id": "a", "name": "b", "score": 0.5, "run_id": "c"}) + "\n")
    assert "--form" not in import_file(path, preview=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_certify__an_export__counts_the_same_labels(tmp_path: Path, case: Case) -> None:
    output = StringIO()
    call_command("certify", str(copied(tmp_path, case.file)), form=case.form, json=True, stdout=output)
    found = json.loads(output.getvalue())
    labels = [label for _, label in case.decisions.values() if label is not None]
    assert sum(each["labelled"] for each in found["certificates"]) == len(labels)
    assert sum(each["successes"] for each in found["certificates"]) == sum(labels)
    assert found["unlabelled"] == len(case.decisions) - len(labels)


# What a form looks for, and what options say otherwise.


def test_form__options_go_over_it(tmp_path: Path) -> None:
    places = "confidence=namedScores.confidence,success=namedScores.correctness,model=provider.label"
    path = copied(tmp_path, "promptfoo.json")
    take(path, "promptfoo", column=places, provider="acme", decided_at="2026-11-02T08:00:00Z")
    assert {*stored().values()} == {RIGHT, WRONG, ("0.5500", True)}
    assert {each.model for each in DecisionRecord.objects.all()} == {"acme-1"}


def test_form__an_option_for_the_whole_file__takes_the_place_of_a_column(tmp_path: Path) -> None:
    take(copied(tmp_path, "langsmith_runs.jsonl"), "langsmith-runs", model="fine-tuned")
    assert {each.model for each in DecisionRecord.objects.all()} == {"fine-tuned"}


def test_form__people_who_disagree__are_read_when_one_of_them_is_picked(tmp_path: Path) -> None:
    rule = "annotations.prediction.result.value.choices=@annotations.-1.result.value.choices"
    take(copied(tmp_path, "label_studio.json"), "label-studio", provider="acme", success_when=rule)
    assert stored()["4"] == ("0.8800", False)


def test_form__what_it_looks_for_is_nowhere__refuses_the_file_and_names_the_place(tmp_path: Path) -> None:
    path = copied(tmp_path, "langsmith_feedback.jsonl")
    path.write_text(path.read_text().replace("correctness", "helpfulness"))
    with pytest.raises(CommandError, match=r"No record has anything for success at correctness.score\..*--column"):
        import_file(path, form="langsmith-feedback", **MODEL, task="triage")
    assert not DecisionRecord.objects.exists()
    take(path, "langsmith-feedback", column="success=helpfulness.score", **MODEL)
    assert stored() == RUNS


def test_form__what_no_record_can_say__is_asked_for_at_once(tmp_path: Path) -> None:
    errors: list[str] = []
    said = r"anything for provider at provider, for decided_at at decided_at\..*: --provider, --decided-at"
    with pytest.raises(CommandError, match=said):
        import_file(copied(tmp_path, "promptfoo.json"), errors=errors, form="promptfoo", task="triage")
    assert not errors


def test_form__saved_as_a_mapping__is_used_again(tmp_path: Path) -> None:
    path = copied(tmp_path, "langsmith_runs.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    import_file(path, form="langsmith-runs", save_mapping="runs", task="triage")
    path.write_text("".join([lines[1], lines[3].replace("0.5", "1.0")]))
    assert "1 imported (0 of them unlabelled), 1 unchanged" in import_file(path, mapping="runs")
    with pytest.raises(CommandError, match="give one of them"):
        import_file(path, mapping="runs", form="langsmith-runs")


def test_form__rejects__are_imported_by_it_once_they_are_mended(tmp_path: Path) -> None:
    take(copied(tmp_path, "langfuse_scores.csv"), "langfuse-scores", **ACME)
    rejects = tmp_path / "rejects.txt"
    kept = [row for row in csv.DictReader(io.StringIO(rejects.read_text())) if row["id"] != "score-4-correctness-b"]
    mended = tmp_path / "mended.csv"
    with mended.open("w", newline="") as file:
        writer = csv.DictWriter(file, kept[0])
        writer.writeheader()
        writer.writerows(kept)
    take(mended, "langfuse-scores", **ACME)
    assert stored() == LANGFUSE | {"score-4-confidence": ("0.8800", True)}


def test_form__what_it_declares__is_kept_with_the_import(tmp_path: Path) -> None:
    take(copied(tmp_path, "langsmith_feedback.jsonl"), "langsmith-feedback", **MODEL)
    kept = DecisionImport.objects.get().mapping
    assert (kept["pivot_by"], kept["pivot_names"], kept["times"]) == (["run_id"], "key", "utc")


def test_label_studio__rows_of_its_csv__need_the_confidence_among_the_data(tmp_path: Path) -> None:
    path = copied(tmp_path, "label_studio.csv")
    path.write_text(path.read_text().replace('"text"', '"predicted"').replace('Parcel, ""wet""\none', "refund"))
    options = {"column": "external_id=id,decided_at=updated_at", "success_when": "intent=@predicted"}
    errors: list[str] = []
    with pytest.raises(CommandError, match="rows were rejected"):
        import_file(path, errors=errors, **MODEL, task="triage", ignore_unknown=True, **options)
    assert stored()["1"] == RIGHT
    assert any("another record with this external_id exists" in error for error in errors)
