"""Nested files: places inside values, records inside documents, several records a decision, times without offsets."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import CommandError
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.imports import import_file

pytestmark = pytest.mark.django_db

AT = "2026-11-02T08:00:00Z"
CONSTANTS = {"provider": "acme", "model": "acme-1", "task": "triage"}
DISPUTED = "different values stand where the mapping looks for one; pick one"


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def lines(folder: Path, *records: Any) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def spreadsheet(folder: Path, *rows: Mapping[str, str]) -> Path:
    path = folder / "export.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def take(path: Path, column: str, **options: Any) -> list[str]:
    """Import a file; return what was said of rejected records."""
    errors: list[str] = []
    try:
        import_file(path, errors=errors, column=column, **{**CONSTANTS, "decided_at": AT, **options})
    except CommandError as error:
        if not errors:
            errors.append(str(error))
    return errors


def stored() -> list[tuple[Decimal | None, bool | None]]:
    labels = dict(DecisionOutcome.objects.values_list("decision_id", "success"))
    records = DecisionRecord.objects.order_by("-llm_confidence")
    return [(each.llm_confidence, labels.get(each.pk)) for each in records]


# Places inside values.

SCORES = [{"name": "tone", "value": 0}, {"name": "sure", "value": 0.93}, {"name": "right", "value": True}]


@pytest.mark.parametrize(
    ("record", "confidence", "success"),
    [
        ({"a": {"b": {"c": 0.93, "ok": 1}}}, "a.b.c", "a.b.ok"),
        ({"a": {"b.c": {"d": 0.93}, "b": {"c": 1}}}, "a.b.c.d", "a.b.c.d"),
        ({"a.b": {"c": 0.93, "ok": True}}, "a.b.c", "a.b.ok"),
        ({"scores": SCORES}, "scores[name=sure].value", "scores[name=right].value"),
        ({"scores": SCORES}, "scores.1.value", "scores.-1.value"),
        ({"scores": [{"n": 1, "on": False, "v": 0.93}, {"n": 1, "on": True, "v": 1}]},
         "scores[n=1][on=false].v", "scores[on=true].v"),
        ({"answers": {"intent": {"sure": [0.93], "right": ["yes"]}}}, "answers.*.sure", "answers.*.right"),
        ({"a": [[0.93]], "ok": [True, 1, 1.0]}, "a.*", "ok.*"),
        ({"a": '{"b": {"c": 0.93}}', "ok": '[{"d": "true"}]'}, "a.b.c", "ok.d"),
    ],
)  # fmt: skip
def test_path__names_one_value__is_read(tmp_path: Path, record: Any, confidence: str, success: str) -> None:
    # The second of them names the confidence for both.
    errors = take(lines(tmp_path, record), f"confidence={confidence},success={success}")
    if confidence == success:
        assert errors[0].startswith("line 1: success must be 1, 0, true or false")
        return
    assert (errors, stored()) == ([], [(Decimal("0.93"), True)])


def test_path__different_values_at_one_place__are_rejected_by_what_to_do(tmp_path: Path) -> None:
    path = lines(tmp_path, {"c": 0.93, "votes": [{"ok": 1}, {"ok": 0}]}, {"c": 0.71, "votes": [{"ok": 0}, {"ok": 0}]})
    assert take(path, "confidence=c,success=votes.ok")[0].startswith(f"line 1: {DISPUTED}")
    assert stored() == [(Decimal("0.71"), False)]


def test_path__leads_nowhere_in_one_record__is_blank_there(tmp_path: Path) -> None:
    records = [{"c": 0.93, "review": {"ok": 1}}, {"c": 0.71, "review": None}, {"c": 0.55, "review": {}}, {"c": 0.4}]
    assert take(lines(tmp_path, *records), "confidence=c,success=review.ok") == []
    assert [label for _, label in stored()] == [True, None, None, None]


@pytest.mark.parametrize("success", ["review.okay", "okay"])
def test_place__leads_nowhere_in_the_whole_file__refuses_it(tmp_path: Path, success: str) -> None:
    path = lines(tmp_path, {"c": 0.93, "review": {"ok": 1}}, {"c": 0.71, "review": {"ok": 0}})
    assert (
        f"No record has anything for success at {success}. Name the place"
        in take(path, f"confidence=c,success={success}", ignore_unknown=True)[0]
    )
    assert not DecisionRecord.objects.exists()


@pytest.mark.parametrize("column", ["case_key=kase", "case_key=meta.kase", "success=met.ok"])
def test_csv__a_column_that_an_option_names_is_missing__refuses_the_file(tmp_path: Path, column: str) -> None:
    row = {"confidence": "0.93", "success": "1", "kase.y": "k"}
    said = take(spreadsheet(tmp_path, row), column, ignore_unknown=True)
    assert "A column that an option names is not in the file." in said[0] or "missing: success" in said[0]
    assert not DecisionRecord.objects.exists()


def test_csv__json_in_a_column__is_read_by_a_path(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "meta": '{"sure": 0.93, "kind": "verbal"}', "review": '{"ok": true}', "p.q": "c-1"},
        {"id": "b", "meta": '{"sure": "71%"}', "review": "[]", "p.q": ""},
        {"id": "c", "meta": "{'sure': 0.5}", "review": "", "p.q": ""},
    ]
    places = "external_id=id,confidence=meta.sure,success=review.ok,case_key=p.q"
    errors = take(spreadsheet(tmp_path, *rows), places, scale="1")
    assert [error.split(";")[0] for error in errors] == [
        "line 3: confidence must be a number", "line 4: confidence is missing",
    ]  # fmt: skip
    assert stored() == [(Decimal("0.93"), True)]
    assert DecisionRecord.objects.get().case_key == "c-1"


def test_path__what_it_begins_in_counts_as_known__and_nothing_else(tmp_path: Path) -> None:
    record = {"a": {"c": 0.93}, "success": True}
    assert take(lines(tmp_path, record), "confidence=a.c") == []
    assert take(lines(tmp_path, record | {"note": "x"}), "confidence=a.c") == ["line 1: a field is not a known column"]


def test_path__in_conditions_and_probabilities__is_read(tmp_path: Path) -> None:
    record = {"p": {"cat": 0.9, "dog": 0.1}, "truth": [{"by": "ann", "is": "cat"}, {"by": "bob", "is": "dog"}]}
    take(
        lines(tmp_path, record), "external_id=id",
        probability="cat=p.cat,dog=p.dog", actual="truth[by=ann].is", ignore_unknown=True,
    )  # fmt: skip
    assert stored() == [(Decimal("0.9"), True)]
    record = {"c": 0.5, "votes": [{"by": "ann", "is": "good"}, {"by": "bob", "is": "bad"}]}
    take(
        lines(tmp_path, record),
        "confidence=c",
        success_when="votes[by=ann].is=good",
        failure_when="votes[by=ann].is=bad",
    )
    assert stored()[1] == (Decimal("0.5"), True)


def test_object_under_a_name_of_ours__is_no_value__so_a_constant_stands_in(tmp_path: Path) -> None:
    record = {"confidence": 0.93, "success": 1, "provider": {"id": "x"}}
    assert take(lines(tmp_path, record), "model=provider.id", model=None) == []
    assert DecisionRecord.objects.get().provider == "acme"


values = st.recursive(
    st.none() | st.booleans() | st.floats(0, 1) | st.text(st.sampled_from('a"{}[]:,1'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a.b", "0", "name"]), inner),
    max_leaves=12,
)
paths = st.lists(st.sampled_from(["a", "b", "0", "-1", "*", "name"]), min_size=1, max_size=4).map(".".join)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(value=values, rest=paths, where=st.sampled_from(["", "[name=a]", "[a=1]"]))
def test_any_path_into_any_value__ends_in_a_record_or_a_reason(
    tmp_path: Path, value: Any, rest: str, where: str
) -> None:
    path = lines(tmp_path, {"x": value, "success": 1})
    said = take(path, f"confidence=x{where}.{rest}", dry_run=True)
    known = (
        "confidence is missing",
        "confidence must be",
        DISPUTED,
        "No record has anything for confidence at",
        "is above 1",
    )
    assert all(any(reason in each for reason in known) for each in said)


# Numbers and truth values in conditions.


@pytest.mark.parametrize("is_csv", [False, True])
def test_condition__on_a_number__splits_at_it(tmp_path: Path, is_csv: bool) -> None:
    records = [(0.93, 0.8), (0.71, 0.79), (0.55, None), (0.4, "good")]
    rows = [{"c": c, "score": score} for c, score in records]
    as_text = [{"c": str(c), "score": "" if score is None else str(score)} for c, score in records]
    path = spreadsheet(tmp_path, *as_text) if is_csv else lines(tmp_path, *rows)
    errors = take(path, "confidence=c", success_when="score>=0.8")
    assert [error.partition(": ")[2] for error in errors] == [
        "what is compared with a number is none; --missing names words for nothing"
    ]
    assert [label for _, label in stored()] == [True, False, None]


def test_condition__on_numbers_from_both_sides__leaves_what_lies_between(tmp_path: Path) -> None:
    path = lines(tmp_path, *({"c": 0.9, "s": {"grade": grade}} for grade in (5, 4, 3, 2)))
    errors = take(path, "confidence=c", success_when="s.grade>=4", failure_when="s.grade<=2")
    assert [error.split(":")[0] for error in errors] == ["line 3"]
    assert sorted(str(label) for _, label in stored()) == ["False", "True", "True"]


@pytest.mark.parametrize("limit", ["high", "", "nan"])
def test_condition__on_no_number__is_refused(tmp_path: Path, limit: str) -> None:
    said = take(lines(tmp_path, {"c": 0.9, "score": 1}), "confidence=c", success_when=f"score>={limit}")
    assert "what follows >= or <= in a condition is a number" in said[0]


def test_condition__on_a_truth_value_of_json__is_written_as_json_has_it(tmp_path: Path) -> None:
    path = lines(tmp_path, {"c": 0.9, "passed": True}, {"c": 0.8, "passed": False})
    assert take(path, "confidence=c", success_when="passed=true", failure_when="passed=false") == []
    assert [label for _, label in stored()] == [True, False]


# Records inside a document.


def test_records__stand_deeper_in_a_document__are_read_where_the_option_says(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps({"version": 3, "results": {"results": [{"c": 0.93, "ok": True}, {"c": 0.71, "ok": False}]}})
    )
    assert "say so with --records" in take(path, "confidence=c,success=ok")[0]
    assert take(path, "confidence=c,success=ok", records="results.results") == []
    assert stored() == [(Decimal("0.93"), True), (Decimal("0.71"), False)]
    assert "--records" in take(path, "confidence=c,success=ok", records="results.rows")[0]


def test_records__in_several_lists__are_all_read(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    pages = [{"data": [{"c": 0.93, "ok": True}], "next": 2}, {"data": [{"c": 0.71, "ok": False}], "next": None}]
    for document in (pages, {"pages": pages}):
        path.write_text(json.dumps(document))
        place = "data" if document is pages else "pages.data"
        assert "would be imported" in import_file(
            path, column="confidence=c,success=ok", records=place, dry_run=True, decided_at=AT, **CONSTANTS
        )
        assert "2 rows: 2 imported" in import_file(
            path, column="confidence=c,success=ok", records=place, decided_at=AT, **CONSTANTS
        )


# Several records a decision.

LONG = [
    {"run": "r-1", "what": "sure", "value": "0.93", "at": "2026-11-02T08:01:00Z"},
    {"run": "r-2", "what": "sure", "value": "0.71", "at": "2026-11-02T08:02:00Z"},
    {"run": "r-2", "what": "right", "value": "0", "at": "2026-11-02T09:02:00Z"},
    {"run": "r-1", "what": "right", "value": "1", "at": "2026-11-02T09:01:00Z"},
    {"run": "r-1", "what": "task", "value": "a task of their own", "at": "2026-11-02T09:01:00Z"},
    {"run": "", "what": "right", "value": "1", "at": "2026-11-02T09:01:00Z"},
]
WIDE = "external_id=sure.run,decided_at=sure.at,observed_at=right.at,confidence=sure.value,success=right.value"
PIVOT = {"pivot_by": "run", "pivot_names": "what", "ignore_unknown": True, "decided_at": None}


def test_pivot__records_of_one_decision__become_one(tmp_path: Path) -> None:
    errors = take(spreadsheet(tmp_path, *LONG), WIDE, **PIVOT)
    assert errors == ["line 7: the record does not say to which decision it belongs, or under which name (--pivot-by)"]
    assert stored() == [(Decimal("0.93"), True), (Decimal("0.71"), False)]
    assert [*DecisionRecord.objects.order_by("occurred_at").values_list("external_id", "task")] == [
        ("r-1", "triage"), ("r-2", "triage"),
    ]  # fmt: skip
    observed = DecisionOutcome.objects.get(success=True).observed_at
    assert observed == datetime(2026, 11, 2, 9, 1, tzinfo=UTC)


def test_pivot__a_decision_that_is_rejected__goes_to_the_rejects_with_all_its_records(tmp_path: Path) -> None:
    twice = {**LONG[0], "value": "0.5"}
    path = spreadsheet(tmp_path, *LONG[:5], twice)
    errors = take(path, WIDE, **PIVOT)
    assert errors[0].startswith(f"line 2: {DISPUTED}")
    kept = [*csv.DictReader(Path(f"{path}.rejects.csv").read_text().splitlines())]
    assert kept == [LONG[0], LONG[3], LONG[4], twice]


@pytest.mark.parametrize("option", ["pivot_by", "pivot_names"])
def test_pivot__half_declared__is_refused(tmp_path: Path, option: str) -> None:
    said = take(spreadsheet(tmp_path, *LONG), WIDE, **{option: "run"})
    assert "what makes several records one decision, and what names each of them, go together" in said[0]


# Times without an offset.

SECONDS = 1_793_606_400
"""2026-11-02T08:00:00Z."""


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        ("s", SECONDS, 0),
        ("s", SECONDS + 0.25, 250_000),
        ("ms", SECONDS * 10**3 + 25, 25_000),
        ("us", SECONDS * 10**6 + 1, 1),
        ("ns", SECONDS * 10**9 + 1_999, 1),
        ("utc", "2026-11-02T08:00:00", 0),
        ("utc", "2026-11-02 08:00:00.25", 250_000),
        ("utc", "2026-11-02T10:00:00+02:00", 0),
    ],
)
@pytest.mark.parametrize("is_csv", [False, True])
def test_times__as_they_are_declared__are_read(
    tmp_path: Path, declared: str, given: Any, expected: int, is_csv: bool
) -> None:
    row = {"confidence": "0.93" if is_csv else 0.93, "success": "1" if is_csv else 1, "at": given}
    path = spreadsheet(tmp_path, row) if is_csv else lines(tmp_path, row)
    assert take(path, "decided_at=at", times=declared, decided_at=None) == []
    assert DecisionRecord.objects.get().occurred_at == datetime(2026, 11, 2, 8, 0, 0, expected, tzinfo=UTC)


@pytest.mark.parametrize("given", [SECONDS, "2026-11-02T08:00:00", "2026-11-02 08:00:00 IST"])
def test_times__not_declared__are_rejected_rather_than_guessed(tmp_path: Path, given: Any) -> None:
    errors = take(lines(tmp_path, {"confidence": 0.93, "success": 1, "at": given}), "decided_at=at", decided_at=None)
    assert errors[0].startswith("line 1: decided_at must be an RFC 3339 time with its offset")
    assert "--times" in errors[0]


@pytest.mark.parametrize("given", ["soon", 10**30, "NaN", "1e999999", "1e999999999", True])
def test_times__no_such_number__is_rejected(tmp_path: Path, given: Any) -> None:
    path = lines(tmp_path, {"confidence": 0.93, "success": 1, "at": given})
    errors = take(path, "decided_at=at", times="ms", decided_at=None)
    assert errors[0].startswith("line 1: ")
    assert "--times" in errors[0]


def test_times__outside_of_all_years__are_rejected(tmp_path: Path) -> None:
    path = lines(tmp_path, {"confidence": 0.93, "success": 1, "at": 10**15})
    errors = take(path, "decided_at=at", times="s", decided_at=None)
    assert errors == ["line 1: a time lies outside of the years that there are"]


@pytest.mark.parametrize("given", ["1e9999999", "1e999999999999", "9" * 400])
@pytest.mark.parametrize("scale", ["100", "1"])
def test_confidence__too_large_for_any_number__is_rejected(tmp_path: Path, given: str, scale: str) -> None:
    path = spreadsheet(tmp_path, {"id": "a", "confidence": given, "success": "1"})
    assert take(path, "external_id=id", scale=scale) == ["line 2: confidence must be a number from 0 to 1"]
    path = tmp_path / "export.jsonl"
    path.write_text(f'{{"a": {{"c": {given}}}, "success": 1}}\n')
    assert take(path, "confidence=a.c", scale=scale)[0].startswith("line 1: ")
    assert not DecisionRecord.objects.exists()


def test_times__parquet_without_a_zone__is_utc_where_that_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    at = datetime(2026, 11, 2, 8, tzinfo=UTC).replace(tzinfo=None)
    table = {"confidence": [0.93], "success": [True], "at": [at], "meta": [{"model": "m-1"}]}
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    assert "decided_at" in take(path, "decided_at=at,model=meta.model", decided_at=None)[0]
    assert take(path, "decided_at=at,model=meta.model", decided_at=None, times="utc") == []
    found = DecisionRecord.objects.get()
    assert (found.occurred_at, found.model) == (datetime(2026, 11, 2, 8, tzinfo=UTC), "m-1")


def test_ids__that_are_numbers__are_kept_as_text(tmp_path: Path) -> None:
    assert take(lines(tmp_path, {"confidence": 0.93, "success": 1, "task_id": 17}), "external_id=task_id") == []
    assert DecisionRecord.objects.get().external_id == "17"
