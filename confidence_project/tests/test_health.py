"""Probes: alive as long as the process answers, ready only when it could do its work."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client


def test_healthz__asks_no_database():
    reply = Client().get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
    assert "no-cache" in reply["Cache-Control"]


@pytest.fixture
def _strict(settings):
    settings.ALLOWED_HOSTS = ["confidence.example"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.django_db
@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "[fd00::1]:8000", "planted.example", "no host at all"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probe__whatever_the_host__200_over_plain_http_and_nothing_in_the_log(host, path, caplog):
    reply = Client().get(path, headers={"Host": host})
    assert (reply.status_code, list(reply.json())) == (200, ["status"])
    assert host not in str(reply.headers)
    assert caplog.records == []


@pytest.mark.usefixtures("_strict")
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/", "/admin/", "/healthz/", "/api/v1/decisions", "/v1/traces", "/ofrep/"])
def test_any_other_path__unknown_host__400_and_one_line_without_a_traceback(settings, debug, path, caplog):
    settings.DEBUG = debug
    reply = Client().post(path, headers={"Host": "planted.example"})
    assert reply.status_code == 400
    (record,) = caplog.records
    assert "ALLOWED_HOSTS" in record.getMessage()
    assert record.exc_info is None
    assert "planted" not in caplog.text + reply.content.decode()


@pytest.mark.usefixtures("_strict")
def test_known_host__is_let_in():
    assert Client().get("/v1/x", secure=True, headers={"Host": "confidence.example"}).status_code == 404


@pytest.mark.django_db
def test_readyz__migrated_and_guarded__200():
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ready"})


@pytest.fixture
def not_ready(monkeypatch):
    """Ask as if nothing had been written for a while; return the code and the words of the reason."""

    def ask():
        monkeypatch.setattr("confidence_project.foundation.health._written_at", -1e9)
        reply = Client().get("/readyz")
        problem = reply.json()
        assert (reply.status_code, problem["code"]) == (503, "unavailable")
        return problem["errors"][0]["code"], problem["detail"]

    return ask


@pytest.mark.django_db
def test_readyz__session_that_takes_no_write__503(not_ready):
    set_to = "PRAGMA query_only = {}" if connection.vendor == "sqlite" else "SET transaction_read_only = {}"
    with connection.cursor() as cursor:
        cursor.execute(set_to.format("on"))
    try:
        code, detail = not_ready()
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(set_to.format("off"))
    assert code == "database_takes_no_write"
    assert "disk is full" in detail


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such setting")
def test_readyz__database_set_read_only__503(not_ready):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        assert not_ready()[0] == "database_takes_no_write"
    finally:
        connection.close()


@pytest.mark.django_db
def test_readyz__folder_of_uploads_that_takes_no_write__503(not_ready, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.CONFIDENCE_IMPORT_FOLDER = tmp_path / "file" / "below"
    assert not_ready()[0] == "folder_takes_no_write"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL writes in a process of its own")
def test_readyz__disk_without_room__503_that_names_the_database(tmp_path):
    """A process that may not let a file grow stands for a disk that is full: the page is written, and refused."""
    ask = (
        "import django, json, resource; django.setup(); from django.test import Client\n"
        "first = Client().get('/readyz').status_code\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from confidence_project.foundation import health; health._written_at = -1e9\n"
        "reply = Client().get('/readyz')\n"
        "print(json.dumps([first, reply.status_code, reply.json()['errors'][0]['code']]))"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
        "CONFIDENCE_IMPORT_FOLDER": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == [200, 503, "database_takes_no_write"]


@pytest.mark.django_db(transaction=True)
def test_readyz__while_somebody_else_writes__200(monkeypatch):
    monkeypatch.setattr("confidence_project.foundation.health._written_at", -1e9)
    if connection.vendor == "sqlite":
        with sqlite3.connect(connection.settings_dict["NAME"], uri=True, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert Client().get("/readyz").status_code == 200
            other.execute("ROLLBACK")
    assert Client().get("/readyz").status_code == 200


def take_off(trigger, table):
    on_table = "" if connection.vendor == "sqlite" else f" ON {table}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}{on_table}")


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["decision_ledger", "governance_confidencepolicyrevision"])
def test_readyz__append_only_trigger_missing__503_until_it_is_back(table):
    take_off(f"{table}_append_only_{'update' if connection.vendor == 'sqlite' else 'change'}", table)
    assert_not_ready_until_restored()


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["governance_confidencepolicyproposal", "governance_rollout"])
def test_readyz__write_once_trigger_missing__503_until_it_is_back(table):
    take_off(f"{table}_write_once", table)
    assert_not_ready_until_restored()


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot switch a trigger off")
def test_readyz__trigger_there_but_switched_off__503():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_rollout DISABLE TRIGGER governance_rollout_write_once")
    assert_not_ready_until_restored()


def assert_not_ready_until_restored():
    reply = Client().get("/readyz")
    assert (reply.status_code, reply["Content-Type"]) == (503, "application/problem+json")
    assert reply.json()["detail"] == (
        "Missing: 1 of the triggers that guard history. Run `manage.py enforce_append_only`."
    )
    call_command("enforce_append_only", stdout=io.StringIO())
    assert Client().get("/readyz").status_code == 200


@pytest.mark.django_db
def test_readyz__migration_not_applied__503_that_says_what_to_do():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'calibration'")
    reply = Client().get("/readyz")
    assert reply.status_code == 503
    assert "migrate" in reply.json()["detail"]


def test_probes__in_production_without_a_database__alive_not_ready_and_the_api_says_503():
    ask = (
        "import django, json; django.setup(); from django.test import Client\n"
        "paths = ['/healthz', '/readyz', '/api/v1/drafts']\n"
        "key = {'X-API-Key': 'prefix12.secret'}\n"
        "replies = [Client(headers=key).get(path, secure=path.startswith('/api')) for path in paths]\n"
        "print(json.dumps([[reply.status_code, reply['Content-Type']] for reply in replies]))"
    )
    environment = {
        **os.environ,
        "CONFIDENCE_DEV": "0",
        "SECRET_KEY": "k" * 50,
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": "postgres://nobody:secret-word@127.0.0.1:1/nothing",
        "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
    }
    asked = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, timeout=120)
    assert asked.returncode == 0, asked.stderr
    problem = "application/problem+json"
    assert json.loads(asked.stdout) == [[200, "application/json"], [503, problem], [503, problem]]
    assert "secret-word" not in asked.stdout + asked.stderr
