"""What the files at the top say of the project agrees with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

TOP = Path(settings.BASE_DIR)
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
IMAGE = re.compile(r'(?:src|srcset)="([^"]+)"')
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")])


def test_version__is_the_newest_in_the_changelog():
    assert re.findall(r"^## (\S+)", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == PROJECT["version"]


def test_python_versions__said_in_the_readme__are_those_of_the_project():
    minors = [each.rsplit(" ", 1)[1] for each in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", each)]
    assert "Python {}, {} or {} (".format(*minors) in (TOP / "README.md").read_text()
    assert PROJECT["requires-python"] == f">={minors[0]}"


def test_requirements__each__is_pinned():
    for path in TOP.glob("requirements*.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith(("#", "-r"))]
        assert [line for line in lines if not re.match(r"[\w.-]+(\[\w+\])?==\S+(\s+# .+)?$", line)] == [], path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_page__links_to_files__lead_somewhere(page):
    text = page.read_text()
    assert [each for each in LINK.findall(text) + IMAGE.findall(text) if not (page.parent / each).exists()] == []


def test_readme__links_to_every_page_of_the_docs():
    linked = set(LINK.findall((TOP / "README.md").read_text()))
    assert {str(page.relative_to(TOP)) for page in TOP.glob("docs/*.md")} <= linked
