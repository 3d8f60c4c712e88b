"""From what a database holds to the canonical bytes of an entry, without an object for every value.

The statements of this room ask for text: PostgreSQL is told to leave values as they came over the wire, SQLite to
make text of what is not. Each kind of column has a function from that text to its piece of canonical JSON (RFC 8785).
A value that its column cannot hold gives other bytes than were logged, or one of the errors in `UNREADABLE`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from django.db import models
from django.db.backends.utils import CursorWrapper
from psycopg.types.string import TextLoader

UNREADABLE = (TypeError, ValueError, ArithmeticError, LookupError, RecursionError)
"""What encoding raises when somebody wrote values that their columns cannot hold (SQLite keeps anything)."""

Piece = Callable[[Any], str]

_AS_TEXT = ("timestamptz", "date", "numeric", "uuid", "jsonb", "bool", "int2", "int4", "int8", "float8", "bytea")


def read_as_text(cursor: CursorWrapper, vendor: str) -> None:
    """Make a fresh cursor return text (None for null) instead of Python's types."""
    if vendor == "postgresql":
        for name in _AS_TEXT:
            cursor.adapters.register_loader(name, TextLoader)


def canonical_json(value: Any) -> str:
    """Return RFC 8785 text of something that JSON can hold."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _canonical(value: Any) -> Any:
    match value:
        case float():
            # jsonb and SQLite's text differ in how they write 1.0; RFC 8785 writes 1.
            return int(value) if value.is_integer() else value
        case Mapping():
            return {key: _canonical(inner) for key, inner in value.items()}
        case list():
            return [_canonical(inner) for inner in value]
    return value


@lru_cache(maxsize=4096)
def _json(text: str) -> str:
    return canonical_json(json.loads(text))


def _time(text: str) -> str:
    # PostgreSQL appends the offset of the session's zone, which Django sets to UTC.
    text = text.removesuffix("+00")
    return f'"{text[:10]}T{text[11:19]}.{text[20:].ljust(6, "0")}Z"'


def _number(text: str | float) -> str:
    return canonical_json(float(text))


def _exact(text: str) -> str:
    return f'"{text}"'


@lru_cache(maxsize=16_384)
def _four_decimals(text: str) -> str:
    value = f"{float(text):.4f}"
    if float(value) != float(text):
        raise ValueError("More than four decimals.")
    return f'"{value}"'


def _digest(text: str) -> str:
    return f'"{hashlib.sha256(_json(text).encode()).hexdigest()}"'


def _integer(text: str) -> str:
    return str(int(text))


_PIECES: dict[str, Piece] = {
    "DateTimeField": _time,
    "DateField": _exact,
    "JSONField": _json,
    "FloatField": _number,
}

_POSTGRESQL: dict[str, Piece] = _PIECES | {
    "DecimalField": _exact,
    "UUIDField": _exact,
    "BooleanField": {"t": "true", "f": "false"}.__getitem__,
    "BinaryField": lambda text: f'"{text[2:]}"',  # after `\x`
}

_SQLITE: dict[str, Piece] = _PIECES | {
    "DecimalField": _four_decimals,
    "UUIDField": lambda text: f'"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"',
    "BooleanField": {"1": "true", "0": "false"}.__getitem__,
    "BinaryField": lambda value: f'"{value.hex()}"',
}

_TEXTS = ("CharField", "TextField")
# These come as they are: SQLite has a type for them, and `|| ''` would shorten a number.
_AS_THEY_ARE = (*_TEXTS, "UUIDField", "FloatField", "BinaryField", "JSONField")


def _type_of(field: models.Field[Any, Any]) -> str:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    kind = target.get_internal_type()
    return "IntegerField" if kind.endswith(("IntegerField", "AutoField")) else kind


def piece_of(field: models.Field[Any, Any], vendor: str) -> Piece:
    """Return the function from what `vendor` returns for a column to its canonical JSON."""
    kind = _type_of(field)
    if kind in _TEXTS:
        return encode_basestring
    if kind == "IntegerField":
        return _integer
    return (_POSTGRESQL if vendor == "postgresql" else _SQLITE)[kind]


def digest_of(field: models.Field[Any, Any]) -> Piece:
    """Return the function to the SHA-256 of a JSON column's canonical text."""
    if _type_of(field) != "JSONField":
        raise TypeError("A digest is of a JSON column.")
    return _digest


def selected(field: models.Field[Any, Any], vendor: str) -> str:
    """Return what a SELECT over `t` asks for to get a column as text."""
    column = f't."{field.column}"'
    return f"{column} || ''" if vendor == "sqlite" and _type_of(field) not in _AS_THEY_ARE else column
