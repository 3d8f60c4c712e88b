"""Label files at the desk: taken and brought in by reviewers for themselves, and by admins for a team."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of, viewer_of
from ledger.labelling import files
from ledger.labelling.answering import answer_task
from ledger.labelling.queue import next_task
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionRecord, Judgement, LabelAssignment
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:ledger_judgement_files")
KEY = "confidence_gate"
TAKE = {"take": "1", "form": "csv", "policy_key": "", "limit": "100", "days": "7"}
EXPORTS = Path(__file__).parent / "exports"


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="post", name="Post")


def drawn(workspace: Workspace, number: int = 1, **values: Any) -> list[DecisionRecord]:
    told = {
        "workspace": workspace, "gate_verdict": "block", "gate_reason": "llm_confidence_below_threshold",
        "llm_confidence": "0.8123", "audit_selected": True, "label_propensity": "0.05", **values,
    }  # fmt: skip
    return [DecisionRecordFactory(**told) for _ in range(number)]


def take(person: Any, **asked: Any) -> Any:
    return signed_in(person).post(f"{PAGE}?workspace=post", {**TAKE, **asked})


def bring(person: Any, content: str, name: str = "answers.csv") -> Any:
    file = SimpleUploadedFile(name, content.encode())
    return signed_in(person).post(f"{PAGE}?workspace=post", {"bring": "1", "file": file})


def rows(reply: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(reply.content.decode())))


def answers(*told: tuple[DecisionRecord, str, str]) -> str:
    return "decision_id,answer,reviewer\n" + "".join(f"{each.pk},{given},{name}\n" for each, given, name in told)


def kept() -> list[tuple[str, str]]:
    return list(Judgement.objects.order_by("id").values_list("person_name", "answer"))


# --- who ------------------------------------------------------------------------------------------------------------


def test_page__to_who_may_not_label__is_refused_at_every_verb(workspace):
    (decision,) = drawn(workspace)
    person = viewer_of(workspace)
    assert signed_in(person).get(f"{PAGE}?workspace=post").status_code == 403
    assert take(person).status_code == 403
    assert bring(person, answers((decision, "right", "ada"))).status_code == 403
    assert not Judgement.objects.exists()
    assert not LabelAssignment.objects.exists()


def test_page__of_another_workspace__is_not_there(workspace):
    (decision,) = drawn(workspace)
    for other in (reviewer_of(WorkspaceFactory()), admin_of(WorkspaceFactory())):
        assert take(other).status_code == 403
        assert bring(other, answers((decision, "right", ""))).status_code == 403
    stranger = admin_of(quay := WorkspaceFactory(slug="quay"))
    page = signed_in(stranger).post(
        f"{PAGE}?workspace={quay.slug}",
        {"bring": "1", "file": SimpleUploadedFile("a.csv", answers((decision, "right", "ada")).encode())},
    )
    assert "No decision of this workspace has this id." in words(page)
    assert not Judgement.objects.exists()


def test_page__where_nothing_waits__says_so(workspace):
    page = signed_in(reviewer_of(workspace)).get(PAGE)
    assert "there is nothing to take" in words(page)


# --- out ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv"), ("label-studio", "application/json")])
def test_take__is_a_file_and_leaves_the_workbench(workspace, form, kind):
    decisions = drawn(workspace, 2)
    reply = take(admin_of(workspace), form=form)
    assert reply["Content-Type"].startswith(kind)
    assert "attachment" in reply["Content-Disposition"]
    assert all(str(each.pk) in reply.content.decode() for each in decisions)
    assert "0.8123" not in reply.content.decode()
    assert next_task(person=reviewer_of(workspace), workspace=workspace) is None
    again = take(admin_of(workspace))
    assert "Nothing waits that you could take" in words(again)


def test_take__by_a_reviewer__leaves_out_what_they_answered_and_what_they_know(workspace):
    one = reviewer_of(workspace)
    rules = {"twice_share": 1, "known_share": "0.9", "reason": "All twice."}
    set_labelling_rules(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, **rules)
    first, second = drawn(workspace, 2)
    task = next_task(person=one, workspace=workspace)
    answer_task(person=one, workspace=workspace, claim_id=task.claim.pk, answer="right")
    assert [each["decision_id"] for each in rows(take(one))] == [str(second.pk)]
    admin = admin_of(workspace)
    (known,) = drawn(workspace, audit_selected=False)
    mark_known(actor=admin, decision=known, success=True, reason="Seen.")
    assert {each["decision_id"] for each in rows(take(admin))} <= {str(first.pk), str(known.pk)}


@pytest.mark.parametrize(("field", "value"), [("limit", "0"), ("limit", "1001"), ("days", "366"), ("form", "xml")])
def test_take__impossible__takes_nothing(workspace, field, value):
    drawn(workspace)
    page = take(reviewer_of(workspace), **{field: value})
    assert 'class="errorlist"' in page.content.decode()
    assert not LabelAssignment.objects.exists()


# --- in -------------------------------------------------------------------------------------------------------------


def test_bring__by_an_admin__keeps_what_each_reviewer_said_and_gives_back_the_rest(workspace):
    one, two, three = drawn(workspace, 3)
    told = answers((one, "right", "ada"), (two, "wrong", "bob"), (three, "maybe-so", "ada"))
    page = bring(admin_of(workspace), told)
    said = words(page)
    assert "Records 3 Answers recorded 2 There already 0 Without an answer 0 Refused 1" in said
    assert "4 answer:" in said
    assert "maybe-so" not in said
    link = re.search(r'href="data:application/octet-stream;base64,([^"]+)" download="([^"]+)"', page.content.decode())
    assert base64.b64decode(link[1]).decode() == answers((three, "maybe-so", "ada"))
    assert link[2] == "answers.rejects.csv"
    assert kept() == [("ada", "right"), ("bob", "wrong")]
    assert "Answers recorded 0 There already 2" in words(bring(admin_of(workspace), told))


def test_bring__by_a_reviewer__keeps_their_own_alone(workspace):
    one, two, three = drawn(workspace, 3)
    person = reviewer_of(workspace)
    page = bring(person, answers((one, "right", person.username), (two, "wrong", ""), (three, "right", "ada")))
    assert "you bring in your own answers" in words(page)
    assert kept() == [(person.username, "right"), (person.username, "wrong")]


def test_bring__what_label_studio_exports__is_read(workspace):
    (decision,) = drawn(workspace)
    choice = {"type": "choices", "from_name": "answer", "value": {"choices": ["right"]}}
    task = {
        "data": {"decision_id": str(decision.pk)},
        "annotations": [{"completed_by": {"email": "ada@example.org"}, "lead_time": 4.2, "result": [choice]}],
    }
    assert "Answers recorded 1" in words(bring(admin_of(workspace), json.dumps([task]), "project.json"))


def test_bring__small_file_that_unpacks_to_much__is_refused_unread(workspace, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_BYTES", 10_000)
    (decision,) = drawn(workspace)
    content = answers((decision, "right", "ada")) + "\n" * 10_000
    file = SimpleUploadedFile("answers.csv.gz", gzip.compress(content.encode()))
    assert file.size < 10_000
    page = signed_in(admin_of(workspace)).post(f"{PAGE}?workspace=post", {"bring": "1", "file": file})
    assert "unpacked" in words(page)
    assert kept() == []


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "answers.csv", "empty"),
        ("decision_id,answer\nx,right\n", "answers.exe", "does not tell its format"),
        ("[{", "answers.json", "JSON"),
        ("decision_id,answer\n" + "x,right\n" * 4, "answers.csv", "at most 3 records"),
    ],
    ids=["empty", "of no format", "broken", "too many"],
)
def test_bring__what_is_no_file_of_answers__is_refused_whole(workspace, monkeypatch, content, name, said):
    monkeypatch.setattr(files, "MOST_RECORDS", 3)
    page = bring(reviewer_of(workspace), content, name)
    assert said in words(page)
    assert "What became of the file" not in words(page)
    assert not Judgement.objects.exists()


def test_bring__too_large__is_refused_whole(workspace, monkeypatch):
    monkeypatch.setattr(files, "LARGEST_BYTES", 10)
    assert "at most 0 MB" in words(bring(reviewer_of(workspace), "decision_id,answer\n"))
