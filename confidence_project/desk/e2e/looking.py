"""How a page is looked at: by axe, in both themes, and at the width of a phone."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

from confidence_project.desk.e2e.conftest import Visitor

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
EVERYTHING = {"resultTypes": ["violations"]}
CONTRAST = {**EVERYTHING, "runOnly": ["color-contrast"]}


def complaints_of_axe(person: Visitor, options: dict[str, Any] = EVERYTHING) -> list[str]:
    """What axe calls serious or critical, with the element; what axe itself does to the page is no complaint."""
    before = list(person.complaints)
    violations = Axe().run(person.page, options=options).response["violations"]
    person.complaints[:] = before
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def is_wider_than_the_window(person: Visitor) -> bool:
    return bool(person.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def looked_at(person: Visitor, name: str, *, keep: bool = False, in_dark: bool = True) -> list[str]:
    """Return what is wrong with the page that is open, and keep its pictures: of key pages in every form.

    The page stays loaded: only the window and the theme change.
    """
    page = person.page
    wrong = complaints_of_axe(person)
    person.picture(f"{name}-light")
    page.set_viewport_size(PHONE)
    if is_wider_than_the_window(person):
        wrong.append("wider than a phone")
    if keep:
        person.picture(f"{name}-phone")
    page.set_viewport_size(WIDE)
    if not in_dark:
        return wrong
    page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {each}" for each in complaints_of_axe(person, CONTRAST)]
    if keep:
        person.picture(f"{name}-dark")
    page.emulate_media(color_scheme="light")
    return wrong
