"""Cells for spreadsheets: a program that opens the file shows what is in them and computes nothing."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[\s'\"]*[=+\-@|%\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")


def harmless(value: object) -> object:
    """Mark what a spreadsheet would take for a formula as text, with an apostrophe; numbers stay numbers."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
