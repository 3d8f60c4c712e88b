"""What a request through the gateway is answered by: three reads that every request makes.

Plain SQL, since composing these through the ORM costs more CPU than the rest of the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from governance.models import Workspace

_SERVER = """
SELECT url, provider, key_variable, timeout_seconds, max_reply_bytes, withholds
FROM ledger_modelserver WHERE workspace_id = %s AND dialect = %s AND ended_at IS NULL
"""
_BINDINGS = "SELECT question, policy_key FROM ledger_questionbinding WHERE workspace_id = %s AND ended_at IS NULL"
_DECISIONS = "SELECT 1 FROM ledger_decisionexternalid WHERE workspace_id = %s AND external_id IN (IDS) LIMIT 1"


class Server(NamedTuple):
    """The `ModelServer` in force for one protocol."""

    url: str
    provider: str
    key_variable: str
    timeout_seconds: float
    max_reply_bytes: int
    withholds: bool


def server_in_force(workspace: Workspace, dialect: str) -> Server | None:
    """Return the server that is asked for the workspace; None when none is connected."""
    rows = _rows(_SERVER, [workspace.pk, dialect])
    # SQLite has no truth values of its own.
    return Server._make(rows[0])._replace(withholds=bool(rows[0][-1])) if rows else None


def bindings_in_force(workspace: Workspace) -> dict[str, str]:
    """Return the policy of each bound question; that of every other one stands under the blank."""
    return dict(_rows(_BINDINGS, [workspace.pk]))


def any_decision_named(workspace: Workspace, external_ids: Sequence[str]) -> bool:
    """True when the workspace has a decision under one of the ids."""
    if not external_ids:
        return False
    statement = _DECISIONS.replace("IDS", ", ".join(["%s"] * len(external_ids)))
    return bool(_rows(statement, [workspace.pk, *external_ids]))


def _rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
