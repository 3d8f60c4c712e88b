"""Retention periods and legal holds: set on pages and by commands, by whom, with a history."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from confidence_project.foundation.errors import InvalidInput, PermissionRefused
from governance.audit.reading import Wanted, every_line
from governance.controls.retention import (
    end_retention,
    hold_on,
    lift_legal_hold,
    place_legal_hold,
    retention_of,
    set_retention,
)
from governance.models import LegalHold, RetentionPeriod
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory(slug="acme")


def page(model, name, *args):
    return reverse(f"admin:governance_{model._meta.model_name}_{name}", args=args)


def test_retention_and_hold__on_their_pages__are_in_force_until_they_are_ended(workspace):
    client = Client()
    client.force_login(admin_of(workspace))
    for model, asked, verb in (
        (RetentionPeriod, {"days": 400}, "end"),
        (LegalHold, {}, "lift"),
    ):
        sent = {**asked, "workspace": workspace.pk, "reason": "Matter 2026-14"}
        first = client.post(page(model, "add"), sent)
        assert not model.objects.exists(), "what it does is read first"
        assert client.post(page(model, "add"), {**sent, "read": first.context["read"]}).status_code == 302
        row = model.objects.in_force().get()
        assert client.post(page(model, verb, row.pk), {"reason": "Over."}).status_code == 302
        assert not model.objects.in_force().exists()


def test_retention__set_again__replaces_and_keeps_the_history(workspace):
    admin = admin_of(workspace)
    for days in (400, 90):
        set_retention(actor=admin, workspace=workspace, days=days, reason="Policy on records.")
    assert retention_of(workspace).days == 90
    assert RetentionPeriod.objects.count() == 2
    end_retention(actor=admin, workspace=workspace, reason="Under revision.")
    assert retention_of(workspace) is None


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_retention__days_that_are_none__refused(workspace, days):
    with pytest.raises(InvalidInput, match="number of days from 1 to 36500"):
        set_retention(actor=admin_of(workspace), workspace=workspace, days=days, reason="Policy.")


@pytest.mark.parametrize("act", [place_legal_hold, lift_legal_hold, end_retention])
def test_retention_and_hold__viewer__refused(workspace, act):
    with pytest.raises(PermissionRefused):
        act(actor=viewer_of(workspace), workspace=workspace, reason="Because.")


def test_hold__by_commands__is_placed_once_and_lifted_and_stands_in_the_audit_trail(workspace):
    who = ["--workspace", "acme", "--as", admin_of(workspace).username, "--reason", "Matter 2026-14"]
    call_command("place_legal_hold", *who, stdout=StringIO())
    assert hold_on(workspace).reason == "Matter 2026-14"
    with pytest.raises(CommandError, match="in force already"):
        call_command("place_legal_hold", *who, stdout=StringIO())
    call_command("lift_legal_hold", *who, stdout=StringIO())
    assert hold_on(workspace) is None
    call_command("set_retention", "365", *who, stdout=StringIO())
    call_command("end_retention", *who, stdout=StringIO())
    with pytest.raises(CommandError, match="not in force"):
        call_command("end_retention", *who, stdout=StringIO())
    lines = every_line(actor=admin_of(workspace), workspace=workspace, wanted=Wanted(title="Retention and legal holds"))
    assert [str(line.what) for line in lines] == [
        "Retention period ended",
        "Retention period started",
        "Legal hold ended",
        "Legal hold started",
    ]
