"""The figures in docs/statistics.md are those that the statistics draw today."""

from __future__ import annotations

import re
from dataclasses import asdict
from xml.etree import ElementTree

import pytest

from confidence_project.desk.pictures.drawing import DARK, LIGHT
from docs.figures.gallery import FIGURES, FOLDER
from docs.figures.sheet import THEMES, render

AGAIN = "Draw them again: make figures"
DOCUMENT = FOLDER.parents[1] / "statistics.md"
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")
# Names of marks and clip paths are hashes of their coordinates.
HASHED = re.compile(rb"(?<=[\"#])(?:C\d_\d_|[mp])[0-9a-f]{10}")


COLOR = re.compile(rb"#[0-9a-f]{6}\b")
COMMITTED = {path.name: HASHED.sub(b"", path.read_bytes()) for path in FOLDER.glob("*.svg")}


@pytest.mark.parametrize("name", FIGURES)
def test_figure__drawn_again__is_what_is_committed(name: str) -> None:
    drawn, committed = HASHED.sub(b"", render(FIGURES[name], LIGHT)), COMMITTED[f"{name}-light.svg"]
    # The last decimal of a coordinate may differ from machine to machine.
    assert NUMBER.sub(b"", drawn) == NUMBER.sub(b"", committed), f"{name} differs. {AGAIN}"
    places, before = ([float(number) for number in NUMBER.findall(svg)] for svg in (drawn, committed))
    assert places == pytest.approx(before, abs=0.011), f"{name} differs. {AGAIN}"


@pytest.mark.parametrize("name", FIGURES)
def test_figure__for_a_dark_page__differs_in_its_colours_alone(name: str) -> None:
    light, dark = (COMMITTED[f"{name}-{theme}.svg"] for theme in THEMES)
    assert COLOR.sub(b"", dark) == COLOR.sub(b"", light)
    assert {color.decode() for color in COLOR.findall(dark)} <= set(asdict(DARK).values())


def test_document__every_figure__stands_in_it_once_for_each_theme() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = re.findall(r"images/statistics/([a-z-]+)-(light|dark)\.svg", text)
    assert sorted(shown) == sorted((name, theme) for name in FIGURES for theme in THEMES)


def test_figure__opened_on_its_own__has_a_title_and_text_as_text() -> None:
    for svg in COMMITTED.values():
        root = ElementTree.fromstring(svg)
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text
        assert len(root.findall(".//{http://www.w3.org/2000/svg}text")) > 5


def test_folder__holds_each_figure_for_each_theme_and_nothing_else() -> None:
    assert sorted(COMMITTED) == sorted(f"{name}-{theme}.svg" for name in FIGURES for theme in THEMES)


def test_document__alternative_texts__are_there() -> None:
    figures = re.findall(r'<img alt="([^"]*)"', DOCUMENT.read_text(encoding="utf-8"))
    assert len(figures) == len(FIGURES)
    assert min(map(len, figures)) > 20
