"""Labels that are made elsewhere: taken from the queue by command or key, answered in other tools, and brought in.

`exports/argilla_labels.json` was written by argilla 2.8.0: it read our records with `JsonIO._records_from_json`, got
answers of two users, and was written with `to_json`. `exports/label_studio_labels.json` has the form that a server of
label-studio 1.23.2 exports (see `test_import_forms`), with our tasks; label-studio-sdk 2.1.2 holds these for sound.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance.models import Workspace
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of
from ledger.labelling.answering import answer_task
from ledger.labelling.queue import next_task
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord, Judgement, LabelAssignment
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
EXPORTS = Path(__file__).parent / "exports"
IDS = [UUID(f"0197c2a0-7a3e-7cc1-8d1e-2f6f4f1f0a1{number}") for number in (1, 2, 3)]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post", case_url="https://desk.example.org/cases/{external_id}")


def drawn(workspace: Workspace, number: int = 1, **values: Any) -> list[DecisionRecord]:
    told = {
        "workspace": workspace, "gate_verdict": "block", "gate_reason": "llm_confidence_below_threshold",
        "llm_confidence": "0.8123", "audit_selected": True, "label_propensity": "0.05", "action_type": "retry",
        **values,
    }  # fmt: skip
    decisions = [DecisionRecordFactory(**told) for _ in range(number)]
    for each in decisions:
        if each.external_id:
            DecisionExternalId.objects.create(workspace=workspace, external_id=each.external_id, decision_id=each.pk)
    return decisions


@pytest.fixture
def three(workspace) -> list[DecisionRecord]:
    return [drawn(workspace, decision_id=each, external_id=f"mail-{n}")[0] for n, each in enumerate(IDS)]


def rules(workspace: Workspace, **terms: Any) -> None:
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Test.", **terms)


def export(path: Path, **options: Any) -> str:
    said = StringIO()
    call_command("export_labels", workspace="post", output=path, stderr=said, **{"days": 7, **options})
    return said.getvalue()


def bring_in(path: Path, errors: list[str] | None = None, **options: Any) -> str:
    said, problems = StringIO(), StringIO()
    try:
        call_command("import_labels", str(path), workspace="post", stdout=said, stderr=problems, **options)
    finally:
        if errors is not None:
            errors.extend(problems.getvalue().splitlines())
    return said.getvalue()


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def answers() -> list[tuple[str, str, str]]:
    return [(each.person_name, each.purpose, each.answer) for each in Judgement.objects.order_by("id")]


# --- out ------------------------------------------------------------------------------------------------------------


def test_export__csv__holds_ids_links_and_times_and_is_taken(workspace, three, tmp_path):
    path = tmp_path / "waiting.csv"
    assert "3 decisions taken for 7 days" in export(path)
    rows = {row["external_id"]: row for row in lines(path)}
    assert rows["mail-0"]["case_link"] == "https://desk.example.org/cases/mail-0"
    assert {row["decision_id"] for row in rows.values()} == {str(each) for each in IDS}
    assert rows["mail-0"]["due_at"] == (three[0].timestamp + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    # Blind: nothing of what model and gate said.
    assert {row["model"] + row["confidence"] + row["verdict"] for row in rows.values()} == {""}
    assert "0.8123" not in path.read_text()
    assert next_task(person=reviewer_of(workspace), workspace=workspace) is None
    assert Caller(workspace).get("labels/queue").json()["results"] == []
    later = timezone.now() + timedelta(days=7, seconds=1)
    with mock.patch("django.utils.timezone.now", return_value=later):
        assert next_task(person=reviewer_of(workspace), workspace=workspace).decision == three[0]


def test_export__where_the_policy_is_not_blind__says_what_model_and_gate_said(workspace, three, tmp_path):
    rules(workspace, is_blind=False)
    export(tmp_path / "waiting.csv")
    (row, *_) = lines(tmp_path / "waiting.csv")
    assert (row["model"], row["confidence"], row["verdict"]) == ("acme-large", "0.8123", "block")


def test_export__limit_and_policy__take_the_oldest_of_it(workspace, three, tmp_path):
    drawn(workspace, policy_key="decision_gate")
    export(tmp_path / "a.csv", limit=2, policy_key=KEY)
    assert set(LabelAssignment.objects.values_list("decision_id", flat=True)) == set(IDS[:2])
    export(tmp_path / "b.csv")
    assert LabelAssignment.objects.count() == 4
    with pytest.raises(CommandError, match="cannot be written"):
        export(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("terms", "first", "purpose"),
    [({"twice_share": 1}, "right", "second"), ({"confirms_wrong": True}, "wrong", "check")],
    ids=["second look", "confirmation"],
)
def test_export__looks_after_another__go_out_untold_and_come_back_from_another_person(
    workspace, tmp_path, terms, first, purpose
):
    rules(workspace, **terms)
    drawn(workspace)
    one = reviewer_of(workspace)
    claim = next_task(person=one, workspace=workspace).claim
    answer_task(person=one, workspace=workspace, claim_id=claim.pk, answer=first)
    drawn(workspace)
    assert Caller(workspace).get("labels/queue").json()["results"][-1]["decision_id"] == str(claim.decision_id)
    path = tmp_path / "waiting.csv"
    assert "2 decisions taken" in export(path)
    asked, other = sorted(lines(path), key=lambda row: row["decision_id"])
    told = {name for name, value in asked.items() if value} - {"decision_id"}
    assert told == {name for name, value in other.items() if value} - {"decision_id"}
    for number, (name, given, said) in enumerate(
        [
            (one.get_username(), first, "0 answers recorded, 1 unchanged"),
            (one.get_username(), "cannot_tell", None),
            ("elsewhere", first, "1 answers recorded"),
        ]
    ):
        back = tmp_path / f"back-{number}.csv"
        back.write_text(f"decision_id,answer,reviewer\n{claim.decision_id},{given},{name}\n")
        if said:
            assert said in bring_in(back)
        else:
            with pytest.raises(CommandError, match="1 records were rejected"):
                bring_in(back)
    assert answers() == [(one.get_username(), "label", first), ("elsewhere", purpose, first)]


def test_export__what_lies_before_somebody__stays_theirs(workspace, three, tmp_path):
    held = next_task(person=reviewer_of(workspace), workspace=workspace)
    export(tmp_path / "waiting.csv")
    taken = set(LabelAssignment.objects.values_list("decision_id", flat=True))
    assert taken == set(IDS) - {held.decision.pk}


@pytest.mark.parametrize("options", [{"days": 0}, {"days": 366}, {"limit": 0}, {"policy_key": "nope"}])
def test_export__impossible_terms__are_refused(workspace, three, tmp_path, options):
    with pytest.raises(CommandError):
        export(tmp_path / "waiting.csv", **options)
    assert not LabelAssignment.objects.exists()
    # Nor is a file left that would be in the way of the next one.
    assert not (tmp_path / "waiting.csv").exists()


def test_export__mixes_known_cases_in__and_nothing_tells_them(workspace, tmp_path):
    rules(workspace, known_share=Decimal("0.5"))
    known = drawn(workspace, 30, audit_selected=False)
    for decision in known:
        mark_known(actor=admin_of(workspace), decision=decision, success=False, reason="Settled.")
    waiting = drawn(workspace, 30)
    export(tmp_path / "waiting.csv")
    ids = [UUID(row["decision_id"]) for row in lines(tmp_path / "waiting.csv")]
    assert {each.pk for each in waiting} <= set(ids)
    # Outside of these less than once in 10,000 runs; and in no order.
    assert len(set(ids) & {each.pk for each in known}) >= 12
    assert ids != sorted(ids)


# --- in -------------------------------------------------------------------------------------------------------------


def test_csv__there_and_back__labels_once(workspace, three, tmp_path):
    path = tmp_path / "waiting.csv"
    export(path)
    rows = sorted(lines(path), key=lambda row: row["external_id"])
    given = ["wrong", "right", ""]
    for row, answer in zip(rows, given, strict=True):
        row |= {"answer": answer, "reviewer": "ada@example.org", "answered_at": "2026-03-03T10:00:00Z", "seconds": "9"}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert "3 records: 2 answers recorded, 0 unchanged, 1 records without an answer, 0 rejected" in bring_in(path)
    outcomes = {outcome.decision_id: outcome for outcome in DecisionOutcome.objects.all()}
    assert {key: outcome.success for key, outcome in outcomes.items()} == {IDS[0]: False, IDS[1]: True}
    assert outcomes[IDS[0]].observed_at.isoformat() == "2026-03-03T10:00:00+00:00"
    assert outcomes[IDS[0]].reporter == "import_labels"
    first = Judgement.objects.order_by("id").first()
    assert (first.person_name, first.person_id, first.seconds, first.is_blind) == ("ada@example.org", None, 9, True)
    assert LabelAssignment.objects.count() == 1
    assert "0 answers recorded, 2 unchanged" in bring_in(path)
    assert DecisionOutcome.objects.count() == 2


def test_label_studio__tasks_out_annotations_in(workspace, three, tmp_path):
    export(tmp_path / "tasks.json", form="label-studio")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    exported = json.loads((EXPORTS / "label_studio_labels.json").read_text())
    assert {task["data"]["decision_id"] for task in tasks} == {task["data"]["decision_id"] for task in exported}
    assert tasks[0]["data"].keys() == exported[0]["data"].keys()
    assert "3 records: 4 answers recorded" in bring_in(EXPORTS / "label_studio_labels.json")
    assert answers() == [
        ("label-studio/1", "label", "wrong"),
        ("label-studio/1", "label", "right"),
        ("label-studio/2", "second", "cannot_tell"),
        ("label-studio/1", "label", "skipped"),
    ]
    assert Judgement.objects.first().seconds == 3
    # Skipped there: given back to the workbench.
    assert next_task(person=reviewer_of(workspace), workspace=workspace).decision == three[2]


def test_argilla__records_out_responses_in(workspace, three, tmp_path):
    export(tmp_path / "records.json", form="argilla")
    (record, *_) = sorted(json.loads((tmp_path / "records.json").read_text()), key=lambda record: record["id"])
    (exported, *_) = json.loads((EXPORTS / "argilla_labels.json").read_text())
    assert (record["id"], record["fields"]) == (exported["id"], exported["fields"])
    assert record["metadata"].keys() == exported["metadata"].keys()
    assert "3 answers recorded, 0 unchanged, 1 records without" in bring_in(EXPORTS / "argilla_labels.json")
    one, other = (f"argilla/00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
    assert answers() == [(one, "label", "wrong"), (one, "label", "right"), (other, "second", "cannot_tell")]


def test_import__bad_lines__are_named_copied_and_cost_no_other(workspace, three, tmp_path):
    undrawn = drawn(workspace, audit_selected=False)[0]
    foreign = drawn(WorkspaceFactory())[0]
    ok = {"decision_external_id": "mail-0", "answer": "right", "reviewer": "ada"}
    given = [
        {**ok, "answer": "perhaps the customer"},
        {**ok, "reviewer": "Ada Lovelace, who"},
        {**ok, "seconds": -1},
        {**ok, "answered_at": "2999-01-01T00:00:00Z"},
        {**ok, "decision_id": str(IDS[0])},
        {"answer": "right", "reviewer": "ada", "decision_id": str(undrawn.pk)},
        {"answer": "right", "reviewer": "ada", "decision_id": str(foreign.pk)},
        ok,
        {**ok, "answer": "wrong"},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, given)) + "\nno json\n")
    errors: list[str] = []
    with pytest.raises(CommandError, match="9 records were rejected"):
        bring_in(path, errors)
    named = [line.split(":")[0] for line in errors]
    assert named == ["line 1", "line 2", "line 3", "line 5", "line 10", "line 4", "line 6", "line 7", "line 9"]
    said = "\n".join(errors)
    for part in ("answer", "reviewer", "seconds", "answered_at lies in the future", "not both", "waits for no answer"):
        assert part in said
    assert "Another answer of this reviewer" in said
    for value in ("perhaps", "Lovelace", "2999"):
        assert value not in said
    assert answers() == [("ada", "label", "right")]
    assert len((tmp_path / "labels.jsonl.rejects.jsonl").read_text().splitlines()) == 9


def annotated(**values: Any) -> dict[str, Any]:
    right = [{"type": "choices", "value": {"choices": ["right"]}}]
    return {
        "data": {"decision_id": str(IDS[0])},
        "annotations": [{"completed_by": 1, "result": right, "lead_time": 3, **values}],
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lead_time": float("nan")}, "seconds"),
        ({"lead_time": float("inf")}, "seconds"),
        ({"lead_time": 10**400}, "seconds"),
        ({"result": [{"type": "choices", "value": {"choices": 5}}]}, "holds no choice"),
        ({"result": [{"type": "choices", "value": {"choices": "right"}}]}, "holds no choice"),
    ],
    ids=["no number", "infinite", "huge", "a number chosen", "a text chosen"],
)
def test_label_studio__values_that_are_none__are_named_and_cost_no_other(workspace, three, tmp_path, values, said):
    path, errors = tmp_path / "tasks.json", []
    fine = {**annotated(), "data": {"decision_id": str(IDS[1])}}
    path.write_text(json.dumps([annotated(**values), fine]))
    with pytest.raises(CommandError, match="1 records were rejected"):
        bring_in(path, errors)
    assert said in errors[0]
    assert answers() == [("label-studio/1", "label", "right")]


def test_csv__seconds_of_5000_digits__are_named_and_cost_no_other(workspace, three, tmp_path):
    path, errors = tmp_path / "labels.csv", []
    path.write_text(f"decision_id,answer,reviewer,seconds\n{IDS[0]},right,ada,{'9' * 5000}\n{IDS[1]},right,ada,9\n")
    with pytest.raises(CommandError, match="1 records were rejected"):
        bring_in(path, errors)
    assert errors[0].startswith("line 2: seconds")
    assert answers() == [("ada", "label", "right")]


def test_csv__long_quoted_text_beside_an_answer__is_passed_over(workspace, three, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(f'decision_id,answer,reviewer,note\n{IDS[0]},right,ada,"{"x" * 200_000}"\n')
    assert "1 answers recorded" in bring_in(path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("decision_id;answer;reviewer", "no column answer"),
        ("decision_id,reviewer", "no column answer"),
        ("decision_id,answer,answer,reviewer", "names a column twice: answer"),
    ],
)
@pytest.mark.parametrize("line", ["", "{},right,ada\n"], ids=["header alone", "with a line"])
def test_csv__header_without_answers_or_with_two__is_refused_whole(workspace, three, tmp_path, header, said, line):
    path = tmp_path / "labels.csv"
    path.write_text(f"{header}\n{line.format(IDS[0])}")
    with pytest.raises(CommandError, match=said):
        bring_in(path)
    assert not Judgement.objects.exists()


def test_import__confirmed_policy__two_people_make_a_failure(workspace, three, tmp_path):
    rules(workspace, confirms_wrong=True)
    path = tmp_path / "labels.jsonl"
    one = {"decision_external_id": "mail-0", "answer": "wrong", "reviewer": "ada"}
    path.write_text(json.dumps(one))
    bring_in(path)
    assert not DecisionOutcome.objects.exists()
    person = reviewer_of(workspace)
    seen = []
    while task := next_task(person=person, workspace=workspace):
        seen.append(task.decision.external_id)
        answer_task(person=person, workspace=workspace, claim_id=task.claim.pk, answer="wrong")
    assert Counter(seen) == {"mail-0": 1, "mail-1": 1, "mail-2": 1}
    assert DecisionOutcome.objects.get().decision_id == IDS[0]


def test_import__known_cases__measure(workspace, tmp_path):
    (known,) = drawn(workspace, audit_selected=False)
    mark_known(actor=admin_of(workspace), decision=known, success=False, reason="Settled.")
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"decision_id": str(known.pk), "answer": "right", "reviewer": "ada"}))
    bring_in(path)
    assert answers() == [("ada", "known", "right")]
    assert not DecisionOutcome.objects.exists()


# --- the API --------------------------------------------------------------------------------------------------------


def test_api__queue_taken_and_answered(workspace, three):
    caller = Caller(workspace)
    (newest, *_) = caller.get("labels/queue").json()["results"]
    assert (newest["decision_id"], newest["case_link"]) == (str(IDS[2]), "https://desk.example.org/cases/mail-2")
    assert (newest["model"], newest["confidence"], newest["verdict"]) == (None, None, None)
    taken = caller.post("labels/queue", {"days": 3, "limit": 2}).json()["taken"]
    assert {row["decision_id"] for row in taken} == {str(each) for each in IDS[:2]}
    assert [row["decision_id"] for row in caller.get("labels/queue").json()["results"]] == [str(IDS[2])]
    label = {"decision_id": str(IDS[0]), "answer": "wrong", "reviewer": "ada", "seconds": 4}
    first, again = caller.post("labels", label), caller.post("labels", label)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["answer"] == "wrong"
    assert caller.post("labels", {**label, "answer": "right"}).status_code == 409
    assert DecisionOutcome.objects.get().reporter == caller.key.reporter
    bulk = caller.post_lines("labels", [{**label, "reviewer": "bob"}, {**label, "decision_id": str(UUID(int=0))}])
    assert bulk.status_code == 207
    assert [row["status"] for row in bulk.json()["results"]] == ["created"]


def test_api__needs_its_scopes_and_its_workspace(workspace, three):
    label = {"decision_id": str(IDS[0]), "answer": "wrong", "reviewer": "ada"}
    reader, sender = Caller(workspace, ["read"]), Caller(workspace, ["ingest"])
    assert reader.post("labels", label).status_code == 403
    assert reader.post("labels/queue", {"days": 3}).status_code == 403
    assert sender.get("labels/queue").status_code == 403
    assert sender.post("labels/queue", {"days": 3}).status_code == 403
    stranger = Caller(WorkspaceFactory())
    assert stranger.post("labels", label).status_code == 404
    assert stranger.get("labels/queue").json()["results"] == []
    assert stranger.post("labels/queue", {"days": 3}).json() == {"taken": []}
    assert not Judgement.objects.exists()
    assert not LabelAssignment.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"days": 0},
        {"days": 3, "limit": 0},
        {"days": 3, "limit": 1001},
        {"days": "3"},
        {"days": 3, "policy_key": "nope"},
    ],
)
def test_api__impossible_terms__are_refused(workspace, three, body):
    assert Caller(workspace).post("labels/queue", body).status_code == 422
    assert not LabelAssignment.objects.exists()
