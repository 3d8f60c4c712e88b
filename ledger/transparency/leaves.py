"""What a leaf of the log commits to: the canonical bytes of one row. `docs/ledger.md` documents the encoding.

The bytes are the JSON Canonicalization Scheme (RFC 8785) of an object with the row's columns under their own names,
plus `entry` and `v`, the version of this encoding. They depend on the values alone, not on the database that holds
them: times are UTC text with six decimals, probabilities text with four, UUIDs lower-case text. An encoding that
has been used never changes: a column that came later makes a new version of the entries of rows that have it, and no
difference to the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models

from ledger.models import DecisionOutcome, DecisionRecord, LedgerAmendment, LogLeaf, OutcomeVoid

FIRST_VERSION = 1

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One of the tables that the log covers.

    Parameters
    ----------
    key
        The primary key; it grows with time.
    recorded_at
        The column with the server's time of recording.
    columns
        What a leaf holds, by attribute name.
    later
        Columns that came with a later version, which an entry has when one of them is not null.
    """

    entry: str
    model: type[models.Model]
    key: str
    recorded_at: str
    columns: tuple[str, ...]
    later: Mapping[str, int] = field(default_factory=dict)

    def rows(self) -> models.QuerySet[Any, dict[str, Any]]:
        return self.model._default_manager.values(*self.columns).order_by(self.key)

    def encode(self, row: Row) -> bytes:
        """Return the bytes of the leaf of `row`."""
        had = [name for name in self.later if row[name] is not None]
        names = (name for name in self.columns if name in had or name not in self.later)
        columns = {name: _canonical(row[name]) for name in names}
        version = max((self.later[name] for name in had), default=FIRST_VERSION)
        content = {"entry": self.entry, "v": version, **columns}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def entry_id(self, row: Row) -> str:
        """Return the key of `row` as text whose order is the order of the keys."""
        return self.entry_id_of(row[self.key])

    @staticmethod
    def entry_id_of(key: UUID | int) -> str:
        return f"{key:020d}" if isinstance(key, int) else str(key)

    def key_of(self, entry_id: str) -> UUID | int:
        """Return the key behind an `entry_id`."""
        return UUID(entry_id) if self.key == "decision_id" else int(entry_id)

    def rows_by_entry_id(self, entry_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the rows with these ids that exist."""
        keys = [self.key_of(entry_id) for entry_id in entry_ids]
        return {self.entry_id(row): row for row in self.rows().filter(**{f"{self.key}__in": keys})}


def _canonical(value: Any) -> Any:
    match value:
        case None | bool() | str() | int():
            return value
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case Decimal():
            return f"{value:.4f}"
        case UUID():
            return str(value)
        case float():
            # jsonb and SQLite's text differ in how they write 1.0; RFC 8785 writes 1.
            return int(value) if value.is_integer() else value
        case Mapping():
            return {key: _canonical(inner) for key, inner in value.items()}
        case list():
            return [_canonical(inner) for inner in value]
    raise TypeError(f"No canonical form for {type(value).__name__}.")


DECISIONS = Table(
    LogLeaf.Entry.DECISION.value,
    DecisionRecord,
    "decision_id",
    "timestamp",
    (
        "decision_id",
        "timestamp",
        "provider",
        "model",
        "prompt_hash",
        "schema_version",
        "ml_risk_score",
        "llm_confidence",
        "gate_verdict",
        "gate_reason",
        "action_type",
        "action_params",
        "schema_valid",
        "schema_problems",
        "workspace_id",
        "policy_key",
        "policy_version",
        "thresholds",
        "confidence_kind",
        "task",
        "options",
        "channel",
        "interaction_id",
        "occurred_at",
        "origin",
        "import_id",
        "external_id",
        "case_key",
        "audit_selected",
        "label_propensity",
        "rollout_id",
        "rollout_arm",
        "candidate_verdict",
        "candidate_reason",
    ),
    later={"schema_problems": 2, "options": 3, "import_id": 3},
)

OUTCOMES = Table(
    LogLeaf.Entry.OUTCOME.value,
    DecisionOutcome,
    "id",
    "recorded_at",
    (
        "id",
        "decision_id",
        "sequence",
        "workspace_id",
        "success",
        "source",
        "automation_executed",
        "downstream_failure",
        "observed_at",
        "recorded_at",
        "reporter",
        "external_id",
        "body_sha256",
    ),
)

AMENDMENTS = Table(
    LogLeaf.Entry.AMENDMENT.value,
    LedgerAmendment,
    "id",
    "at",
    (
        "id",
        "decision_id",
        "workspace_id",
        "field",
        "value_before",
        "value_after",
        "reason",
        "actor_id",
        "actor_name",
        "at",
    ),
)

VOIDS = Table(LogLeaf.Entry.VOID.value, OutcomeVoid, "id", "at", ("id", "outcome_id", "workspace_id", "at", "reporter"))

TABLES = (DECISIONS, OUTCOMES, AMENDMENTS, VOIDS)
TABLE_OF = {table.entry: table for table in TABLES}
