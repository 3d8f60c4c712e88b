"""What is said of the days that a run read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def where_counted(days: Mapping[str, Any]) -> str:
    """Which days came from the daily counts, and what from the ledger; what is damaged comes first."""
    damaged = ", ".join(days["damaged"])
    warning = f"The daily counts of {damaged} are damaged: run verify_counts. " if damaged else ""
    counted = ", ".join(first if first == last else f"{first} to {last}" for first, last in days["counted"])
    rest = ", ".join(f"{start[:16]} to {end[:16]}".replace("T", " ") for start, end in days["in_ledger"])
    return f"{warning}From daily counts: {counted or 'nothing'}. From the ledger: {rest or 'nothing but cases'} (UTC)."
