"""Types of the values that hosts may send, shared by every contract: names, ids, probabilities, times.

They are strict: text is not read as a number, nor a number as a time.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from governance.definitions import LATTICE, to_lattice

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _four_decimals(value: float) -> float:
    return to_lattice(value) / LATTICE


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be an RFC 3339 time with its offset, such as 2026-01-31T09:30:00Z")


Identifier = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+\-]{0,199}$")]
"""A name from a closed vocabulary (provider, model, task): no white space, so no sentence fits."""

HostId = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,200}$")]
"""An id that the host made: visible ASCII without spaces, 1 to 200 characters."""

Probability = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), AfterValidator(_four_decimals)]
"""A number in [0, 1], rounded to the 4 decimals that are stored and compared."""

Whole = BeforeValidator(_whole)
"""Last in the annotation of an `int`: the number is whole, however JSON writes it, `12` or `12.0`."""

Timestamp = Annotated[
    AwareDatetime, BeforeValidator(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time with its offset; `clock.check_time` holds it within bounds."""

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_HOST_ID: TypeAdapter[str] = TypeAdapter(HostId)


def identifier_or_blank(value: object) -> str:
    """Return `value` when it is an `Identifier`, "" otherwise: for labels that are taken where they are sound."""
    return _or_blank(_IDENTIFIER, value)


def host_id_or_blank(value: object) -> str:
    """Return `value` when it is a `HostId`, "" otherwise."""
    return _or_blank(_HOST_ID, value)


def _or_blank(adapter: TypeAdapter[str], value: object) -> str:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        return ""
