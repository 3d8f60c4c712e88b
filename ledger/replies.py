"""What the API answers of rows that are no objects: what the serializers of the same names describe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from confidence_project.foundation.bulk import Values
from ledger.models import SIDES


def shown_verdict(record: Values) -> dict[str, Any]:
    """Return a record as `VerdictSerializer` describes it."""
    return {
        "decision_id": str(record["decision_id"]),
        "external_id": record["external_id"],
        "verdict": record["gate_verdict"],
        "side": SIDES.get(record["confidence_kind"]),
        "reason": record["gate_reason"],
        "errors": record["schema_problems"] or [],
        "thresholds": {name: float(value) for name, value in record["thresholds"].items()},
        "policy_key": record["policy_key"],
        "policy_version": record["policy_version"],
        "audit_selected": record["audit_selected"],
    }


def shown_outcome(outcome: Values) -> dict[str, Any]:
    """Return an outcome as `OutcomeSerializer` describes it."""
    return {
        "external_id": outcome["external_id"],
        "decision_id": str(outcome["decision_id"]),
        "sequence": outcome["sequence"],
        "success": outcome["success"],
        "source": outcome["source"],
        "automation_executed": outcome["automation_executed"],
        "downstream_failure": outcome["downstream_failure"],
        "observed_at": _time(outcome["observed_at"]),
        "recorded_at": _time(outcome["recorded_at"]),
        "reporter": outcome["reporter"],
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
