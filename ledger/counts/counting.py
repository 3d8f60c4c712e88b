"""Counting days of a policy key in the ledger: one statement, and what its rows are as daily counts."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Case, CharField, F, FilteredRelation, OuterRef, Q, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from governance.definitions import DEFINITIONS, LATTICE, FieldDefinition, FieldKind
from ledger.counts.packing import Counts
from ledger.models import CountedDay, DailyCount, DecisionOutcome, DecisionRecord, OutcomeVoid
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.selectors import ruling_success, threshold_in_force

ABSENT = -1

VERSION = 1

PLACES = LATTICE + 2
"""Confidences and risks of 0…10,000, and their absence as 0: each is counted from 1."""

KEYS = (
    "provider",
    "model",
    "confidence_kind",
    "task",
    "options",
    "prompt_hash",
    "origin",
    "gate_verdict",
    "gate_reason",
    "audit_selected",
    "audit_rate",
    "in_case",
)
"""What decisions of one row agree in. What an amendment may correct is no part of it, but of answers of decision
models, which are split by what is on record."""

TOTALS = ("decisions", "in_cases", "allowed", "labelled", "successes", "last_record_at", "last_label_at")

_EVER = datetime(9999, 1, 1, tzinfo=UTC)


def shape_of(policy_key: str) -> str:
    """Return how days of a policy key are counted: other fields in its definition make another shape."""
    fields = [_field(policy_key, kind) for kind in (FieldKind.CONFIDENCE_THRESHOLD, FieldKind.RISK_THRESHOLD)]
    return " ".join([f"{VERSION}", *(field.name if field else "-" for field in fields)])


def has_risk(policy_key: str) -> bool:
    """True where values of packed counts hold a risk beside the confidence."""
    return _field(policy_key, FieldKind.RISK_THRESHOLD) is not None


def _field(policy_key: str, kind: FieldKind) -> FieldDefinition | None:
    # The gate records decisions of a policy key that nobody registered, too.
    definition = DEFINITIONS.get(policy_key)
    return definition.field_of_kind(kind) if definition else None


Counted = tuple[CountedDay, list[DailyCount]]
"""A day with its counts, as they would be stored."""


def count_days(workspace_id: int, policy_key: str, first: date, last: date) -> Mapping[date, Counted]:
    """Count the days of `first <= day <= last` in the ledger, each of them; nothing is stored.

    Several at once take little more than one: for a window of any width PostgreSQL may read all outcomes.
    """
    statement, parameters = _of_days(workspace_id, policy_key, first, last)
    names = ", ".join(f"count_{key}" for key in KEYS if key != "audit_rate")
    day = DAY[connection.vendor].format("decisions.count_at")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {day}, {names}, COALESCE({as_lattice('count_audit_rate')}, {ABSENT}), "  # noqa: S608
            f"{_applied('MAX', 'count_threshold')}, {_applied('MIN', 'count_risk_threshold')}, "
            "MAX(count_recorded_at), MAX(count_labelled_at), MAX(count_voided_at), MAX(count_relabelled_at), "
            f"MAX(count_revoided_at), {_codes(policy_key)} "
            f"FROM ({statement}) decisions GROUP BY {day}, {names}, count_audit_rate",
            parameters,
        )
        rows = defaultdict(list)
        for on, *row in cursor.fetchall():
            rows[as_date(on)].append(row)
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    return {
        each: _as_counts(CountedDay(workspace_id=workspace_id, policy_key=policy_key, day=each), rows[each])
        for each in days
    }


DAY = {"postgresql": "({} AT TIME ZONE 'UTC')::date", "sqlite": "substr({}, 1, 10)"}
"""SQL for the day of a time; SQLite keeps it as UTC text."""


def as_date(value: date | str) -> date:
    """Return a day as `DAY` gives it."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def as_lattice(name: str) -> str:
    """Return SQL for ten thousand times a column, null where it is null."""
    # The inner cast: where no source column stands behind the name, it is an untyped NULL.
    return f"CAST(ROUND(CAST({name} AS numeric) * {LATTICE}) AS integer)"


def _applied(function: str, threshold: str) -> str:
    """The strictest threshold: of decisions with a confidence, as others were not held to it."""
    return f"COALESCE({function}(CASE WHEN count_confidence IS NOT NULL THEN {as_lattice(threshold)} END), {ABSENT})"


_LABEL = "CASE WHEN count_success THEN 2 WHEN NOT count_success THEN 1 ELSE 0 END"
_JOINED = {"postgresql": "STRING_AGG(CAST({} AS text), ' ')", "sqlite": "GROUP_CONCAT({}, ' ')"}


def _codes(policy_key: str) -> str:
    """Every decision of a row as a number, in one text: confidence, risk and label.

    The database groups by what few rows differ in, and numpy counts the rest; a row for each confidence would have to
    be fetched.
    """
    place = f"(COALESCE({as_lattice('count_confidence')}, {ABSENT}) + 1)"
    if has_risk(policy_key):
        place = f"(CAST({place} AS bigint) * {PLACES} + COALESCE({as_lattice('count_risk')}, {ABSENT}) + 1)"
    return _JOINED[connection.vendor].format(f"({place} * 3 + {_LABEL})")


def _of_days(workspace_id: int, policy_key: str, first: date, last: date) -> tuple[str, tuple[Any, ...]]:
    start, end = (datetime.combine(day, time(), tzinfo=UTC) for day in (first, last + timedelta(days=1)))
    has_second = Q(second_outcome__id__isnull=False)
    others = DecisionOutcome.objects.filter(decision_id=OuterRef("pk")).order_by("-recorded_at")
    voids = OutcomeVoid.objects.filter(outcome__decision_id=OuterRef("pk")).order_by("-at")
    is_known, nothing = policy_key in DEFINITIONS.keys, Value(None, output_field=CharField(null=True))
    columns: dict[str, Combinable] = {
        **{f"count_{key}": F(key) for key in KEYS if key not in ("options", "prompt_hash", "audit_rate", "in_case")},
        "count_options": Coalesce(F("options"), Value("")),
        "count_prompt_hash": Case(When(confidence_kind__in=POOLED_AS_ASKED, then=Value("")), default=F("prompt_hash")),
        "count_audit_rate": F("label_propensity"),
        "count_in_case": Case(When(case_key="", then=Value(False)), default=Value(True)),
        "count_confidence": F("llm_confidence"),
        "count_risk": F("ml_risk_score") if has_risk(policy_key) else nothing,
        "count_threshold": threshold_in_force(policy_key, FieldKind.CONFIDENCE_THRESHOLD) if is_known else nothing,
        "count_risk_threshold": threshold_in_force(policy_key, FieldKind.RISK_THRESHOLD) if is_known else nothing,
        "count_success": Case(
            When(has_second, then=ruling_success(_EVER)),
            When(first_outcome__void__isnull=False, then=Value(None)),
            default=F("first_outcome__success"),
        ),
        "count_at": F("occurred_at"),
        "count_recorded_at": F("timestamp"),
        "count_labelled_at": F("first_outcome__recorded_at"),
        "count_voided_at": F("first_outcome__void__at"),
        "count_relabelled_at": Case(When(has_second, then=Subquery(others.values("recorded_at")[:1]))),
        "count_revoided_at": Case(When(has_second, then=Subquery(voids.values("at")[:1]))),
    }
    statement: tuple[str, tuple[Any, ...]] = (
        DecisionRecord.objects.filter(
            workspace_id=workspace_id, policy_key=policy_key, occurred_at__gte=start, occurred_at__lt=end
        )
        .order_by()
        .annotate(
            first_outcome=FilteredRelation("outcomes", condition=Q(outcomes__sequence=1)),
            second_outcome=FilteredRelation("outcomes", condition=Q(outcomes__sequence=2)),
        )
        .annotate(**columns)
        .values(*columns)
        .query.sql_with_params()
    )
    return statement


def _as_counts(day: CountedDay, rows: Iterable[Sequence[Any]]) -> Counted:
    names = [*(key for key in KEYS if key != "audit_rate"), "audit_rate", "threshold", "risk_threshold"]
    day.shape, made = shape_of(day.policy_key), []
    for row in rows:
        columns = dict(zip(names, row, strict=False))
        columns |= {name: bool(columns[name]) for name in ("audit_selected", "in_case")}
        recorded_at, *label_times, codes = row[len(names) :]
        numbers = np.fromstring(codes, dtype=np.int64, sep=" ")
        counts = Counts.of(numbers // 3, numbers % 3)
        made.append(DailyCount(packed=counts.pack(), **columns))
        decisions = int(counts.decisions.sum())
        day.decisions += decisions
        day.in_cases += decisions * columns["in_case"]
        day.allowed += decisions * (columns["gate_verdict"] == DecisionRecord.Verdict.ALLOW)
        day.labelled += int(counts.labelled.sum())
        day.successes += int(counts.successes.sum())
        day.last_record_at = _latest([day.last_record_at, _moment(recorded_at)])
        day.last_label_at = _latest([day.last_label_at, *map(_moment, label_times)])
    day.sha256 = digest_of(day, made)
    return day, made


def _moment(at: datetime | str | None) -> datetime | None:
    """A time as the database gives it from an expression of ours: SQLite's are UTC text."""
    parsed = parse_datetime(at) if isinstance(at, str) else at
    return parsed.replace(tzinfo=UTC) if parsed is not None and parsed.tzinfo is None else parsed


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def digest_of(day: CountedDay, rows: Iterable[DailyCount]) -> bytes:
    """Return the SHA-256 of a day and of its counts, in whatever order."""
    head = [day.workspace_id, day.policy_key, day.day.isoformat(), day.shape, *(_as_json(day, name) for name in TOTALS)]
    digests = sorted(
        hashlib.sha256(json.dumps(list(key_of(row).values())).encode() + bytes(row.packed)).digest() for row in rows
    )
    return hashlib.sha256(json.dumps(head).encode() + b"".join(digests)).digest()


def key_of(row: DailyCount) -> Mapping[str, Any]:
    """Return what a row of counts says beside its packed integers, by column."""
    return {name: getattr(row, name) for name in (*KEYS, "threshold", "risk_threshold")}


def _as_json(day: CountedDay, name: str) -> Any:
    value = getattr(day, name)
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
