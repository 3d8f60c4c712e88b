"""What a probe is told while the months ahead are few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ledger.months.partitions import covered_until

LEAST_AHEAD = timedelta(days=31)


def too_few_ahead() -> tuple[str, str] | None:
    """Return a code and what it says where partitions end within `LEAST_AHEAD`; None: all is well."""
    until = covered_until()
    if until is None or until - datetime.now(UTC) >= LEAST_AHEAD:
        return None
    said = f"The ledger takes decisions until {until:%Y-%m-%d} only. Run `manage.py keep_partitions`, or a worker."
    return "partitions_end_soon", said
