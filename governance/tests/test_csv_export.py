"""Lists as CSV: the rows of the person, narrowed as the list is, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from governance.admin_kit import csv_export
from governance.admin_kit.csv_export import cell
from governance.admin_kit.scoped_admin import ScopedAdmin
from governance.controls.services import block_source, engage_kill_switch
from governance.models import BlockedSource, ConfidencePolicyProposal, KillSwitch
from governance.tests.browser import signed_in, url, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, approved, pending, viewer_of

pytestmark = pytest.mark.django_db


def exported(client, model, query=""):
    response = client.get(url(model, "export") + query)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


@pytest.mark.parametrize(
    "value, written",
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (-0.5, "-0.5"),
        ("+1.25", "+1.25"),
        ("m-1", "m-1"),
        (None, ""),
        (True, "yes"),
    ],
)
def test_cell__what_a_spreadsheet_would_run__is_text(value, written):
    assert cell(value) == written


def test_list__filters_of_the_address__hold_for_the_file():
    workspace, other = WorkspaceFactory(), WorkspaceFactory()
    superuser = SuperuserFactory()
    waiting, done = pending(workspace), approved(other)
    assert len(exported(signed_in(superuser), ConfidencePolicyProposal)) == 2
    (row,) = exported(signed_in(superuser), ConfidencePolicyProposal, f"?workspace={other.slug}&status=APPROVED")
    assert row["id"] == str(done.pk)
    assert row["status"] == "Waits to be applied"
    assert "Confidence gate would allow more" in row["would"]
    assert "<" not in "".join(row.values())
    assert datetime.fromisoformat(row["created at"]) == done.created_at
    assert waiting.pk != done.pk


def test_list__of_a_member__holds_no_row_of_others():
    mine, foreign = WorkspaceFactory(), WorkspaceFactory()
    for workspace in (mine, foreign):
        engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason=f"Smoke in {workspace.slug}.")
    (row,) = exported(signed_in(viewer_of(mine)), KillSwitch)
    assert row["reason"] == f"Smoke in {mine.slug}."
    assert exported(signed_in(viewer_of(mine)), KillSwitch, f"?workspace={foreign.slug}") == []


def test_list__name_that_begins_like_a_formula__is_text():
    workspace = WorkspaceFactory()
    who = {"actor": admin_of(workspace), "workspace": workspace, "reason": "Wrong."}
    block_source(**who, kind="model", value='=HYPERLINK("https://evil.example")')
    (row,) = exported(signed_in(viewer_of(workspace)), BlockedSource)
    assert row["value"] == '\'=HYPERLINK("https://evil.example")'


def test_list__too_long__says_so_and_gives_nothing(monkeypatch):
    monkeypatch.setattr(csv_export, "MOST_ROWS", 1)
    workspace = WorkspaceFactory()
    for key in ("confidence_gate", "decision_gate"):
        engage_kill_switch(actor=admin_of(workspace), workspace=workspace, policy_key=key, reason="Smoke.")
    response = signed_in(viewer_of(workspace)).get(url(KillSwitch, "export"), follow=True)
    assert "narrow the list by its filters first" in words(response)
    assert len(exported(signed_in(viewer_of(workspace)), KillSwitch, "?policy_key=decision_gate")) == 1


def test_list__nobody_signed_in__is_asked_to():
    assert signed_in(SuperuserFactory()).get(url(KillSwitch, "export")).status_code == 200
    assert "/admin/login/" in Client().get(url(KillSwitch, "export"))["Location"]


def test_every_list__offers_it_with_its_filters_and_gives_a_file():
    superuser = signed_in(SuperuserFactory())
    for model, model_admin in admin.site._registry.items():
        if isinstance(model_admin, ScopedAdmin):
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_export")
            response = superuser.get(address)
            assert response.status_code == 200, address
            assert response.getvalue().decode().startswith("id,"), address


def test_every_list__says_in_words_of_its_own_that_it_is_empty():
    for model, model_admin in admin.site._registry.items():
        if isinstance(model_admin, ScopedAdmin):
            assert model_admin.nothing_yet, model
            assert not model_admin.nothing_yet.endswith("."), model
