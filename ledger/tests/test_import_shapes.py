"""Files as people have them: what is declared of their columns is read, and what nobody declared is refused."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionImport, DecisionOutcome, DecisionRecord, SavedMapping
from ledger.tests.imports import import_file

pytestmark = pytest.mark.django_db

HEADER = "external_id,decided_at,provider,model,task,confidence,success"
CONSTANTS = {"provider": "acme", "model": "acme-1", "task": "triage"}


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def a_file(folder: Path, *lines: str, name: str = "history.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def row(number: int, confidence: str, success: str, at: str | None = None) -> str:
    return f"row-{number},{at or f'2026-11-02T08:0{number}:00Z'},acme,acme-1,triage,{confidence},{success}"


def stored() -> dict[str, tuple[Decimal | None, bool | None]]:
    """Every decision by the host's id: its confidence, and its only label."""
    labels = dict(DecisionOutcome.objects.values_list("decision_id", "success"))
    return {each.external_id: (each.llm_confidence, labels.get(each.pk)) for each in DecisionRecord.objects.all()}


def refused(path: Path, match: str, **options: Any) -> None:
    """The whole file is refused: nothing is stored, no line is named by itself, and no file of rejects is left."""
    errors: list[str] = []
    with pytest.raises(CommandError, match=match):
        import_file(path, errors=errors, **options)
    assert not errors
    assert not DecisionRecord.objects.exists()
    assert not list(path.parent.glob("*.rejects.*"))


# Quoting: the unit is the record of RFC 4180, not the line.

PLANTED = [
    f"{HEADER},note",
    'ticket-1,2026-11-02T08:00:00Z,acme,acme-1,triage,0.41,0,"Parcel arrived wet.',
    "ticket-x,2026-11-02T08:01:00Z,acme,acme-1,triage,0.99,1,please refund",
    'Kind regards"',
    "ticket-2,2026-11-02T08:02:00Z,acme,acme-1,triage,0.95,1,thanks",
]


def test_quoted_line_break__what_stands_in_a_quoted_value__is_no_record(tmp_path: Path) -> None:
    assert "2 imported" in import_file(a_file(tmp_path, *PLANTED), ignore_unknown=True)
    assert stored() == {"ticket-1": (Decimal("0.41"), False), "ticket-2": (Decimal("0.95"), True)}


def test_quoted_line_break__dry_run__counts_the_same(tmp_path: Path) -> None:
    output = import_file(a_file(tmp_path, *PLANTED), ignore_unknown=True, dry_run=True)
    assert output.startswith("2 rows: 2 would be imported (0 of them unlabelled)")


def test_quoted_line_break__bad_record__is_named_by_its_first_line_and_rejected_whole(tmp_path: Path) -> None:
    path = a_file(tmp_path, PLANTED[0], PLANTED[1].replace("0.41", "none"), *PLANTED[2:])
    errors: list[str] = []
    with pytest.raises(CommandError, match="1 rows were rejected"):
        import_file(path, errors=errors, ignore_unknown=True)
    assert errors[0].startswith("line 2: confidence must be a number")
    lines = Path(f"{path}.rejects.csv").read_text("utf-8").splitlines()
    assert lines[1:] == [PLANTED[1].replace("0.41", "none"), *PLANTED[2:4]]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (
            [
                PLANTED[0],
                PLANTED[4],
                PLANTED[1],
                PLANTED[2],
            ],
            "line 3 opens a quote that is never closed",
        ),
        ([PLANTED[0], PLANTED[4].replace("thanks", 'a 6" pizza'), PLANTED[1], "x"], "line 2"),
        ([PLANTED[0], PLANTED[4].replace("thanks", '6" and 7"')], "line 2 has a quote"),
        ([PLANTED[0], PLANTED[4].replace("thanks", '"said"once')], "line 2 has a quote"),
        ([PLANTED[0], PLANTED[4].replace("thanks", "one\rtwo")], "line 2 has a quote or a carriage return"),
    ],
)
def test_broken_quoting__refuses_the_file_and_names_the_line(tmp_path: Path, lines: list[str], where: str) -> None:
    refused(a_file(tmp_path, *lines), where, ignore_unknown=True)


def test_quote_that_never_closes__is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    with path.open("w") as file:
        file.write("\n".join([*PLANTED[:2], ""]))
        for _ in range(40):
            file.write(("x" * 1023 + "\n") * 1024)
    refused(path, "line 2 opens a quote that is not closed within", ignore_unknown=True)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(notes=st.lists(st.text(st.sampled_from('a",\n\r ;x1'), max_size=25), min_size=1, max_size=6))
def test_any_text_in_quotes__plants_nothing_and_hides_nothing(tmp_path: Path, notes: list[str]) -> None:
    quoted = ['"' + note.replace('"', '""') + '"' for note in notes]
    lines = [f"{row(0, '0.5', '1').replace('row-0', f'row-{n}')},{note}" for n, note in enumerate(quoted)]
    path = tmp_path / "history.csv"
    path.write_bytes("\r\n".join([f"{HEADER},note", *lines]).encode())
    output = import_file(path, ignore_unknown=True, dry_run=True)
    assert output.startswith(f"{len(notes)} rows: {len(notes)} would be imported")


# What COPY, pandas and spreadsheets write.


def test_times__full_offsets_in_any_spelling__are_read(tmp_path: Path) -> None:
    times = [
        ("2026-11-02 08:00:00+00", datetime(2026, 11, 2, 8, 0, tzinfo=UTC)),
        ("2026-11-02 13:31:00.25+05:30", datetime(2026, 11, 2, 8, 1, 0, 250_000, tzinfo=UTC)),
        ("2026-11-02 04:32:00-03:30", datetime(2026, 11, 2, 8, 2, tzinfo=UTC)),
        ("2026-11-02T08:03:00+0000", datetime(2026, 11, 2, 8, 3, tzinfo=UTC)),
        ("2026-11-02 13:34:00+0530", datetime(2026, 11, 2, 8, 4, tzinfo=UTC)),
        ("2026-11-02 08:05:00 UTC", datetime(2026, 11, 2, 8, 5, tzinfo=UTC)),
    ]
    path = a_file(tmp_path, HEADER, *(row(n, "0.9", "t", at) for n, (at, _) in enumerate(times)))
    import_file(path)
    found = dict(DecisionRecord.objects.values_list("external_id", "occurred_at"))
    assert found == {f"row-{n}": instant for n, (_, instant) in enumerate(times)}


@pytest.mark.parametrize("time", ["2026-11-02 08:03:00", "2026-11-02 08:04:00 IST", "2026-11-02 08:04:00 CET"])
def test_times__without_a_full_offset__are_rejected(tmp_path: Path, time: str) -> None:
    errors: list[str] = []
    with pytest.raises(CommandError):
        import_file(a_file(tmp_path, HEADER, row(1, "0.9", "1", time)), errors=errors)
    assert errors[0].startswith("line 2: decided_at must be an RFC 3339 time with its offset")


def test_success__as_pandas_writes_a_column_with_gaps(tmp_path: Path) -> None:
    lines = [row(1, "0.9", "1.0"), row(2, "0.9", "0.0"), row(3, "0.9", ""), row(4, "0.9", "0.5")]
    errors: list[str] = []
    with pytest.raises(CommandError, match="1 rows were rejected"):
        import_file(a_file(tmp_path, HEADER, *lines), errors=errors)
    assert {name: label for name, (_, label) in stored().items()} == {"row-1": True, "row-2": False, "row-3": None}
    assert errors[0].startswith("line 5: success must be 1, 0, true or false")


MISSING = [
    row(1, "0.9", "True"),
    row(2, "0.9", "NaN"),
    row(3, "0.9", "None"),
    row(4, "0.9", "N/A"),
    row(5, "0.9", "False"),
]


def test_missing__words_that_are_declared__leave_it_unlabelled(tmp_path: Path) -> None:
    output = import_file(a_file(tmp_path, HEADER, *MISSING), missing="NaN,None,N/A")
    assert "5 imported (3 of them unlabelled)" in output


def test_missing__words_that_are_not__are_rejected_and_the_option_is_named(tmp_path: Path) -> None:
    errors: list[str] = []
    with pytest.raises(CommandError, match="3 rows were rejected"):
        import_file(a_file(tmp_path, HEADER, *MISSING), errors=errors)
    assert all("--missing" in error for error in errors)


WORDS = [
    row(1, "0.9", "yes"),
    row(2, "0.9", "no"),
    row(3, "0.9", "ACCEPT"),
    row(4, "0.9", "REJECT"),
    row(5, "0.9", "EDIT"),
]


def test_success_when__words_that_are_declared__are_labels(tmp_path: Path) -> None:
    path = a_file(tmp_path, HEADER, *WORDS)
    import_file(path, success_when="success=ACCEPT", failure_when="success=REJECT,EDIT")
    assert [label for _, (_, label) in sorted(stored().items())] == [True, False, True, False, False]


def test_success_when__word_that_is_declared_missing__is_unlabelled(tmp_path: Path) -> None:
    path = a_file(tmp_path, HEADER, *WORDS)
    import_file(path, success_when="success=ACCEPT", failure_when="success=REJECT", missing="EDIT")
    assert [label for _, (_, label) in sorted(stored().items())] == [True, False, True, False, None]


@pytest.mark.parametrize("options", [{}, {"success_when": "success=ACCEPT", "failure_when": "success=REJECT"}])
def test_success_when__word_that_nobody_declared__is_rejected(tmp_path: Path, options: dict[str, str]) -> None:
    errors: list[str] = []
    with pytest.raises(CommandError):
        import_file(a_file(tmp_path, HEADER, *WORDS), errors=errors, **options)
    assert errors[-1].startswith("line 6: success")
    assert "--success-when" in errors[-1]


def test_success_when__two_columns_that_agree(tmp_path: Path) -> None:
    lines = ["external_id,decided_at,confidence,predicted,actual"]
    lines += [f"row-{n},2026-11-02T08:00:00Z,0.9,{said},{was}" for n, (said, was) in enumerate(["aa", "ab", ("a", "")])]
    import_file(a_file(tmp_path, *lines), success_when="predicted=@actual", **CONSTANTS)
    assert [label for _, (_, label) in sorted(stored().items())] == [True, False, None]


# Headers and constants.


def test_header__capitals__do_not_matter(tmp_path: Path) -> None:
    header = "External_ID,Decided_At,Provider,Model,Task,Confidence,Success"
    assert "2 imported" in import_file(a_file(tmp_path, header, row(1, "0.93", "1"), row(2, "0.71", "0")))


def test_header__two_columns_that_differ_in_capitals__are_refused(tmp_path: Path) -> None:
    refused(a_file(tmp_path, f"{HEADER},SUCCESS", f"{row(1, '0.9', '1')},1"), "not known|twice")


@pytest.mark.parametrize(("mark", "said", "name"), [(";", ";", "a.csv"), ("\t", "tab", "a.csv"), ("|", "|", "a.csv")])
def test_separator__declared__is_used_and_otherwise_named(tmp_path: Path, mark: str, said: str, name: str) -> None:
    path = a_file(tmp_path, HEADER.replace(",", mark), row(1, "0.93", "1").replace(",", mark), name=name)
    refused(path, "--separator")
    assert "1 imported" in import_file(path, separator=said)


def test_separator__of_a_tsv_file__is_a_tab(tmp_path: Path) -> None:
    path = a_file(tmp_path, HEADER.replace(",", "\t"), row(1, "0.93", "1").replace(",", "\t"), name="history.tsv")
    assert "1 imported" in import_file(path)


def test_separator__of_a_packed_tsv_file__is_a_tab_too(tmp_path: Path) -> None:
    path = tmp_path / "history.tsv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, row(1, "0.93", "1")]).replace(",", "\t").encode()))
    assert "1 imported" in import_file(path)


def test_decimal_comma__declared__is_read_and_otherwise_rejected(tmp_path: Path) -> None:
    lines = [line.replace(",", ";").replace("0.", "0,") for line in (HEADER, row(1, "0.93", "1"), row(2, "0.71", "0"))]
    path = a_file(tmp_path, *lines)
    with pytest.raises(CommandError, match="2 rows were rejected"):
        import_file(path, separator=";")
    import_file(path, separator=";", decimal_comma=True)
    assert {confidence for confidence, _ in stored().values()} == {Decimal("0.93"), Decimal("0.71")}


def test_columns_and_constants__declared__make_a_file_without_them_whole(tmp_path: Path) -> None:
    path = a_file(
        tmp_path, "id,time,score,ok", "row-1,2026-11-02T08:00:00Z,0.93,1", "row-2,2026-11-02T08:01:00Z,0.71,0"
    )
    refused(path, r"--column provider=….*--provider")
    columns = "external_id=id,decided_at=time,confidence=score,success=ok"
    assert "2 imported" in import_file(path, column=columns, **CONSTANTS)
    record = DecisionRecord.objects.get(external_id="row-1")
    assert (record.provider, record.model, record.task) == ("acme", "acme-1", "triage")


def test_column__that_is_not_in_the_file__is_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path, HEADER, row(1, "0.9", "1"))
    refused(path, "not in the file|missing", column="confidence=ai_conf")


# JSON documents.

OBJECTS: list[dict[str, Any]] = [
    {"external_id": f"row-{n}", "decided_at": "2026-11-02T08:00:00Z", **CONSTANTS, "confidence": c, "success": s}
    for n, (c, s) in enumerate([(0.93, True), (0.71, False)])
]


@pytest.mark.parametrize(
    "document",
    [
        OBJECTS,
        {name: [each[name] for each in OBJECTS] for name in OBJECTS[0]},
        {name: {str(n): each[name] for n, each in enumerate(OBJECTS)} for name in OBJECTS[0]},
    ],
    ids=["array", "columns", "pandas"],
)
def test_json__array_or_object_of_columns__is_read(tmp_path: Path, document: object) -> None:
    path = tmp_path / "array.json"
    path.write_text(json.dumps(document, indent=2), "utf-8")
    assert "2 imported" in import_file(path)
    assert stored() == {"row-0": (Decimal("0.93"), True), "row-1": (Decimal("0.71"), False)}


@pytest.mark.parametrize("indent", [None, 2])
def test_json__array_given_as_json_lines__is_refused_once(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "array.json"
    path.write_text(json.dumps(OBJECTS, indent=indent), "utf-8")
    refused(path, "JSON array.*--format json", format="jsonl")


@pytest.mark.parametrize("document", ["{", "7", '{"a": [1], "b": []}', '{"a": 1}'])
def test_json__document_of_another_form__is_refused(tmp_path: Path, document: str) -> None:
    refused(a_file(tmp_path, document, name="array.json"), "JSON document")


def test_parquet__is_read(tmp_path: Path) -> None:
    path = tmp_path / "history.parquet"
    rows = [{**each, "decided_at": datetime(2026, 11, 2, 8, tzinfo=UTC)} for each in OBJECTS]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert "2 imported" in import_file(path)
    assert stored() == {"row-0": (Decimal("0.93"), True), "row-1": (Decimal("0.71"), False)}


def test_parquet__that_is_none__is_refused(tmp_path: Path) -> None:
    refused(a_file(tmp_path, "PAR1 is not enough", name="history.parquet"), "not Parquet")


# Confidences on other scales, as words, as class probabilities.

PERCENT = [row(1, "93", "1"), row(2, "70.5", "0"), row(3, "1", "0"), row(4, "88%", "1")]


@pytest.mark.parametrize("scale", ["100", "percent"])
def test_scale__declared__holds_for_the_column(tmp_path: Path, scale: str) -> None:
    import_file(a_file(tmp_path, HEADER, *PERCENT), scale=scale)
    assert [str(confidence) for _, (confidence, _) in sorted(stored().items())] == [
        "0.9300",
        "0.7050",
        "0.0100",
        "0.8800",
    ]


def test_scale__not_declared__refuses_the_file_wherever_it_shows(tmp_path: Path) -> None:
    refused(a_file(tmp_path, HEADER, *PERCENT[2:3], *[row(5, "0.5", "1")] * 3, *PERCENT[:2]), "line 6 .*--scale")


@pytest.mark.parametrize(
    ("scale", "value", "expected"), [("5", "4", "0.8000"), ("10", "7", "0.7000"), ("1", "0.3", "0.3000")]
)
def test_scale__of_five_or_ten(tmp_path: Path, scale: str, value: str, expected: str) -> None:
    import_file(a_file(tmp_path, HEADER, row(1, value, "1")), scale=scale)
    assert str(DecisionRecord.objects.get().llm_confidence) == expected


def test_words__with_numbers__are_of_a_kind_of_their_own_and_kept_with_the_import(tmp_path: Path) -> None:
    path = a_file(tmp_path, HEADER, row(1, "High", "1"), row(2, "medium", "1"), row(3, "low", "0"))
    import_file(path, words="low=.3,medium=.6,high=.9")
    assert [float(confidence or 0) for _, (confidence, _) in sorted(stored().items())] == [0.9, 0.6, 0.3]
    assert set(DecisionRecord.objects.values_list("confidence_kind", flat=True)) == {"verbal"}
    kept = DecisionImport.objects.get()
    assert kept.mapping["words"] == {"low": 0.3, "medium": 0.6, "high": 0.9}
    assert (kept.imported, kept.rejected) == (3, 0)
    assert kept.finished_at is not None


def test_words__without_numbers__are_rejected_and_the_option_is_named(tmp_path: Path) -> None:
    errors: list[str] = []
    with pytest.raises(CommandError):
        import_file(a_file(tmp_path, HEADER, row(1, "high", "1")), errors=errors)
    assert "--words" in errors[0]


CLASSES = [
    "external_id,decided_at,provider,model,task,p_a,p_b,p_c,predicted,actual",
    "row-1,2026-11-02T08:00:00Z,acme,acme-1,sort,0.80,0.15,0.05,a,a",
    "row-2,2026-11-02T08:01:00Z,acme,acme-1,sort,0.10,0.30,0.60,c,b",
    "row-3,2026-11-02T08:02:00Z,acme,acme-1,sort,0.34,0.33,0.33,a,",
    "row-4,2026-11-02T08:03:00Z,acme,acme-1,sort,0.20,0.70,0.10,a,a",
    "row-5,2026-11-02T08:03:00Z,acme,acme-1,sort,0.80,0.10,0.00,a,a",
]


def test_class_probabilities__the_top_one__is_the_confidence(tmp_path: Path) -> None:
    errors: list[str] = []
    options = {"probability": "a=p_a,b=p_b,c=p_c", "predicted": "predicted", "actual": "actual"}
    with pytest.raises(CommandError, match="2 rows were rejected"):
        import_file(a_file(tmp_path, *CLASSES), errors=errors, **options)
    assert stored() == {
        "row-1": (Decimal("0.8"), True),
        "row-2": (Decimal("0.6"), False),
        "row-3": (Decimal("0.34"), None),
    }
    assert errors == [
        "line 5: the predicted class is not the most probable one",
        "line 6: the probabilities of the classes miss 1 by more than .05",
    ]


def test_class_probabilities__not_declared__are_refused_and_the_option_is_named(tmp_path: Path) -> None:
    refused(a_file(tmp_path, *CLASSES), "--probability")


ANNOTATORS = [
    "external_id,decided_at,provider,model,task,confidence,label_1,label_2,label_3",
    "row-1,2026-11-02T08:00:00Z,acme,acme-1,triage,0.93,1,1,1",
    "row-2,2026-11-02T08:01:00Z,acme,acme-1,triage,0.71,1,0,1",
    "row-3,2026-11-02T08:02:00Z,acme,acme-1,triage,0.88,0,,0",
    "row-4,2026-11-02T08:03:00Z,acme,acme-1,triage,0.64,,,",
]


def test_labels__of_several_people__are_outcomes_of_one_decision_in_their_order(tmp_path: Path) -> None:
    assert "4 imported (1 of them unlabelled)" in import_file(
        a_file(tmp_path, *ANNOTATORS), labels="label_1,label_2,label_3"
    )
    said = {
        record.external_id: [(each.reporter, each.success) for each in record.outcomes.order_by("sequence")]
        for record in DecisionRecord.objects.all()
    }
    assert said == {
        "row-1": [("label_1", True), ("label_2", True), ("label_3", True)],
        "row-2": [("label_1", True), ("label_2", False), ("label_3", True)],
        "row-3": [("label_1", False), ("label_3", False)],
        "row-4": [],
    }
    assert "4 unchanged" in import_file(tmp_path / "history.csv", labels="label_1,label_2,label_3")


def test_labels__not_declared__are_refused_and_the_option_is_named(tmp_path: Path) -> None:
    refused(a_file(tmp_path, *ANNOTATORS), "missing: success.*--labels")


# Mappings: looked at, kept, used again.


def test_preview__shows_what_is_understood_proposes_a_mapping_and_stores_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path, "id,time,ai_conf,ok", "row-1,2026-11-02T08:00:00Z,93,1")
    output = import_file(path, preview=True)
    proposed = json.loads(output[output.index("{") :])
    assert proposed == {
        "columns": {"confidence": "ai_conf", "success": "ok", "decided_at": "time", "external_id": "id"},
        "scale": 100,
    }
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({**proposed, "constants": CONSTANTS}))
    output = import_file(path, preview=True, mapping=str(file))
    assert "line 2: external_id=row-1" in output
    assert "confidence=0.93" in output
    assert not DecisionRecord.objects.exists()
    assert not DecisionImport.objects.exists()


def test_mapping__kept_by_name__is_used_again_and_only_in_its_workspace(tmp_path: Path) -> None:
    path = a_file(tmp_path, "id,time,score,ok", "row-1,2026-11-02T08:00:00Z,93,1")
    columns = "external_id=id,decided_at=time,confidence=score,success=ok"
    import_file(path, column=columns, scale="100", save_mapping="tickets", **CONSTANTS)
    again = a_file(tmp_path, "id,time,score,ok", "row-2,2026-11-02T08:00:00Z,71,0", name="again.csv")
    assert "1 imported" in import_file(again, mapping="tickets")
    assert stored()["row-2"] == (Decimal("0.71"), False)
    WorkspaceFactory(slug="other")
    with pytest.raises(CommandError, match="No mapping of this name"):
        import_file(again, mapping="tickets", workspace="other")
    assert SavedMapping.objects.count() == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("column", "confidence"),
        ("column", "no_such=x"),
        ("words", "high=1.5"),
        ("words", "high=x"),
        ("success_when", "ACCEPT"),
        ("probability", "a=p_a"),
        ("separator", "::"),
        ("mapping", "absent.json"),
        ("save_mapping", "two words"),
    ],
)
def test_option__that_cannot_be__is_refused(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(CommandError) as refusal:
        import_file(a_file(tmp_path, HEADER, row(1, "0.9", "1")), **{option: value})
    assert str(refusal.value)


def test_help__names_every_option_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("import_decisions", "--help", stdout=StringIO())
    said = capsys.readouterr().out
    for option in ("--column", "--scale", "--words", "--success-when", "--labels", "--probability", "--preview"):
        assert option in said
