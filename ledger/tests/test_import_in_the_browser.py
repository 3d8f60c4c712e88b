"""Imports in the browser: a file is uploaded, looked at, mapped and imported by a worker; who may, and what breaks."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from confidence_project.tests.planting import TEXT, columns_with
from governance.access.permissions import Verb, who_may
from governance.models import Workspace
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from governance.tests.workers import work_off, worker_process
from ledger.imports import queue, services
from ledger.imports.queue import carry_out_import
from ledger.models import DecisionImport, DecisionRecord, SavedMapping
from ledger.models.imports import PATIENCE, SILENCE
from ledger.tests.imports import HEADER
from ledger.tests.test_import_forms import CASES, EXPORTS, Case

pytestmark = pytest.mark.django_db(transaction=True)
Status = DecisionImport.Status
ADD = "admin:ledger_decisionimport_add"
LIST = "admin:ledger_decisionimport_changelist"

OWN_NAMES = "2026-01-31T09:30:{second:02}Z,acme,large,triage,{confidence},{success}"
GOOD = [OWN_NAMES.format(second=place, confidence=0.8, success=place % 2) for place in range(4)]
TICKETS = ["ticket,time,ai_conf,verdict,note", *(f"t-{n},2026-01-31T09:30:00Z,{90 + n},ACCEPT,words" for n in range(3))]
SAID = {"column_policy_key": "", "constant_policy_key": "confidence_gate"}


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.CONFIDENCE_IMPORT_FOLDER = tmp_path / "imports"
    return tmp_path / "imports"


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme", name="Acme")


@pytest.fixture
def admin(workspace: Workspace) -> Client:
    return signed_in(admin_of(workspace))


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def page(name: str, kept: DecisionImport) -> str:
    return reverse(f"admin:ledger_decisionimport_{name}", args=[kept.pk])


def send(client: Client, workspace: Workspace, content: bytes, name: str = "history.csv", **fields: Any) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse(ADD), {"workspace": workspace.pk, "file": file, "format": "", **fields})


def upload(client: Client, workspace: Workspace, content: bytes, name: str = "history.csv") -> DecisionImport:
    reply = send(client, workspace, content, name)
    kept = DecisionImport.objects.latest("pk")
    assert (reply.status_code, reply["Location"]) == (302, page("map", kept))
    return kept


def filled_in(client: Client, kept: DecisionImport, query: str = "", **changes: Any) -> dict[str, Any]:
    """What a browser would send of the form as it is shown."""
    return {**values_of(client.get(page("map", kept) + query).context["form"]), **SAID, **changes}


def values_of(form: Any) -> dict[str, Any]:
    shown = {field.html_name: field.value() for field in form}
    return {name: value for name, value in shown.items() if value not in (None, False)}


def map_and_import(client: Client, kept: DecisionImport, **changes: Any) -> DecisionImport:
    reply = client.post(page("map", kept), {**filled_in(client, kept, **changes), "import": "yes"})
    assert reply.status_code == 302, reply.context["form"].errors
    work_off()
    kept.refresh_from_db()
    return kept


def said(client: Client, kept: DecisionImport) -> str:
    return " ".join(client.get(page("change", kept)).content.decode().split())


def test_whole_way__names_of_ours__is_imported_and_the_upload_is_gone(
    admin: Client, workspace: Workspace, folder: Path
) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    map_and_import(admin, kept)
    assert (kept.status, kept.imported, kept.rejected, kept.actor_name != "") == (Status.COMPLETE, 4, 0, True)
    assert DecisionRecord.objects.count() == 4
    assert list(folder.iterdir()) == []
    shown = said(admin, kept)
    assert "4 of 4 rows were imported" in shown
    assert f"import={kept.pk}" in shown


def test_link_to_the_explorer__shows_what_was_imported_and_nothing_else(admin: Client, workspace: Workspace) -> None:
    for rows in (GOOD, [row.replace("large", "small") for row in GOOD]):
        kept = map_and_import(admin, upload(admin, workspace, lines(*rows)))
    shown = admin.get(admin.get(page("change", kept)).context["explorer"])
    assert {record.model for record in shown.context["cl"].result_list} == {"small"}
    assert len(shown.context["cl"].result_list) == 4
    assert {record.import_id for record in shown.context["cl"].result_list} == {kept.pk}


def test_explorer__by_an_import_that_is_not_ours_or_none__shows_nothing(admin: Client, workspace: Workspace) -> None:
    kept = map_and_import(admin, upload(admin, workspace, lines(*GOOD)))
    explorer = reverse("admin:ledger_decisionrecord_changelist")
    stranger = signed_in(admin_of(WorkspaceFactory()))
    for client, query in [
        (stranger, f"import={kept.pk}"), (admin, "import=x"), (admin, f"import={'9' * 40}"), (admin, "import=-1"),
    ]:  # fmt: skip
        assert len(client.get(f"{explorer}?{query}").context["cl"].result_list) == 0, query
    assert len(admin.get(f"{explorer}?import={kept.pk}").context["cl"].result_list) == 4
    assert "history.csv" in admin.get(explorer).content.decode()
    assert "history.csv" not in stranger.get(explorer).content.decode()


def test_preview__guesses_shows_and_stores_nothing(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, "\n".join(TICKETS).encode())
    shown = admin.get(page("map", kept))
    given = {field.html_name: field.value() for field in shown.context["form"]}
    guessed = {name: given[name] for name in ("column_confidence", "column_decided_at", "column_external_id", "scale")}
    assert guessed == {
        "column_confidence": "ai_conf",
        "column_decided_at": "time",
        "column_external_id": "ticket",
        "scale": 100,
    }
    assert "ACCEPT" in shown.content.decode()
    assert not DecisionRecord.objects.exists()


def test_mapping__of_other_names__errors_stand_beside_their_fields_then_it_imports(
    admin: Client, workspace: Workspace
) -> None:
    kept = upload(admin, workspace, "\n".join(TICKETS).encode())
    reply = admin.post(page("map", kept), {**filled_in(admin, kept), "import": "yes"})
    errors = reply.context["form"].errors
    assert set(errors) == {"column_provider", "column_model", "column_task", "column_success", "ignore_unknown"}
    assert "note" in errors["ignore_unknown"][0]
    done = {
        "constant_provider": "acme",
        "constant_model": "large",
        "constant_task": "triage",
        "success_when": "verdict=ACCEPT\nverdict=KEEP",
        "ignore_unknown": "on",
    }
    map_and_import(admin, kept, **done)
    assert kept.status == Status.COMPLETE
    assert set(DecisionRecord.objects.values_list("external_id", "llm_confidence", "model")) == {
        (f"t-{place}", Decimal(f"0.9{place}"), "large") for place in range(3)
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"words": "high"}, "words"),
        ({"words": "high=1.5"}, "words"),
        ({"words": "high=x"}, "words"),
        ({"success_when": "verdict"}, "success_when"),
        ({"success_when": "nowhere=1"}, "success_when"),
        ({"success_when": "=1"}, "success_when"),
        ({"success_when": "success="}, "success_when"),
        ({"failure_when": "success=@nowhere"}, "failure_when"),
        ({"probability": "a=nowhere\nb=confidence", "actual": "success"}, "probability"),
        ({"probability": "a"}, "probability"),
        ({"probability": "a=success"}, "probability"),
        ({"predicted": "success"}, "probability"),
        ({"labels": ["success"], "success_when": "success=1"}, "labels"),
        ({"decimal_comma": "on"}, "separator"),
        ({"column_confidence": "nowhere"}, "column_confidence"),
        ({"constant_model": "two words"}, "constant_model"),
        ({"constant_decided_at": "yesterday"}, "constant_decided_at"),
        ({"constant_decided_at": "2999-01-01T00:00:00Z"}, "constant_decided_at"),
        ({"constant_policy_key": ""}, "column_policy_key"),
        ({"constant_policy_key": "lead_context_bundle"}, "constant_policy_key"),
        ({"save_as": "two words"}, "save_as"),
        ({"scale": "7"}, "scale"),
    ],
)
def test_mapping__that_cannot_be__is_told_beside_its_field_and_nothing_is_queued(
    admin: Client, workspace: Workspace, changes: dict[str, Any], field: str
) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    reply = admin.post(page("map", kept), {**filled_in(admin, kept, **changes), "import": "yes"})
    assert (reply.status_code, set(reply.context["form"].errors)) == (200, {field})
    kept.refresh_from_db()
    assert kept.status == Status.UPLOADED
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize(
    "forged", [{"format": "zip"}, {"separator": "x"}, {"begun_with": "["}, {"begun_with": '{"x": 1}'}]
)
def test_mapping__forged__is_not_found(admin: Client, workspace: Workspace, forged: dict[str, str]) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    assert admin.post(page("map", kept), {**filled_in(admin, kept), **forged, "import": "yes"}).status_code == 404


def test_mapping__saved__is_offered_for_the_next_file_of_the_workspace_only(
    admin: Client, workspace: Workspace
) -> None:
    more = {
        "constant_provider": "acme",
        "constant_model": "large",
        "constant_task": "triage",
        "success_when": "verdict=ACCEPT",
        "ignore_unknown": "on",
        "save_as": "tickets",
    }
    map_and_import(admin, upload(admin, workspace, "\n".join(TICKETS).encode()), **more)
    assert SavedMapping.objects.get().workspace == workspace
    again = upload(admin, workspace, "\n".join(TICKETS).replace("t-", "u-").encode())
    assert "Saved: tickets" in admin.get(page("map", again)).content.decode()
    sent = filled_in(admin, again, query="?start=saved:tickets")
    assert admin.post(page("map", again), {**sent, "import": "yes"}).status_code == 302
    work_off()
    assert DecisionRecord.objects.count() == 6
    other = WorkspaceFactory()
    stranger = signed_in(admin_of(other))
    elsewhere = upload(stranger, other, "\n".join(TICKETS).encode())
    assert "tickets</option>" not in stranger.get(page("map", elsewhere)).content.decode()


def test_mapping__looked_at__is_there_when_the_page_is_opened_again(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    sent = {**filled_in(admin, kept, missing="N/A\nNaN", words="sure=.9"), "preview": "yes"}
    assert admin.post(page("map", kept), sent).status_code == 200
    form = admin.get(page("map", kept)).context["form"]
    assert (form["missing"].value(), form["words"].value()) == ("N/A\nNaN", "sure=0.9")
    assert form["constant_policy_key"].value() == "confidence_gate"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.csv.gz", gzip.compress(lines(*GOOD))),
        ("history.csv", lines(*GOOD).replace(b",", b";")),
        ("history.tsv", lines(*GOOD).replace(b",", b"\t")),
        ("history.jsonl", b"\n".join(json.dumps(dict(zip(HEADER.split(","), [*row.split(",")[:4], 0.8, True],
         strict=True))).encode() for row in GOOD)),
        ("history.json", json.dumps([dict(zip(HEADER.split(","), [*row.split(",")[:4], 0.8, True], strict=True))
         for row in GOOD]).encode()),
    ],
)  # fmt: skip
def test_formats__each__is_guessed_by_name_and_content(
    admin: Client, workspace: Workspace, name: str, content: bytes
) -> None:
    kept = map_and_import(admin, upload(admin, workspace, content, name))
    assert (kept.status, kept.imported) == (Status.COMPLETE, 4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_export_of_a_tool__is_recognised_and_asks_only_for_what_it_does_not_hold(
    admin: Client, workspace: Workspace, case: Case
) -> None:
    said = {f"constant_{name}": value for name, value in case.options.items()}
    kept = upload(admin, workspace, (EXPORTS / case.file).read_bytes(), case.file)
    kept = map_and_import(admin, kept, constant_task="triage", **said)
    stored = {
        each.external_id: (str(each.llm_confidence), next((o.success for o in each.outcomes.all()), None))
        for each in DecisionRecord.objects.prefetch_related("outcomes")
    }
    assert (stored, kept.rejected) == (case.decisions, len(case.rejected))


def test_form_of_a_tool__is_offered_and_what_it_says_beyond_the_fields_is_kept(
    admin: Client, workspace: Workspace
) -> None:
    name = "langsmith_feedback.jsonl"
    kept = upload(admin, workspace, (EXPORTS / name).read_bytes(), name)
    shown = admin.get(f"{page('map', kept)}?start=form:langsmith-feedback").content.decode()
    assert "pivot_names: key" in shown
    assert "LangSmith: feedback" in shown
    said = {"constant_provider": "acme", "constant_model": "large", "constant_task": "triage", "preview": "yes"}
    assert admin.post(page("map", kept), filled_in(admin, kept, **said)).status_code == 200
    kept.refresh_from_db()
    assert (kept.mapping["pivot_names"], kept.mapping["times"]) == ("key", "utc")


def test_format__that_was_wrong__is_told_and_can_be_changed_on_the_page(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD), "history.json")
    shown = admin.get(page("map", kept))
    assert "no valid JSON document" in shown.content.decode()
    reply = admin.post(page("map", kept), {"format": "csv", "separator": ",", "preview": "yes"})
    shown = values_of(reply.context["form"])
    assert shown["column_confidence"] == "confidence"
    assert admin.post(page("map", kept), {**shown, **SAID, "import": "yes"}).status_code == 302
    work_off()
    assert DecisionRecord.objects.count() == 4


def test_upload__of_an_unknown_name__asks_for_the_format(admin: Client, workspace: Workspace) -> None:
    assert "format" in send(admin, workspace, lines(*GOOD), "history.txt").context["form"].errors
    assert send(admin, workspace, lines(*GOOD), "history.txt", format="csv").status_code == 302


@pytest.mark.parametrize("content", [b"", b"x" * 3000])
def test_upload__empty_or_too_large__is_told_and_nothing_is_kept(
    admin: Client, workspace: Workspace, settings: Any, folder: Path, content: bytes
) -> None:
    settings.CONFIDENCE_IMPORT_MAX_BYTES = 2000
    reply = send(admin, workspace, content)
    (told,) = reply.context["form"].errors["file"]
    assert "empty" in told if not content else "larger than" in told
    assert not DecisionImport.objects.exists()
    assert not folder.exists()


def test_upload__name_with_a_path_and_blanks__is_kept_as_a_name(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD), "../../Ms. Smith has measles.csv")
    assert kept.file_name == "Ms._Smith_has_measles.csv"


BROKEN = lines(*GOOD[:3], '2026-01-31T09:30:00Z,acme,large,"triage,0.9,1', *GOOD[3:])


def test_broken_quoting__in_the_first_rows__is_shown_and_cannot_be_imported(
    admin: Client, workspace: Workspace
) -> None:
    kept = upload(admin, workspace, BROKEN)
    shown = admin.get(page("map", kept)).content.decode()
    assert "record that begins in line 5 opens a quote that is never closed" in shown
    assert 'name="import"' not in shown


def test_broken_quoting__far_below__refuses_the_file_whole_before_anything_is_stored(
    admin: Client, workspace: Workspace
) -> None:
    kept = upload(admin, workspace, lines(*GOOD * 100, '2026-01-31T09:30:00Z,acme,large,"triage,0.9,1'))
    map_and_import(admin, kept)
    assert (kept.status, DecisionRecord.objects.count()) == (Status.REFUSED, 0)
    shown = said(admin, kept)
    assert "line 402 opens a quote" in shown
    assert page("map", kept) in shown


def test_scale__that_shows_far_below__is_refused_and_can_be_mapped_anew(admin: Client, workspace: Workspace) -> None:
    rows = [OWN_NAMES.format(second=1, confidence=0.5, success=1)] * 300
    rows.append(OWN_NAMES.format(second=2, confidence=93, success=1))
    kept = map_and_import(admin, upload(admin, workspace, lines(*rows)))
    assert (kept.status, DecisionRecord.objects.count()) == (Status.REFUSED, 0)
    assert "“Scale” 100" in said(admin, kept)
    kept = map_and_import(admin, kept, scale="100")
    assert (kept.status, kept.imported, kept.error) == (Status.COMPLETE, 301, "")


BAD = "2026-01-31T09:30:00Z,acme,large,triage,=HYPERLINK(1),1"


def test_rejects__are_named_and_downloaded_as_they_were_and_as_a_spreadsheet_may_have_them(
    admin: Client, workspace: Workspace
) -> None:
    kept = map_and_import(admin, upload(admin, workspace, lines(*GOOD, BAD, "short")))
    assert (kept.imported, kept.rejected) == (4, 2)
    assert kept.reasons[1]["rows"] == 1
    assert "HYPERLINK" not in json.dumps(kept.reasons)
    shown = said(admin, kept)
    assert "4 of 6 rows were imported; 2 were rejected" in shown
    assert "the line has 1 values for 6 columns" in shown
    verbatim = admin.get(page("rejects", kept))
    assert b"".join(verbatim.streaming_content) == lines(BAD, "short")
    assert verbatim["Content-Disposition"] == 'attachment; filename="history.rejects.csv"'
    assert "no-store" in verbatim["Cache-Control"]
    table = b"".join(admin.get(page("rejects-to-look-at", kept)).streaming_content).decode()
    header, bad, short = csv.reader(io.StringIO(table))
    assert header == ["line", "reason", *HEADER.split(",")]
    assert (bad[0], bad[6], short) == ("6", "'=HYPERLINK(1)", ["7", "the line has 1 values for 6 columns", *[""] * 6])


@pytest.mark.parametrize("value", ["=1", "+cmd", "@x", "-x", "\t=1", " =1", "|x", "%x"])
def test_rejects__value_that_a_spreadsheet_would_run__is_text(admin: Client, workspace: Workspace, value: str) -> None:
    good = dict(zip(HEADER.split(","), [*GOOD[0].split(",")[:4], 0.8, True], strict=True))
    bad = {"confidence": value, "number": -1.5, "text": "-1.5"}
    content = "\n".join(json.dumps(row) for row in (good, bad))
    kept = upload(admin, workspace, content.encode(), "history.jsonl")
    kept = map_and_import(admin, kept, ignore_unknown="on")
    table = b"".join(admin.get(page("rejects-to-look-at", kept)).streaming_content).decode()
    assert list(csv.reader(io.StringIO(table)))[1][2:] == [f"'{value}", "-1.5", "-1.5"]


def test_text_of_the_file__is_in_no_table_and_no_log(
    admin: Client, workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{GOOD[0]},{TEXT}", f"{GOOD[1].replace('0.8', TEXT)},", f'{GOOD[2]},"{TEXT}\n{TEXT}"']
    kept = upload(admin, workspace, lines(*rows, header=f"{HEADER},note"), f"{TEXT}.csv")
    kept = map_and_import(admin, kept, ignore_unknown="on")
    assert (kept.imported, kept.rejected) == (2, 1)
    assert columns_with(TEXT) == set()
    assert TEXT not in caplog.text


def test_rejects__mended__import(admin: Client, workspace: Workspace) -> None:
    kept = map_and_import(admin, upload(admin, workspace, lines(*GOOD, BAD)))
    mended = b"".join(admin.get(page("rejects", kept)).streaming_content).replace(b"=HYPERLINK(1)", b"0.7")
    assert map_and_import(admin, upload(admin, workspace, mended)).imported == 1


def test_rejects__removed__are_gone_and_the_import_stays(admin: Client, workspace: Workspace, folder: Path) -> None:
    kept = map_and_import(admin, upload(admin, workspace, lines(*GOOD, BAD)))
    assert admin.post(page("remove-files", kept)).status_code == 302
    kept.refresh_from_db()
    assert (kept.status, kept.kept_as, list(folder.iterdir())) == (Status.COMPLETE, None, [])
    assert admin.get(page("rejects", kept)).status_code == 404


def test_same_file__twice__changes_nothing_and_says_so(admin: Client, workspace: Workspace) -> None:
    first = map_and_import(admin, upload(admin, workspace, lines(*GOOD)))
    second = map_and_import(admin, upload(admin, workspace, gzip.compress(lines(*GOOD)), "again.csv.gz"))
    assert (second.imported, second.unchanged, DecisionRecord.objects.count()) == (0, 4, 4)
    shown = said(admin, second)
    assert "Nothing is new: all 4 rows were known already." in shown
    assert page("change", first) in shown


def test_import__asked_for_twice__is_carried_out_once(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    sent = {**filled_in(admin, kept), "import": "yes"}
    for _ in range(2):
        reply = admin.post(page("map", kept), sent)
        assert (reply.status_code, reply["Location"]) == (302, page("change", kept))
    assert DBTaskResult.objects.count() == 1
    carry_out_import.enqueue(kept.pk)
    work_off()
    kept.refresh_from_db()
    assert (kept.attempt, kept.imported, kept.unchanged) == (1, 4, 0)


def test_import__of_which_no_row_is_good__is_not_begun(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(BAD))
    reply = admin.post(page("map", kept), {**filled_in(admin, kept), "import": "yes"})
    assert "None of the first rows would be imported" in reply.content.decode()
    assert not DBTaskResult.objects.exists()


SLOW = """
import time
from ledger.imports import services
services.CHUNK = 100
whole = services.write_rows
def once(kept, rows):
    done = whole(kept, rows)
    if services.course.DecisionImport.objects.get().imported >= 200:
        time.sleep(600)
    return done
services.write_rows = once
"""


def rows_of(count: int) -> list[str]:
    return [f"2026-01-31T09:30:00Z,acme,large,triage,0.8,{place % 2}" for place in range(count)]


def test_worker_killed_in_the_middle__the_state_is_honest_and_it_goes_on_to_the_right_counts(
    admin: Client, workspace: Workspace, folder: Path
) -> None:
    kept = upload(admin, workspace, lines(*rows_of(450), BAD))
    assert admin.post(page("map", kept), {**filled_in(admin, kept), "import": "yes"}).status_code == 302
    with worker_process(before=SLOW, CONFIDENCE_IMPORT_FOLDER=str(folder)) as worker:
        while DecisionRecord.objects.count() < 200:
            assert worker.poll() is None
            time.sleep(0.05)
        worker.kill()
    kept.refresh_from_db()
    assert (kept.status, kept.imported, DecisionRecord.objects.count()) == (Status.RUNNING, 200, 200)
    assert admin.get(page("go-on", kept)).status_code == 409
    DecisionImport.objects.update(heartbeat_at=timezone.now() - SILENCE - timedelta(seconds=1))
    shown = said(admin, kept)
    assert "Broke off" in shown
    assert "its process died" in shown
    assert "http-equiv" not in shown
    assert admin.post(page("go-on", kept)).status_code == 302
    work_off()
    kept.refresh_from_db()
    assert (kept.status, kept.attempt, kept.imported, kept.unchanged, kept.rejected) == (Status.COMPLETE, 2, 450, 0, 1)
    assert DecisionRecord.objects.count() == 450


def test_worker_that_was_taken_for_dead__stores_nothing_more(
    admin: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(admin, workspace, lines(*rows_of(4)))
    monkeypatch.setattr(services, "CHUNK", 2)
    whole = services.write_rows

    def taken_over_after_the_first(*args: Any) -> Any:
        done = whole(*args)
        DecisionImport.objects.update(attempt=2)
        return done

    monkeypatch.setattr(services, "write_rows", taken_over_after_the_first)
    map_and_import(admin, kept)
    assert (kept.status, kept.imported, DecisionRecord.objects.count()) == (Status.RUNNING, 2, 2)


def test_stop__in_the_middle__keeps_what_was_stored_and_it_can_go_on(
    admin: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(admin, workspace, lines(*rows_of(4)))
    monkeypatch.setattr(services, "CHUNK", 2)
    whole, asked = services.write_rows, []

    def stopped_after_the_first(*args: Any) -> Any:
        done = whole(*args)
        if not asked:
            asked.append(page("stop", kept))
            assert admin.post(page("stop", kept)).status_code == 302
        return done

    monkeypatch.setattr(services, "write_rows", stopped_after_the_first)
    map_and_import(admin, kept)
    assert (kept.status, kept.imported, DecisionRecord.objects.count()) == (Status.STOPPED, 2, 2)
    assert "It was stopped by" in said(admin, kept)
    assert admin.post(page("go-on", kept)).status_code == 302
    work_off()
    kept.refresh_from_db()
    assert (kept.status, kept.imported, kept.unchanged) == (Status.COMPLETE, 4, 0)


def test_no_worker_came__for_long__it_can_be_asked_for_again(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    assert admin.post(page("map", kept), {**filled_in(admin, kept), "import": "yes"}).status_code == 302
    assert admin.get(page("go-on", kept)).status_code == 409
    DBTaskResult.objects.all().delete()
    DecisionImport.objects.update(heartbeat_at=timezone.now() - PATIENCE - timedelta(seconds=1))
    assert admin.post(page("go-on", kept)).status_code == 302
    work_off()
    assert DecisionRecord.objects.count() == 4


def test_worker__without_the_folder__says_what_to_do(
    admin: Client, workspace: Workspace, settings: Any, tmp_path: Path
) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    sent = {**filled_in(admin, kept), "import": "yes"}
    assert admin.post(page("map", kept), sent).status_code == 302
    settings.CONFIDENCE_IMPORT_FOLDER = tmp_path / "elsewhere"
    work_off()
    kept.refresh_from_db()
    assert (kept.status, kept.can_go_on) == (Status.STOPPED, True)
    assert "CONFIDENCE_IMPORT_FOLDER" in kept.error


def test_worker__breaks__says_so_without_a_word_of_data(
    admin: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError(BAD)

    monkeypatch.setattr(queue, "import_decisions", broken)
    kept = map_and_import(admin, upload(admin, workspace, lines(*GOOD)))
    assert (kept.status, kept.error) == (Status.STOPPED, "ZeroDivisionError: the log of the process says more.")
    assert "in broken" in caplog.text
    assert BAD not in f"{caplog.text}{list(DBTaskResult.objects.values())}"


def test_page__while_it_runs__shows_progress_and_reloads_without_a_script(admin: Client, workspace: Workspace) -> None:
    kept = upload(admin, workspace, lines(*GOOD))
    DecisionImport.objects.update(status=Status.RUNNING, progress=0.25, heartbeat_at=timezone.now())
    shown = said(admin, kept)
    assert 'value="0.250"' in shown
    assert "http-equiv" in shown
    reply = signed_in(viewer_of(workspace)).get(page("progress", kept))
    assert (reply.json()["progress"], reply.json()["is_over"]) == (0.25, False)
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.parametrize("old", ["upload", "rejects", "stray"])
def test_prune__removes_what_is_old_and_nothing_else(
    admin: Client, workspace: Workspace, folder: Path, old: str
) -> None:
    kept = upload(admin, workspace, lines(*GOOD, BAD))
    if old == "rejects":
        map_and_import(admin, kept)
    upload(admin, workspace, lines(*GOOD))
    young = set(folder.glob(f"{DecisionImport.objects.latest('pk').kept_as.hex}*"))
    if old == "stray":
        DecisionImport.objects.filter(pk=kept.pk).delete()
        for file in set(folder.iterdir()) - young:
            os.utime(file, (0, 0))
    DecisionImport.objects.filter(pk=kept.pk).update(heartbeat_at=timezone.now() - timedelta(days=8))
    output = io.StringIO()
    call_command("prune_imports", stdout=output)
    assert set(folder.iterdir()) == young
    assert output.getvalue() == f"Removed the files of {0 if old == 'stray' else 1} imports.\n"
    if old != "stray":
        kept.refresh_from_db()
        assert kept.status == (Status.COMPLETE if old == "rejects" else Status.DISCARDED)


# Who may.


def address_of_each_verb(kept: DecisionImport) -> list[str]:
    return [page(name, kept) for name in ("map", "stop", "go-on", "remove-files", "rejects", "rejects-to-look-at")]


@pytest.fixture
def kept(admin: Client, workspace: Workspace) -> DecisionImport:
    return map_and_import(admin, upload(admin, workspace, lines(*GOOD, BAD)))


def test_viewer__sees_imports__and_may_do_none_of_the_verbs(workspace: Workspace, kept: DecisionImport) -> None:
    viewer = signed_in(viewer_of(workspace))
    assert "history.csv" in viewer.get(reverse(LIST)).content.decode()
    assert reverse(ADD) not in viewer.get(reverse(LIST)).content.decode()
    assert page("rejects", kept) not in said(viewer, kept)
    assert viewer.get(reverse(ADD)).status_code == 403
    assert send(viewer, workspace, lines(*GOOD)).status_code == 403
    for address in address_of_each_verb(kept):
        reply = viewer.get(address)
        assert (address, reply.status_code) == (address, 403)
        assert who_may(Verb.OPERATE) in reply.content.decode()
        assert viewer.post(address).status_code in (403, 405)
    assert DecisionImport.objects.count() == 1


@pytest.mark.parametrize("who", ["admin of another workspace", "staff without one"])
def test_stranger__finds_nothing_and_imports_nothing(workspace: Workspace, kept: DecisionImport, who: str) -> None:
    stranger = signed_in(admin_of(WorkspaceFactory()) if who.startswith("admin") else UserFactory())
    assert "history.csv" not in stranger.get(reverse(LIST)).content.decode()
    for address in [*address_of_each_verb(kept), page("progress", kept)]:
        assert (address, stranger.get(address).status_code) == (address, 404)
        assert stranger.post(address).status_code in (404, 405)
    assert send(stranger, workspace, lines(*GOOD)).status_code in (200, 403)
    assert DecisionImport.objects.count() == 1


def test_anonymous__is_sent_to_the_sign_in(kept: DecisionImport) -> None:
    for address in [reverse(ADD), reverse(LIST), *address_of_each_verb(kept), page("progress", kept)]:
        assert "/login/" in Client().get(address)["Location"]


def test_superuser__may(workspace: Workspace) -> None:
    client = signed_in(SuperuserFactory())
    assert map_and_import(client, upload(client, workspace, lines(*GOOD))).imported == 4


def test_admin_who_lost_the_role__with_the_page_open__imports_nothing(workspace: Workspace) -> None:
    person = admin_of(workspace)
    client = signed_in(person)
    kept = upload(client, workspace, lines(*GOOD))
    sent = {**filled_in(client, kept), "import": "yes"}
    workspace.memberships.filter(user=person).update(role="viewer")
    assert client.post(page("map", kept), sent).status_code == 403
    assert not DBTaskResult.objects.exists()


def test_list__says_what_became_of_each_and_filters(admin: Client, kept: DecisionImport) -> None:
    shown = admin.get(reverse(LIST)).content.decode()
    assert "Imports</h1>" in shown
    assert 'class="badge complete"' in shown
    assert "history.csv" not in admin.get(f"{reverse(LIST)}?status__exact=REFUSED").content.decode()


def test_list__empty__says_what_to_do(admin: Client, workspace: Workspace) -> None:
    shown = admin.get(reverse(LIST)).content.decode()
    assert "How past decisions get in" in shown
    assert shown.count(reverse(ADD)) == 2


def test_import_by_command__is_in_the_list(admin: Client, workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "by-command.csv"
    path.write_bytes(lines(*GOOD))
    call_command("import_decisions", str(path), workspace="acme", policy_key="confidence_gate", stdout=io.StringIO())
    kept = DecisionImport.objects.get()
    assert (kept.status, kept.file_name, kept.file_bytes) == (Status.COMPLETE, "by-command.csv", len(lines(*GOOD)))
    assert "by-command.csv" in admin.get(reverse(LIST)).content.decode()
    assert "4 of 4 rows were imported" in said(admin, kept)
