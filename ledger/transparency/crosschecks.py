"""What the gate reads beside the ledger, held against what the log says: hosts' ids, and the policies in force."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

_HOST_IDS = """
SELECT x.external_id, x.decision_id FROM ledger_decisionexternalid x
  LEFT JOIN decision_ledger d ON d.decision_id = x.decision_id
 WHERE d.decision_id IS NULL OR d.external_id <> x.external_id OR d.workspace_id <> x.workspace_id
"""
_WITHOUT_HOST_ID = """
SELECT d.decision_id FROM decision_ledger d
 WHERE d.external_id <> '' AND NOT EXISTS (
       SELECT 1 FROM ledger_decisionexternalid x
        WHERE x.workspace_id = d.workspace_id AND x.external_id = d.external_id AND x.decision_id = d.decision_id)
"""
_POLICIES = """
SELECT p.id, p.version FROM governance_confidencepolicy p
 WHERE p.version > 0 AND NOT EXISTS (
       SELECT 1 FROM governance_confidencepolicyrevision r
        WHERE r.policy_id = p.id AND r.version = p.version AND {same})
"""


def disagreements() -> Iterator[str]:
    """Yield each row beside the log that says something else than the rows in it."""
    for _, decision_id in _rows(_HOST_IDS):
        yield f"host id of decision {_uuid(decision_id)}: it is not the one that the decision was recorded under"
    for (decision_id,) in _rows(_WITHOUT_HOST_ID):
        yield f"decision {_uuid(decision_id)}: its host id is gone, or leads to another decision"
    same = "r.config_after = p.config" if connection.vendor == "postgresql" else "json(r.config_after) = json(p.config)"
    for policy_id, version in _rows(_POLICIES.format(same=same)):
        yield f"policy {policy_id}: the config in force is not that of its revision {version}"


def _rows(query: str) -> Iterator[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(1000):
            yield from rows


def _uuid(value: object) -> str:
    text = str(value)
    return text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
