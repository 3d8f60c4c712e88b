"""What is said of counts that were made in an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def counted_in(found: Mapping[str, Any]) -> str:
    """Say where decisions were counted, and what names statement and counts; a source that changed comes first."""
    snapshot = f" files {found['snapshot_sha256']};" if found["snapshot_sha256"] else ""
    said = (
        f"Counted in the engine {found['engine']} at {found['read_at'][:16].replace('T', ' ')} UTC:"
        f"{snapshot} statement {found['statement_sha256']}; {found['groups']:,} counts {found['counts_sha256']}."
    )
    other = found.get("otherwise_in_run")
    if other is None:
        return said
    return f"The same statement was told other counts in run {other}: what the engine holds has changed since. {said}"
