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


def _read(text, folder):
    """Return what a `.env` with this text sets."""

    class Env(environ.Env):
        ENVIRON = {}

    copy = folder / ".env"
    copy.write_text(text)
    Env.read_env(copy)
    return Env.ENVIRON


@pytest.fixture
def every_variable(tmp_path):
    return _read(SHOWN.sub(r"\1=", EXAMPLE.read_text()), tmp_path)


def _manage(variables, *command):
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "confidence_project.settings", **variables}
    command = [sys.executable, "manage.py", *command]
    return subprocess.run(command, cwd=EXAMPLE.parent, env=environment, capture_output=True, text=True)


def _check(variables):
    return _manage(variables, "check", "--deploy")


def _settings(variables):
    done = _manage(variables, "diffsettings", "--all")
    assert done.returncode == 0, done.stderr
    return re.sub(r" at 0x[0-9a-f]+", "", done.stdout)


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


def test_example__copied_as_it_is__leaves_development_as_it_was(tmp_path):
    copied = _read(EXAMPLE.read_text(), tmp_path)
    assert _settings({**copied, "CONFIDENCE_DEV": "1"}) == _settings({"CONFIDENCE_DEV": "1"})


@pytest.mark.parametrize("own", [{"CONFIDENCE_DEV": "1"}, {"SECRET_KEY": "kR7" * 20 + "pQ9-xZ"}])
def test_settings__every_variable_blank__are_those_with_none_set(every_variable, own):
    assert _settings({**dict.fromkeys(every_variable, ""), **own}) == _settings(own)
