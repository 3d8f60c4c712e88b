"""Errors are problem JSON below the API's paths and pages elsewhere, whatever went wrong."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.test import Client

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.problems import status_of
from governance.tests.callers import Caller
from ledger.tests.bodies import envelope
from telemetry.models import AIDraft
from telemetry.tests import bodies

PROBLEM = "application/problem+json"

STATUS = {"bug": 500, "suspicious": 400, "forbidden": 403, "gone": 404}


@pytest.fixture
def _faulty(settings):
    settings.ROOT_URLCONF = "confidence_project.tests.faulty_urls"


@pytest.mark.django_db
@pytest.mark.usefixtures("_faulty")
@pytest.mark.parametrize("kind", STATUS)
@pytest.mark.parametrize("prefix, content_type", [
    ("/api/plain/", PROBLEM), ("/api/rest/", PROBLEM), ("/page/", "text/html; charset=utf-8"),
])  # fmt: skip
def test_error__in_a_view__problem_for_machines_and_a_page_for_people(kind, prefix, content_type):
    reply = Client(raise_request_exception=False).get(f"{prefix}{kind}")
    assert (reply.status_code, reply["Content-Type"]) == (STATUS[kind], content_type)
    if content_type == PROBLEM:
        problem = reply.json()
        assert problem["status"] == STATUS[kind]
        assert set(problem) >= {"type", "title", "detail", "code"}
        assert b"planted-text" not in reply.content


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/", "/api/v1/drafts/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_endpoint__below_an_api_path__404_problem_in_debug_too(settings, debug, path, method):
    settings.DEBUG = debug
    reply = getattr(Client(), method)(path)
    assert (reply.status_code, reply["Content-Type"]) == (404, PROBLEM)


def test_unknown_page__404_page():
    reply = Client().get("/nothing")
    assert (reply.status_code, reply["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.django_db
def test_type__of_a_domain_problem__resolves_to_its_page():
    caller, body = Caller(), envelope()
    caller.post("decisions", body)
    problem = caller.post("decisions", {**body, "ml_risk_score": 0.5}).json()
    page = Client().get(problem["type"])
    assert page.status_code == 200
    assert problem["title"] in page.content.decode()
    assert "409" in page.content.decode()


@pytest.mark.django_db
def test_type__of_a_plain_http_error__is_about_blank():
    problem = Client().get("/api/v1/drafts").json()
    assert (problem["type"], problem["title"], problem["status"]) == ("about:blank", "Unauthorized", 401)


def test_problem_page__unknown_code__404():
    assert Client().get("/problems/nothing").status_code == 404


def test_domain_errors__each_has_a_status_a_code_and_a_meaning():
    kinds = DomainError.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
        assert kind.code
        assert kind.__doc__
        assert 400 <= status_of(kind) < 600


@pytest.mark.django_db(transaction=True)
def test_database__does_not_answer_in_time__503_with_retry_after_and_nothing_is_kept():
    caller = Caller()
    _be_impatient()
    locked, done = threading.Event(), threading.Event()
    holder = threading.Thread(target=_hold_lock, args=(locked, done))
    holder.start()
    try:
        assert locked.wait(10)
        reply = caller.post("drafts", bodies.draft())
    finally:
        done.set()
        holder.join()
        connection.close()
    assert (reply.status_code, reply["Content-Type"]) == (503, PROBLEM)
    assert int(reply["Retry-After"]) >= 1
    assert not AIDraft.objects.exists()
    assert caller.post("drafts", bodies.draft()).status_code == 201


def _be_impatient():
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50" if connection.vendor == "sqlite" else "SET lock_timeout = '50ms'")


def _hold_lock(locked, done):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("LOCK TABLE telemetry_aidraft IN ACCESS EXCLUSIVE MODE")
            locked.set()
            done.wait(30)
    finally:
        connection.close()
