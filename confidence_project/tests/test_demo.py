"""`make demo` as a newcomer runs it: on a database of its own, in a process of its own, up to the lines to sign in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from django.conf import settings

TIMEOUT_SECONDS = 300


def run(environment, *command):
    return subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    ).stdout


SIGN_IN = """
import json, sys, django
django.setup()
from django.test import Client
from django.urls import reverse
for name, password in json.loads(sys.argv[1]).items():
    client = Client(SERVER_NAME="localhost")
    reply = client.post(reverse("admin:login"), {"username": name, "password": password})
    assert reply.status_code == 302, (name, reply.content.decode())
    print(json.dumps([name, client.get(reverse("admin:index")).content.decode()]))
"""


def test_demo__as_make_runs_it__tells_the_story_and_leaves_work_for_the_accounts_that_it_prints(tmp_path):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'demo.sqlite3'}", "CONFIDENCE_DEV": "1"}
    environment = {**os.environ, **database, "DJANGO_SETTINGS_MODULE": "confidence_project.settings"}
    run(environment, "manage.py", "migrate", "--verbosity", "0")
    story = run(environment, "-m", "confidence_project.demo")

    assert "The superuser applies it: confidence_gate is at version 1." in story
    assert "nothing can be promised" in story
    assert "rolls back" in story
    assert "intent: certified, threshold 0.9000 → " in story
    assert "refund: refused, nothing can be promised." in story
    assert re.search(r"acted on intent [1-9]\d*, refund 0, no_refund 0; 0 of these wrong", story)
    assert "http://localhost:8000/admin/" in story
    accounts = dict(re.findall(r"^ +(reviewer|superuser) +(\S+) ", story, re.MULTILINE))
    waits = {"reviewer": "yours to approve", "superuser": "yours to apply"}
    assert accounts.keys() == waits.keys()
    home = dict(json.loads(line) for line in run(environment, "-c", SIGN_IN, json.dumps(accounts)).splitlines())
    assert {name for name in waits if waits[name] in home[name]} == waits.keys()
