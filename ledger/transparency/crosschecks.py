"""What no leaf says by itself: hosts' ids and policies in force are those of the log, and what is said of a decision is
said of one that is there."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DEFAULT_DB_ALIAS, connections, models

from governance.models import ConfidencePolicy
from ledger.models import DecisionExternalId, DecisionRecord
from ledger.models.decisions import OF_A_DECISION
from ledger.models.transparency import entry_id_in_sql
from ledger.transparency.kinds import KINDS
from ledger.transparency.sequencing import fetch, windows

_HOST_IDS = """
SELECT t.decision_id FROM ledger_decisionexternalid t
  LEFT JOIN decision_ledger d ON d.decision_id = t.decision_id
 WHERE (d.decision_id IS NULL AND NOT EXISTS (
           SELECT 1 FROM ledger_logleaf l JOIN ledger_removedleaf r ON r.position = l.position
            WHERE l.entry = 'decision' AND l.entry_id = {entry_id})
        OR d.external_id <> t.external_id OR d.workspace_id <> t.workspace_id)
"""
_WITHOUT_HOST_ID = """
SELECT t.decision_id FROM decision_ledger t
 WHERE t.external_id <> '' AND NOT EXISTS (
       SELECT 1 FROM ledger_decisionexternalid x
        WHERE x.workspace_id = t.workspace_id AND x.external_id = t.external_id AND x.decision_id = t.decision_id)
"""
_WITHOUT_DECISION = """
SELECT t.id FROM {table} t
 WHERE NOT EXISTS (
       SELECT 1 FROM decision_ledger d WHERE d.decision_id = t.decision_id AND d.workspace_id = t.workspace_id)
"""
_POLICIES = """
SELECT t.id, t.version FROM governance_confidencepolicy t
 WHERE t.version > 0 AND NOT EXISTS (
       SELECT 1 FROM governance_confidencepolicyrevision r
        WHERE r.policy_id = t.id AND r.version = t.version AND {same})
"""
_SAME_JSON = {"postgresql": "r.config_after = t.config", "sqlite": "json(r.config_after) = json(t.config)"}


def disagreements() -> Iterator[str]:
    """Yield a sentence for each row beside the log that says something else than the rows in it."""
    vendor = connections[DEFAULT_DB_ALIAS].vendor
    entry_id = entry_id_in_sql("t.decision_id", has_uuid=True, vendor=vendor)
    for (decision_id,) in _found(DecisionExternalId, _HOST_IDS.format(entry_id=entry_id)):
        yield f"host id of decision {_uuid(decision_id)}: it is not the one that the decision was recorded under"
    for (decision_id,) in _found(DecisionRecord, _WITHOUT_HOST_ID):
        yield f"decision {_uuid(decision_id)}: its host id is gone, or leads to another decision"
    for kind in [each for each in KINDS.things.values() if getattr(each.model, "leads_to", None) == OF_A_DECISION]:
        for (key,) in _found(kind.model, _WITHOUT_DECISION.format(table=kind.model._meta.db_table)):
            yield f"{kind.entry} {key}: its decision is not in the ledger"
    for policy_id, version in _found(ConfidencePolicy, _POLICIES.format(same=_SAME_JSON[vendor])):
        yield f"policy {policy_id}: the config in force is not that of its revision {version}"


def _found(model: type[models.Model], query: str) -> Iterator[tuple[str, ...]]:
    for window, params in windows(model):
        for row in fetch(connections[DEFAULT_DB_ALIAS], " AND ".join([query, *window]), params):
            yield tuple(map(str, row))


def _uuid(text: str) -> str:
    return text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
