"""From a verdict to its rows: the record of a decision as plain values, and the statements that insert it.

A model object of 38 fields costs more than the gate. So a record is a mapping from the model's attribute names to
values, and becomes a `DecisionRecord` only for who wants one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models.base import ModelState
from django.utils import timezone

from confidence_project.foundation.bulk import Values, adapted, insert_mappings
from confidence_project.foundation.errors import FieldProblem
from confidence_project.foundation.prepared import fetch
from governance.definitions import LATTICE, get_definition, to_lattice
from governance.models import Workspace
from governance.policies.governing import HOLDS, current_version
from governance.sampling_rates import SamplingRates
from ledger.contracts import CONTRACT_VERSION, DecisionGatePayload, kept_parameters
from ledger.gate import THRESHOLD_REASONS, GateVerdict, RolloutVerdict
from ledger.models import DecisionExternalId, DecisionRecord
from ledger.models.decisions import new_decision_id
from ledger.months.partitions import where_a_month_takes_it

# Which decisions are audited must not be foreseeable, and not repeat after a fork.
_LOTTERY = random.SystemRandom()

_SORTED = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAlongside:
    """What a host says about a decision beside its payload."""

    occurred_at: datetime
    external_id: str = ""
    case_key: str = ""
    interaction_id: int | None = None
    sampling: SamplingRates | None = None


def record_of(
    workspace: Workspace, payload: DecisionGatePayload, verdict: GateVerdict, alongside: RecordedAlongside
) -> dict[str, Any]:
    """Return the record of a verdict, with the draw of the audit lottery."""
    decision = payload.llm_decision
    rate = _rate(payload, verdict, alongside.sampling) if alongside.sampling else None
    action_type, action_params = payload.action_type, json.dumps(payload.together) if payload.together else None
    if decision is not None:
        action_type = decision.recommended_action.type
        action_params = _SORTED.encode(kept_parameters(decision, get_definition(payload.policy_key)))
    return {
        "decision_id": new_decision_id(),
        "timestamp": timezone.now(),
        "provider": payload.provider,
        "model": payload.model,
        "prompt_hash": payload.prompt_hash,
        "schema_version": CONTRACT_VERSION,
        "ml_risk_score": four_decimals(payload.ml_risk_score),
        "llm_confidence": four_decimals(payload.confidence),
        "gate_verdict": verdict.verdict,
        "gate_reason": verdict.reason.value,
        "action_type": action_type,
        "action_params": action_params,
        "schema_valid": payload.schema_valid,
        "schema_problems": [_as_stored(problem) for problem in payload.problems] or None,
        "workspace_id": workspace.pk,
        "policy_key": payload.policy_key,
        "policy_version": verdict.policy_version,
        "thresholds": dict(verdict.thresholds),
        "confidence_kind": str(payload.confidence_kind),
        "task": payload.task,
        "options": payload.options or None,
        "channel": payload.channel,
        "interaction_id": alongside.interaction_id,
        "occurred_at": alongside.occurred_at,
        "origin": DecisionRecord.Origin.GATE.value,
        "import_id": None,
        "external_id": alongside.external_id,
        "case_key": alongside.case_key,
        "audit_selected": rate is not None and _LOTTERY.random() < float(rate),
        "label_propensity": rate,
        **(_rollout_columns(verdict.rollout) if verdict.rollout else _NO_ROLLOUT),
    }


def _rate(payload: DecisionGatePayload, verdict: GateVerdict, sampling: SamplingRates) -> Decimal | None:
    """With which probability the decision is drawn; None: it is in no draw, as what something else blocked."""
    if not verdict.allowed and verdict.reason not in THRESHOLD_REASONS:
        return None
    confidence = None if payload.confidence is None else to_lattice(payload.confidence)
    return sampling.rate_of("allowed" if verdict.allowed else "blocked", confidence, payload.segment)


_NO_ROLLOUT = {"rollout_id": None, "rollout_arm": "", "candidate_verdict": "", "candidate_reason": ""}


def _rollout_columns(rollout: RolloutVerdict) -> dict[str, Any]:
    arm = DecisionRecord.Arm.CANARY if rollout.is_canary else DecisionRecord.Arm.CONTROL
    return {
        "rollout_id": rollout.rollout_id,
        "rollout_arm": arm.value,
        "candidate_verdict": rollout.verdict,
        "candidate_reason": rollout.reason.value,
    }


def _as_stored(problem: FieldProblem) -> dict[str, str]:
    return {"pointer": problem.pointer, "code": problem.code, "detail": problem.detail}


def four_decimals(value: float | None) -> Decimal | None:
    """Return a probability as it is stored, None for None; the gate compares the same lattice."""
    return None if value is None else Decimal(to_lattice(value)) / LATTICE


def insert_if_governed(record: Values, body_sha256: str, governed_by: UUID) -> bool:
    """Commit a record with its host's id, in one round trip, if `governed_by` holds at the commit and the id is new.

    Raises
    ------
    RuntimeError
        When called inside a transaction: no verdict leaves before its record is committed.
    """
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return _insert_in_one_statement(record, body_sha256, governed_by)
    with transaction.atomic(durable=True):
        insert = _insert_in_one_statement if connection.vendor == "postgresql" else _insert_one_after_the_other
        return insert(record, body_sha256, governed_by)


_NAMES = ("workspace_id", "external_id", "decision_id", "body_sha256")


def _insert_in_one_statement(record: Values, body_sha256: str, governed_by: UUID) -> bool:
    owner = str(record["workspace_id"])
    named = [owner, record["external_id"], str(record["decision_id"]), body_sha256]
    (values,) = adapted(DecisionRecord._meta.concrete_fields, [record])
    with where_a_month_takes_it():
        return bool(fetch(_in_one_statement(), [owner, str(governed_by), *named, *values]))


@cache
def _in_one_statement() -> str:
    fields = DecisionRecord._meta.concrete_fields
    return f"""
      WITH governed AS MATERIALIZED (SELECT {HOLDS} AS holds),
           named AS (
             INSERT INTO {DecisionExternalId._meta.db_table} ({", ".join(_NAMES)})
             SELECT %s, %s, %s, %s FROM governed WHERE holds
                 ON CONFLICT (workspace_id, external_id) DO NOTHING
             RETURNING decision_id)
    INSERT INTO {DecisionRecord._meta.db_table} ({", ".join(str(field.column) for field in fields)})
    SELECT {", ".join(["%s"] * len(fields))} FROM named
    RETURNING decision_id
    """  # noqa: S608


def _insert_one_after_the_other(record: Values, body_sha256: str, governed_by: UUID) -> bool:
    # SQLite: the transaction took the lock of all writers at its beginning, so what is found stays so.
    known = DecisionExternalId.objects.filter(workspace=record["workspace_id"], external_id=record["external_id"])
    if current_version(record["workspace_id"]) != governed_by or known.exists():
        return False
    insert_records([record], {record["external_id"]: body_sha256})
    return True


def as_model(record: Values) -> DecisionRecord:
    """Return a record that was committed as the model's object, without what setting 38 fields one by one costs."""
    made = DecisionRecord.__new__(DecisionRecord)
    made._state = ModelState()
    made._state.adding, made._state.db = False, DEFAULT_DB_ALIAS
    vars(made).update(record)
    return made


def insert_records(records: Sequence[Values], hashes: Mapping[str, str]) -> None:
    """Insert records and their hosts' ids, within the caller's transaction. `hashes`: external id to body hash."""
    insert_mappings(
        DecisionExternalId,
        [
            {**{name: record[name] for name in _NAMES[:3]}, "body_sha256": hashes[record["external_id"]]}
            for record in records
            if record["external_id"]
        ],
    )
    insert_decisions(records)


def insert_decisions(records: Sequence[Values]) -> None:
    """Insert records alone, within the caller's transaction.

    Raises
    ------
    Unavailable
        The ledger has no partition for them.
    """
    with where_a_month_takes_it():
        insert_mappings(DecisionRecord, records)
