"""Templates keep to the order of the apps: a page knows its own app and those below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import engines
from django.template.loader import get_template

ROOM = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.html"))

FLOORS = ["governance", "telemetry", "ledger", "calibration", "confidence_project.desk"]
"""From the ground up; what belongs to no app is the desk's: Django's pages in its clothes, and those of errors."""


def app_of(template: str) -> str:
    named = [part for part in template.split("/")[:-1] if part in FLOORS]
    return named[0] if named else "confidence_project.desk"


def app_of_library(name: str) -> str:
    module = engines["django"].engine.libraries[name]
    return next((app for app in FLOORS if module.startswith(f"{app}.")), module)


def loaded_by(template: str) -> list[str]:
    return [name for line in re.findall(r"{% load ([^%]+) %}", (ROOM / template).read_text()) for name in line.split()]


@pytest.mark.parametrize("template", TEMPLATES)
def test_template__compiles_and_loads_only_tags_of_its_own_app_or_the_foundation(template):
    get_template(template)
    allowed = (app_of(template), "confidence_project.foundation.", "django.")
    libraries = {name: app_of_library(name) for name in loaded_by(template)}
    assert {name: app for name, app in libraries.items() if not app.startswith(allowed)} == {}


@pytest.mark.parametrize("template", TEMPLATES)
def test_template__includes_and_extends_only_what_stands_at_most_as_high(template):
    floor = FLOORS.index(app_of(template))
    others = re.findall(r'{% (?:include|extends) "([^"]+)"', (ROOM / template).read_text())
    # Django's own pages, in the desk's clothes, are what every page of an app extends.
    own = [
        other
        for other in others
        if (ROOM / other).exists() and Path(other).parent.as_posix() not in ("admin", "admin/includes")
    ]
    assert [other for other in own if FLOORS.index(app_of(other)) > floor] == []


def test_templates__libraries_of_each_app__are_walked_over():
    assert {app_of_library(name) for template in TEMPLATES for name in loaded_by(template)} >= {*FLOORS} - {"ledger"}
