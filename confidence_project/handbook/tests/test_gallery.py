"""The pictures in docs/statistics.md are those that the statistics draw today."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from confidence_project.handbook.gallery import FOLDER, PICTURES, gallery

AGAIN = "Draw them again: python -m confidence_project.handbook"
DOCUMENT = FOLDER.parents[1] / "statistics.md"
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return gallery()


def test_gallery__drawn_again__is_what_is_committed(drawn: dict[str, bytes]) -> None:
    committed = {path.name: path.read_bytes() for path in FOLDER.glob("*.svg")}
    assert set(committed) == set(drawn), AGAIN
    for name, svg in drawn.items():
        # The last decimal of a coordinate may differ from machine to machine.
        assert NUMBER.sub(b"", svg) == NUMBER.sub(b"", committed[name]), f"{name} differs. {AGAIN}"
        places, before = ([float(number) for number in NUMBER.findall(text)] for text in (svg, committed[name]))
        assert places == pytest.approx(before, abs=0.011), f"{name} differs. {AGAIN}"


def test_document__every_picture__stands_in_it_once_for_each_theme() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = re.findall(r"images/statistics/([a-z-]+)-(?:light|dark)\.svg", text)
    assert sorted(shown) == sorted([*PICTURES, *PICTURES])


def test_picture__for_who_cannot_see_it__has_title_and_description(drawn: dict[str, bytes]) -> None:
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        for name in ("title", "desc"):
            element = root.find(f"{{http://www.w3.org/2000/svg}}{name}")
            assert element is not None
            assert element.text


def test_document__alternative_texts__are_there() -> None:
    pictures = re.findall(r'<img alt="([^"]*)"', Path(DOCUMENT).read_text(encoding="utf-8"))
    assert len(pictures) == len(PICTURES)
    assert min(map(len, pictures)) > 20
