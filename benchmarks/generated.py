"""Decisions with outcomes by the million, as the gate and a host would have left them, for benchmarks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import numpy as np
from django.db import connection, models, transaction
from numpy.typing import NDArray

from governance.models import Workspace
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord
from ledger.reasons import Reason

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=30)
"""Decisions lie evenly in the `WINDOW` that begins at `START`."""

CHUNK = 200_000
MICROSECOND, HOUR = timedelta(microseconds=1), np.timedelta64(1, "h")
LATTICE = [f"{place / 10_000:.4f}" for place in range(10_001)]
SEGMENTS = [("acme", "small"), ("acme", "large"), ("zenith", "reasoning"), ("zenith", "vision")]
SEGMENT_SHARES = [0.4, 0.3, 0.2, 0.1]
PROMPT_HASHES = [hashlib.sha256(bytes([place])).hexdigest() for place in range(12)]
CHANNELS = ["email", "phone", "chat"]
REASONS = [
    Reason.ALLOWED,
    Reason.LLM_CONFIDENCE_BELOW_THRESHOLD,
    Reason.KILL_SWITCH,
    Reason.SCHEMA_INVALID,
    Reason.LLM_REFUSAL,
]
OTHER_SHARES = [0.98, 0.004, 0.008, 0.008]
"""Shares of the decisions that the threshold judges, and that the last three reasons block."""
CASES, REVIEWED, OVERRULED = 0.01, 0.01, 0.1
"""Shares of the decisions in a case of two, of the outcomes that a person looked at again, and overruled then."""

Column = list[Any] | str | None
"""The values of a column, as text that both databases read, or the one value of every row; see `_null`."""
Times = NDArray[np.datetime64]
Integers = NDArray[np.int64]


def fill(workspace: Workspace, rows: int, start: datetime = START) -> None:
    """Store so many decisions with the ids of their host, an outcome for each that was allowed, and tell the planner.

    They lie in the `WINDOW` that begins at `start`.

    The same workspace and number give the same data. Ten million take about three minutes and 8 GB on PostgreSQL, and
    its superuser: foreign keys are not checked, which would double the time.
    """
    draw = np.random.default_rng([workspace.pk, rows])
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A slow machine takes longer for a chunk than a statement of the control plane may.
            cursor.execute("SET statement_timeout = 0")
    for begin in range(0, rows, CHUNK):
        decisions, *outcomes = _chunk(np.arange(begin, min(begin + CHUNK, rows)), rows, start, draw)
        with transaction.atomic():
            _trust_foreign_keys()
            _store(DecisionRecord, {"workspace_id": str(workspace.pk), **decisions})
            _store(DecisionExternalId, {"workspace_id": str(workspace.pk), **_host_ids(decisions)})
            for each in outcomes:
                _store(DecisionOutcome, {"workspace_id": str(workspace.pk), **each})
    analyse = "VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE"
    with connection.cursor() as cursor:
        for model in (DecisionRecord, DecisionExternalId, DecisionOutcome):
            cursor.execute(f"{analyse} {model._meta.db_table}")


def _chunk(places: Integers, rows: int, start: datetime, draw: np.random.Generator) -> list[dict[str, Column]]:
    """Columns of decisions, of their outcomes, and of what a person said of some outcomes again."""
    size = places.size
    at = np.datetime64(start.replace(tzinfo=None), "us") + (places * (WINDOW / rows / MICROSECOND)).astype("m8[us]")
    confidence = (draw.beta(8, 2, size) * 10_000).round().astype(np.int64)
    success = draw.random(size) < 1 - (1 - confidence / 10_000) / 3.5
    other = draw.choice(len(OTHER_SHARES), size, p=OTHER_SHARES)
    reason = np.where(other > 0, other + 1, confidence < 8_000)
    segment = draw.choice(len(SEGMENTS), size, p=SEGMENT_SHARES)
    in_case = np.repeat(draw.random((size + 1) // 2) < CASES, 2)[:size]
    ids, times = _uuids(at, draw), _as_text(at)
    decisions: dict[str, Column] = {
        "decision_id": ids,
        "timestamp": times,
        "occurred_at": times,
        "policy_key": "confidence_gate",
        "policy_version": "0",
        "provider": _picked([provider for provider, _ in SEGMENTS], segment),
        "model": _picked([model for _, model in SEGMENTS], segment),
        "prompt_hash": _picked(PROMPT_HASHES, draw.integers(len(PROMPT_HASHES), size=size)),
        "channel": _picked(CHANNELS, draw.integers(len(CHANNELS), size=size)),
        "confidence_kind": "self_reported",
        "schema_version": "1",
        "schema_valid": _picked(["0", "1"], reason != REASONS.index(Reason.SCHEMA_INVALID)),
        "llm_confidence": _picked([*LATTICE, _null()], np.where(other < 2, confidence, -1)),
        "thresholds": '{"confidence_threshold": 0.8}',
        "gate_verdict": _picked(["allow", "block"], reason > 0),
        "gate_reason": _picked([each.value for each in REASONS], reason),
        "external_id": [f"call-{each}" for each in ids],
        "case_key": [f"case-{place // 2}" if paired else "" for place, paired in zip(places, in_case, strict=True)],
    }
    allowed = np.flatnonzero(reason == 0)
    reviewed = allowed[draw.random(allowed.size) < REVIEWED]
    overruled = draw.random(reviewed.size) < OVERRULED
    return [
        decisions,
        _outcomes(ids, at + HOUR, allowed, success[allowed], sequence=1),
        _outcomes(ids, at + 48 * HOUR, reviewed, success[reviewed] ^ overruled, sequence=2),
    ]


def _host_ids(decisions: Mapping[str, Column]) -> dict[str, Column]:
    same = {name: decisions[name] for name in ("decision_id", "external_id")}
    return {**same, "body_sha256": "ab" * 32}


def _outcomes(
    ids: Sequence[str], at: Times, chosen: Integers, success: NDArray[np.bool_], *, sequence: int
) -> dict[str, Column]:
    times = _as_text(at[chosen])
    source = DecisionOutcome.Source.DOWNSTREAM_EVENT if sequence == 1 else DecisionOutcome.Source.HUMAN_REVIEW
    return {
        "decision_id": _picked(ids, chosen),
        "sequence": str(sequence),
        "success": _picked(["0", "1"], success),
        "source": source.value,
        "observed_at": times,
        "recorded_at": times,
        "reporter": "benchmark",
    }


def _store(model: type[models.Model], columns: Mapping[str, Column]) -> None:
    """Insert rows, with COPY where there is one. Columns that are not given get the defaults of their fields."""
    whole = {**_defaults(model), **columns}
    size = next(len(column) for column in columns.values() if isinstance(column, list))
    rows = zip(
        *(column if isinstance(column, list) else repeat(column, size) for column in whole.values()), strict=True
    )
    target = f"{model._meta.db_table} ({', '.join(whole)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                copy.write("".join("\t".join(row) + "\n" for row in rows))
        else:
            cursor.executemany(f"INSERT INTO {target} VALUES ({', '.join(['%s'] * len(whole))})", rows)


def _trust_foreign_keys() -> None:
    # The append-only triggers stay: they are enabled always.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")


def _defaults(model: type[models.Model]) -> dict[str, Column]:
    fields = (field for field in model._meta.concrete_fields if field.has_default() or field.null)
    values = {str(field.column): field.get_default() for field in fields}
    return {
        name: _null() if value is None else str(int(value) if isinstance(value, bool) else value)
        for name, value in values.items()
    }


def _null() -> str | None:
    return r"\N" if connection.vendor == "postgresql" else None


def _picked(values: Sequence[Any], places: NDArray[Any]) -> list[Any]:
    return np.array(values, dtype=object)[places.astype(np.int64)].tolist()


def _as_text(at: Times) -> list[str]:
    """Times as both databases take them; SQLite compares them as text, so with the blank that Django writes."""
    return [text.replace("T", " ") for text in np.datetime_as_string(at).tolist()]


def _uuids(at: Times, draw: np.random.Generator) -> list[str]:
    """UUIDv7 (RFC 9562) of decisions that were recorded when they were made."""
    octets = draw.integers(256, size=(at.size, 16), dtype=np.uint8)
    octets[:, :6] = at.astype("M8[ms]").astype(">i8").view(np.uint8).reshape(-1, 8)[:, 2:]
    octets[:, 6] = octets[:, 6] & 0x0F | 0x70
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = octets.tobytes().hex()
    return [digits[begin : begin + 32] for begin in range(0, len(digits), 32)]
