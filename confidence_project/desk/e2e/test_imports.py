"""A file of somebody else's, from the upload to the rejects: by clicking, and by keyboard where a page decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from confidence_project.desk.e2e.keyboard import enter, tab_to
from confidence_project.desk.e2e.looking import WIDE, complaints_of_axe, looked_at
from governance.tests.workers import work_off
from ledger.models import DecisionImport, DecisionRecord

pytestmark = pytest.mark.browser

TICKETS = [
    "ticket;opened;ai_conf;verdict;agent_note",
    *(
        f'T-{n};2026-10-{n % 28 + 1:02}T09:30:00Z;{70 + n % 30};{"ACCEPT" if n % 7 else "REJECT"};"Refund; ""late"""'
        for n in range(240)
    ),
    "T-998;2026-10-01 09:30;88;ACCEPT;",
    "T-999;2026-10-01T09:30:00Z;88;PERHAPS;",
]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.CONFIDENCE_IMPORT_FOLDER = tmp_path / "imports"


@pytest.fixture
def tickets(tmp_path) -> Path:
    path = tmp_path / "tickets of October.csv"
    path.write_text("\n".join(TICKETS) + "\n", "utf-8")
    return path


def main(person) -> str:
    return person.page.get_by_role("main").inner_text()


def test_import__the_whole_way__upload_map_import_and_rejects(visitor, workspace, tickets):
    reviewer = visitor("reviewer", viewport=WIDE)
    page = reviewer.page
    page.get_by_role("link", name="Imports", exact=True).first.click()
    assert "How past decisions get in" in main(reviewer)
    assert looked_at(reviewer, "imports-empty", keep=True) == []
    page.get_by_role("main").get_by_role("link", name="Import a file").first.click()
    assert looked_at(reviewer, "import-upload", keep=True) == []
    assert page.get_by_label("Workspace:").input_value() == str(workspace.pk)
    page.get_by_label("File:").set_input_files(tickets)
    page.get_by_role("button", name="Upload and look at it").click()

    # The separator and the names are guessed, the rest is asked for beside its field.
    assert page.get_by_label("Confidence:", exact=True).input_value() == "ai_conf"
    assert page.get_by_label("Scale").input_value() == "100"
    assert "Still to be said: Provider, Model, Decided at, Policy key, Task, Success." in main(reviewer)
    assert looked_at(reviewer, "import-map", keep=True) == []
    page.get_by_role("button", name="Import", exact=True).click()
    assert "Nothing is taken from opened, verdict, agent_note." in main(reviewer)
    assert looked_at(reviewer, "import-map-errors", keep=True) == []
    page.get_by_role("link", name="Decided at", exact=True).click()
    page.keyboard.type("opened")
    assert page.get_by_label("Decided at:", exact=True).input_value() == "opened"
    page.get_by_label("Policy key of every row").select_option("confidence_gate")
    for name, value in {"Provider": "acme", "Model": "clerk-2", "Task": "refund"}.items():
        page.get_by_label(f"{name} of every row").fill(value)
    page.get_by_label("Success when").fill("verdict=ACCEPT")
    page.get_by_label("Failure when").fill("verdict=REJECT")
    page.get_by_label("Ignore unknown").check()
    page.get_by_label("Save as").fill("tickets")
    page.get_by_role("button", name="Preview again").click()
    assert "Of the first 200 rows 200 would be imported" in main(reviewer)
    assert "The mapping is saved as “tickets”." in page.locator(".messagelist").inner_text()
    assert looked_at(reviewer, "import-map-ready", keep=True) == []
    assert not DecisionRecord.objects.exists()
    tab_to(page, "Import")
    enter(page)

    page.get_by_text("Waits for a worker to take it up.").wait_for()
    assert complaints_of_axe(reviewer) == []
    rows = DecisionImport.objects.all()
    rows.update(status="RUNNING", progress=0.4, heartbeat_at=timezone.now())
    page.get_by_role("status").get_by_text("40 % done").wait_for()
    assert looked_at(reviewer, "import-running", keep=True) == []
    rows.update(status="PENDING")
    work_off()
    page.locator(".lead .badge.complete").wait_for()
    assert "240 of 242 rows were imported; 2 were rejected." in main(reviewer)
    assert looked_at(reviewer, "import-complete", keep=True) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rejected rows").click()
    assert download.value.suggested_filename == "tickets_of_October.rejects.csv"
    assert download.value.path().read_text("utf-8").splitlines() == [TICKETS[0], *TICKETS[-2:]]
    page.get_by_role("link", name="The imported decisions").click()
    assert "clerk-2" in main(reviewer)

    reviewer.open("/admin/ledger/decisionimport/add/")
    page.get_by_label("File:").set_input_files(tickets)
    page.get_by_role("button", name="Upload and look at it").click()
    page.get_by_label("Start from").select_option("saved:tickets")
    page.get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="Import", exact=True).click()
    work_off()
    page.locator(".lead .badge.complete").wait_for()
    assert "0 of 242 rows were imported; 240 were known already, 2 were rejected" in " ".join(main(reviewer).split())
    reviewer.open("/admin/ledger/decisionimport/")
    assert looked_at(reviewer, "imports", keep=True) == []


def test_import__broken_quoting__says_where_and_offers_no_import(visitor, workspace, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text('id,confidence,success\n1,.9,1\n2,"it said "no",1\n', "utf-8")
    reviewer = visitor("reviewer")
    page = reviewer.page
    reviewer.open("/admin/ledger/decisionimport/add/")
    page.get_by_label("File:").set_input_files(broken)
    page.get_by_role("button", name="Upload and look at it").click()
    assert "the record that begins in line 3" in main(reviewer)
    assert page.get_by_role("button", name="Import", exact=True).count() == 0
    assert looked_at(reviewer, "import-broken", keep=True) == []
    page.get_by_role("link", name="Go back").click()
    page.get_by_role("link", name="Remove its files").click()
    page.get_by_role("button", name="Remove its files").click()
    assert "The file was removed before its import was complete." in main(reviewer)


def test_import__by_a_viewer__is_not_offered_and_refused_by_address(visitor, workspace):
    viewer = visitor("viewer")
    viewer.open("/admin/ledger/decisionimport/")
    assert viewer.page.get_by_role("link", name="Import a file").count() == 0
    viewer.expect(403, "/admin/ledger/decisionimport/add/")
    assert viewer.post("/admin/ledger/decisionimport/add/", workspace=str(workspace.pk)) == 403
