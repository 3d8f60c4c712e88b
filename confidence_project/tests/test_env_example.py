"""`.env.example`: copied and filled in, it starts the system, and it leaves no variable out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from django.conf import settings

EXAMPLE = Path(settings.BASE_DIR) / ".env.example"
SHOWN = re.compile(r"^#?([A-Z][A-Z0-9_]*)=", re.MULTILINE)
ASKED_FOR = re.compile(r'env\.[a-z_]+\(\s*"([A-Z][A-Z0-9_]*)"')


@pytest.fixture
def every_variable(tmp_path):
    """What a `.env` sets in which every variable of the example is switched on."""

    class Env(environ.Env):
        ENVIRON = {}

    copy = tmp_path / ".env"
    copy.write_text(SHOWN.sub(r"\1=", EXAMPLE.read_text()))
    Env.read_env(copy)
    return Env.ENVIRON


def _check(variables):
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "confidence_project.settings", **variables}
    command = [sys.executable, "manage.py", "check", "--deploy"]
    return subprocess.run(command, cwd=EXAMPLE.parent, env=environment, capture_output=True, text=True)


def test_example__shows_every_variable_that_the_settings_read():
    source = (EXAMPLE.parent / "confidence_project" / "settings.py").read_text()
    assert set(ASKED_FOR.findall(source)) - set(SHOWN.findall(EXAMPLE.read_text())) == set()


def test_example__values__do_not_swallow_what_is_said_of_them(every_variable):
    assert len(every_variable) > 40
    assert [name for name, value in every_variable.items() if "#" in value or value != value.strip()] == []


def test_example__as_it_is__is_refused_for_want_of_a_secret_key(every_variable):
    done = _check(every_variable)
    assert done.returncode != 0
    assert "Set SECRET_KEY" in done.stderr


def test_example__every_variable_switched_on_and_a_key__passes_the_deployment_check(every_variable):
    done = _check({**every_variable, "SECRET_KEY": "kR7" * 20 + "pQ9-xZ"})
    assert done.returncode == 0, done.stderr
