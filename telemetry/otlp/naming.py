"""What names a span, and when it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def span_key(trace_id: bytes, span_id: bytes) -> str:
    """Return the external id of the interaction that a span becomes; "" when the ids do not name a span."""
    if len(trace_id) != 16 or len(span_id) != 8 or not any(trace_id) or not any(span_id):
        return ""
    return f"{trace_id.hex()}:{span_id.hex()}"


def time_of(nanoseconds: int) -> datetime:
    """Return a Unix time in nanoseconds as a datetime, to the microsecond."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)
