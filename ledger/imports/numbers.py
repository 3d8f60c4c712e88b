"""Numbers as files have them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def read_number(text: str, decimal_comma: bool = False) -> Decimal | None:
    """Return the number that a text is, None where it is none; NaN and infinity are numbers here."""
    try:
        return Decimal((text.replace(",", ".") if decimal_comma else text).strip())
    except InvalidOperation:
        return None
