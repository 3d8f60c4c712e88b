"""What the log has of a request that was refused: one line, without a traceback and without what was sent."""

from __future__ import annotations

import io
import logging

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from calibration.runs.queue import carry_out_queued_run, request_calibration
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
PLANTED = "planted-words"


@pytest.fixture
def log():
    """What the console shows, as the settings have it."""
    (console,) = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    before = console.setStream(io.StringIO())
    yield console.stream
    console.setStream(before)


def only_line(log):
    (line,) = log.getvalue().splitlines()
    assert PLANTED not in line
    return line


def test_page_that_is_not_ones_own(log):
    assert signed_in(UserFactory()).get(reverse("admin:auth_user_changelist")).status_code == 403
    assert "Forbidden (Permission denied)" in only_line(log)


def test_form_of_too_many_fields(log):
    assert Client().post("/admin/login/", {f"{PLANTED}-{number}": "" for number in range(1001)}).status_code == 400
    assert only_line(log).endswith("request refused: TooManyFieldsSent")


def test_form_that_cannot_be_read(log):
    sent = b"no boundary in " + PLANTED.encode()
    reply = Client().post("/admin/login/", sent, content_type="multipart/form-data; boundary=")
    assert reply.status_code == 400
    assert "Bad request" in only_line(log)


def test_fault_of_ours__keeps_its_traceback(log, monkeypatch):
    monkeypatch.setattr(admin.site, "each_context", lambda request: 1 / 0)
    signed_in(UserFactory(), raise_request_exception=False).get(reverse("admin:index"))
    assert "ZeroDivisionError" in log.getvalue()


def test_fault_of_ours__is_shown_by_where_it_was_and_never_by_its_message(log, monkeypatch):
    def fail(request):
        try:
            raise ValueError(PLANTED)
        except ValueError as error:
            raise RuntimeError(PLANTED) from error

    monkeypatch.setattr(admin.site, "each_context", fail)
    signed_in(UserFactory(), raise_request_exception=False).get(reverse("admin:index"))
    assert PLANTED not in log.getvalue()
    assert ", in fail" in log.getvalue()
    assert "ValueError\nwhich led to\n" in log.getvalue()


def test_calibration_that_fails__its_message_is_in_no_log(log, monkeypatch, caplog):
    def fail(run, parameters):
        raise ValueError(PLANTED)

    root = SuperuserFactory()
    monkeypatch.setattr("calibration.runs.queue.carry_out", fail)
    run = request_calibration(actor=root, workspace=WorkspaceFactory())
    carry_out_queued_run.call(run.pk)
    run.refresh_from_db()
    assert run.status == "FAILED"
    assert PLANTED not in caplog.text + log.getvalue() + run.error
    assert "ValueError" in caplog.text
