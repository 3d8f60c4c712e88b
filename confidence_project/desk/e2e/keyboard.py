"""A page without a mouse."""

from __future__ import annotations


def enter(page) -> None:
    """Press Enter and wait for the page that it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def tab_to(page, text) -> None:
    """Press Tab until something of this name has the focus, and the focus is to be seen."""
    for _ in range(150):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.innerText?.trim() ?? ''")
        if focused == text:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
            return
    raise AssertionError(f"no way to {text} by keyboard")
