"""The workbench by keys alone: right, wrong, cannot tell, skip, undo; and what the answers tell of reviewers."""

from __future__ import annotations

import statistics
import time
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from confidence_project.desk.e2e.looking import WIDE, looked_at
from governance.workspaces.cases import set_case_url
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionOutcome, DecisionRecord, Judgement
from ledger.recording import new_decision_id
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.browser

CASES = "https://desk.example.org/cases/{external_id}"


@pytest.fixture
def drawn(workspace):
    """Decisions that wait for people."""
    return [
        DecisionRecordFactory(
            workspace=workspace, gate_verdict="block", gate_reason="llm_confidence_below_threshold",
            llm_confidence="0.8123", audit_selected=True, label_propensity="0.05", external_id=f"mail-{number}",
            action_type="retry",
        )
        for number in range(8)
    ]  # fmt: skip


def test_workbench__by_keys__labels_and_takes_back(visitor, workspace, drawn):
    superuser = User.objects.filter(is_superuser=True).first()
    set_case_url(actor=superuser, workspace=workspace, case_url=CASES)
    set_labelling_rules(
        actor=superuser, workspace=workspace, policy_key="confidence_gate", reason="Busy.", twice_share=Decimal(1)
    )
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    page.locator("#nav-sidebar").get_by_role("link", name="Workbench").click()
    waiting = int(page.locator(".tags strong").first.inner_text())
    assert looked_at(person, "workbench", keep=True) == []
    # What is to be judged has the focus, so that it is read out.
    assert "was the action right?" in page.evaluate("document.activeElement.innerText")
    for key in "ync":
        with page.expect_navigation():
            page.keyboard.press(key)
    assert "You answered Cannot tell" in " ".join(page.locator(".last").inner_text().split())
    assert looked_at(person, "workbench-answered", keep=True) == []
    assert int(page.locator(".tags strong").first.inner_text()) == waiting - 3
    with page.expect_navigation():
        page.keyboard.press("u")
    with page.expect_navigation():
        page.keyboard.press("s")
    assert list(Judgement.objects.order_by("id").values_list("answer", flat=True)) == [
        "right", "wrong", "cannot_tell", "undone", "skipped",
    ]  # fmt: skip
    assert DecisionOutcome.objects.filter(source="human_review").count() == 2
    other = visitor("superuser", viewport=WIDE)
    other.open("/admin/ledger/judgement/workbench/")
    for _ in range(4):
        with other.page.expect_navigation():
            other.page.keyboard.press("y")
    page.locator("#nav-sidebar").get_by_role("link", name="Reviewers", exact=True).click()
    assert "reviewer" in page.locator("table.figures").inner_text()
    assert looked_at(person, "reviewers", keep=True) == []


def test_workbench__single_keys_turned_off__buttons_still_answer(visitor, workspace, drawn):
    person = visitor("reviewer", viewport=WIDE)
    page = person.page
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Single keys are shortcuts").uncheck()
    page.get_by_role("button", name="Save").click()
    person.open("/admin/ledger/judgement/workbench/")
    page.keyboard.press("y")
    assert not Judgement.objects.exists()
    page.get_by_role("button", name="Right").click()
    assert Judgement.objects.get().answer == "right"


def test_workbench__a_hundred_labels_by_keys__leave_time_to_look(visitor, workspace, capsys):
    """A quarter of an hour for a hundred leaves nine seconds a label: of these the machine may take half."""
    records = [
        DecisionRecordFactory.build(
            decision_id=new_decision_id(), workspace=workspace, gate_verdict="block", audit_selected=True,
            label_propensity="0.05", external_id=f"mail-{number}",
        )
        for number in range(120)
    ]  # fmt: skip
    DecisionRecord.objects.bulk_create(records)
    person = visitor("reviewer", viewport=WIDE)
    person.open("/admin/ledger/judgement/workbench/")
    page, before = person.page, Judgement.objects.count()
    spent = []
    for number in range(100):
        start = time.monotonic()
        with page.expect_navigation():
            page.keyboard.press("yync"[number % 4])
        spent.append(time.monotonic() - start)
    assert Judgement.objects.count() - before == 100
    median, slowest = statistics.median(spent), sorted(spent)[98]
    with capsys.disabled():
        print(f"\na label: {median * 1000:.0f} ms of the machine (median), {slowest * 1000:.0f} ms (99th of 100)")
    assert sum(spent) < 15 * 60 / 2
