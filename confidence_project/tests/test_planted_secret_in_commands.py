"""Private text in what a command is given is in no table but where reasons stand, in no log line and in no output.

Each string option of each command of this project is tried, by the commands' own parsers. A command with an argument
that is new fails here until it is said what a sound one is.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import BaseCommand, CommandError, call_command, get_commands, load_command_class
from django_tasks_db.management.commands.db_worker import Command as DatabaseWorker

from confidence_project.tests.planting import NAME, TEXT, columns_with
from confidence_project.tests.where_text_may_stand import NAMES, SAID_BY_PEOPLE
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    applied,
    approved,
    in_canary,
    in_shadow,
    pending,
)
from ledger.imports.rows import ImportedDecision
from ledger.tests.imports import csv_file
from ledger.transparency.notes import SignerKey

pytestmark = pytest.mark.django_db

COMMANDS = sorted(
    name
    for name, app in get_commands().items()
    if str(app).partition(".")[0] in {"governance", "telemetry", "ledger", "calibration", "confidence_project"}
)
COMMON = {action.dest for action in BaseCommand().create_parser("manage.py", "any")._actions}
COMMON_OF_WORKERS = {action.dest for action in DatabaseWorker().create_parser("manage.py", "any")._actions}
"""Ours is django-tasks-db's, and adds no option."""

SUBJECTS = {
    "approve_proposal": pending,
    "reject_proposal": pending,
    "apply_proposal": approved,
    "start_shadow": approved,
    "start_canary": lambda workspace: in_shadow(workspace).proposal,
    "promote_rollout": lambda workspace: in_canary(workspace).proposal,
    "withdraw_rollout": lambda workspace: in_shadow(workspace).proposal,
    "show_rollout": lambda workspace: in_shadow(workspace).proposal,
    "rollback_revision": lambda workspace: applied(workspace).policy.revisions.get(version=0),
}
"""What the number that a command takes is of."""


def own_actions(name: str) -> list[argparse.Action]:
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    return [action for action in parser._actions if action.dest not in COMMON | COMMON_OF_WORKERS]


def takes_text(action: argparse.Action) -> bool:
    return action.nargs != 0 and action.choices is None and action.type in (None, str, Path)


PLANTINGS = [(name, action.dest) for name in COMMANDS for action in own_actions(name) if takes_text(action)]


def sound(name: str, dest: str, workspace) -> str:
    """Return a value that `name` takes as `dest`."""
    if dest == "id":
        return str(SUBJECTS[name](workspace).pk)
    return {
        "workspace": workspace.slug,
        "username": SuperuserFactory().username,
        "reason": "Because.",
        "policy_key": KEY,
        "share": "0.5",
        "days": "365",
        "before": "2026-01-01",
        "value": "0.5",
        "run": "1",
        "name": "example.org/log",
        "kind": "model",
        "question": "refund",
        "dialect": "openai",
        "title": "A change",
        "url": "https://models.example.org/v1/decisions",
        "file": str(csv_file(Path(), "2026-11-01T09:30:00Z,acme,large,triage,0.8,1")),
        "since": "2026-01-01",
        "until": "2026-02-01",
        "seed": "seed",
        "target": "certify",
        "cost": "2",
        "budget": "300",
        "decision_id": "0190b5a0-0000-7000-8000-000000000000",
    }[dest]


def arguments(name: str, workspace, dest: str, secret: str) -> Iterator[str]:
    for action in own_actions(name):
        if action.dest == dest:
            value = secret
        elif action.required or not action.option_strings or (name, action.dest) == ("run_calibration", "workspace"):
            value = sound(name, action.dest, workspace)
        else:
            continue
        yield from [*action.option_strings[:1], value]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by(*argv: str) -> str:
    out, err = StringIO(), StringIO()
    try:
        call_command(*argv, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue() + err.getvalue()


SAID_AGAIN = {
    ("generate_log_key", "name"): "the key carries the name of its log",
    ("import_decisions", "rejects"): "where the rejected lines are",
    ("verify_ledger", "checkpoint"): "which of the files cannot be read",
}
"""What a command says again, because whoever gave it must find something by it."""


@pytest.mark.parametrize("name, dest", PLANTINGS)
def test_secret__in_an_option__is_nowhere_but_where_reasons_stand(caplog, folder, settings, name, dest):
    caplog.set_level(logging.DEBUG)
    settings.CONFIDENCE_MODEL_HOSTS = ["models.example.org"]
    settings.CONFIDENCE_LOG_KEY = SignerKey.generate("example.org/log").secret_text()
    for secret in (TEXT, NAME):
        said = said_by(name, *arguments(name, WorkspaceFactory(), dest, secret))
        assert secret not in said or (name, dest) in SAID_AGAIN
        # An import may say once for a whole file what is a name in each of its rows.
        names = NAMES if (name, secret) == ("import_decisions", NAME) else set()
        assert columns_with(secret) <= {*SAID_BY_PEOPLE, *names}
        assert not [record for record in caplog.records if secret in record.getMessage()]


def test_the_commands_with_text__are_many():
    assert len(PLANTINGS) > 25


@pytest.mark.parametrize("column", [*ImportedDecision.model_fields, NAME])
def test_secret__in_a_column_of_an_imported_file__is_stored_only_where_names_are(caplog, folder, column):
    caplog.set_level(logging.DEBUG)
    workspace = WorkspaceFactory(slug="acme")
    row = {
        "external_id": "row-1",
        "decided_at": "2026-11-01T09:30:00Z",
        "provider": "acme",
        "model": "large",
        "confidence": "0.8",
        "success": "1",
    }
    for secret in (TEXT, NAME):
        given = {**row, column: secret}
        path = csv_file(folder, ",".join(given.values()), header=",".join(given))
        said = said_by("import_decisions", str(path), "--workspace", workspace.slug, "--policy-key", KEY)
        assert TEXT not in said
    assert columns_with(TEXT) == set()
    assert columns_with(NAME) <= NAMES
    assert TEXT not in caplog.text
