"""Times as files have them: with their offset in any spelling, or as the mapping declares of those without."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from ledger.imports.numbers import read_number
from ledger.imports.source import Rejected

Times = Literal["utc", "s", "ms", "us", "ns"]
"""How times without an offset are meant: in UTC, or as a number of seconds (milli, micro, nano) since 1970."""

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LARGEST = 10**22
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: ?(Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?")


def read_time(value: Any, declared: Times | None) -> Any:
    """Return a time as RFC 3339 has it; what is none, or misses its offset, comes back as it is."""
    if declared in _PER_SECOND and isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        return _since_epoch(value, _PER_SECOND[declared])
    if declared == "utc" and isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    # Langfuse's CSV has times in quotes of JSON.
    found = _TIME.fullmatch(value.strip().strip('"')) if isinstance(value, str) else None
    if found is None:
        return value
    day, time, zone = found.groups()
    if zone is None:
        return f"{day}T{time}Z" if declared == "utc" else value
    if zone in ("Z", "z", "UTC", "GMT"):
        return f"{day}T{time}Z"
    hours, minutes = zone[:3], zone[3:].removeprefix(":") or "00"
    return f"{day}T{time}{hours}:{minutes}"


def _since_epoch(value: Any, per_second: int) -> str:
    number = read_number(str(value))
    # The comparison comes first: as a whole number, 1e999999 alone would take all memory.
    if number is None or not number.is_finite() or number.copy_abs() > _LARGEST:
        raise Rejected("a time is no number of seconds since 1970, as --times declares it")
    try:
        return (_EPOCH + timedelta(microseconds=int(number * 10**6 / per_second))).isoformat()
    except OverflowError:
        raise Rejected("a time lies outside of the years that there are") from None
