"""Days of a policy key as daily counts, counted in the ledger."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from governance.definitions import DEFINITIONS, FieldDefinition, FieldKind, to_lattice
from ledger.counts.packing import Counts, InCases
from ledger.counts.statement import NAMES, PLACES, Group, Stretch, groups_of
from ledger.models import CountedDay, DailyCount, DecisionRecord

ABSENT = -1

VERSION = 2

KEYS = (*NAMES, "audit_rate", "in_case")
"""What decisions of one row agree in. What an amendment may correct is no part of it, but of answers of decision
models, which are split by what is on record. Decisions in cases agree in their thresholds, too."""

TOTALS = ("decisions", "in_cases", "allowed", "labelled", "successes", "last_record_at", "last_label_at")


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
    start, end = (datetime.combine(day, time(), tzinfo=UTC) for day in (first, last + timedelta(days=1)))
    stretch = Stretch(workspace_id=workspace_id, policy_key=policy_key, start=start, end=end)
    groups: dict[date, list[Group]] = defaultdict(list)
    with _unhurried():
        for in_cases in (False, True):
            for group in groups_of(stretch, has_risk=has_risk(policy_key), in_cases=in_cases):
                groups[group.day].append(group)
    days = (first + timedelta(days=place) for place in range((last - first).days + 1))
    return {
        day: _as_counts(CountedDay(workspace_id=workspace_id, policy_key=policy_key, day=day), groups[day])
        for day in days
    }


def count_cases(stretch: Stretch) -> Iterator[tuple[date, DailyCount]]:
    """Yield the decisions in cases of a stretch as rows of daily counts, each with its day; in a snapshot."""
    groups: dict[date, list[Group]] = defaultdict(list)
    for group in groups_of(stretch, has_risk=has_risk(stretch.policy_key), in_cases=True):
        groups[group.day].append(group)
    return ((day, row) for day in sorted(groups) for row in _as_rows(stretch.policy_key, groups[day]))


@contextmanager
def _unhurried() -> Iterator[None]:
    """Let PostgreSQL take its time for a worker, and one core, since those that ask the gate need the others."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        milliseconds = int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS * 1000)
        cursor.execute(
            f"SET LOCAL statement_timeout = {milliseconds}; SET LOCAL max_parallel_workers_per_gather = 0; "
            "SET LOCAL work_mem = '64MB'"
        )
        yield


def _as_counts(day: CountedDay, groups: Sequence[Group]) -> Counted:
    day.shape = shape_of(day.policy_key)
    for group in groups:
        decisions, names = group.values.size, group.names
        day.decisions += decisions
        day.in_cases += decisions * names["in_case"]
        day.allowed += decisions * (names["gate_verdict"] == DecisionRecord.Verdict.ALLOW)
        day.labelled += int((group.labels > 0).sum())
        day.successes += int((group.labels > 1).sum())
        day.last_record_at = _latest(day.last_record_at, group.last_record_at)
        day.last_label_at = _latest(day.last_label_at, group.last_label_at)
    rows = list(_as_rows(day.policy_key, groups))
    day.sha256 = digest_of(day, rows)
    return day, rows


def _latest(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at is not None), default=None)


def _as_rows(policy_key: str, groups: Iterable[Group]) -> Iterator[DailyCount]:
    """Put together what differs only in thresholds: of decisions in cases in those that do not matter."""
    together: dict[tuple[Any, ...], list[tuple[Group, int, int]]] = defaultdict(list)
    for group in groups:
        thresholds = _thresholds(policy_key, group)
        agreed = thresholds if group.names["in_case"] else ()
        together[*group.names.values(), *agreed].append((group, *thresholds))
    for each in together.values():
        same, thresholds_of_each, risk_thresholds = zip(*each, strict=True)
        yield DailyCount(
            **same[0].names,
            threshold=max(thresholds_of_each),
            risk_threshold=min(set(risk_thresholds) - {ABSENT}, default=ABSENT),
            packed=_packed(same),
        )


def _thresholds(policy_key: str, group: Group) -> tuple[int, int]:
    """The thresholds applied to decisions with a confidence; others were not held to them."""
    applied = json.loads(group.thresholds)
    places = group.values // PLACES if has_risk(policy_key) else group.values
    fields = [_field(policy_key, kind) for kind in (FieldKind.CONFIDENCE_THRESHOLD, FieldKind.RISK_THRESHOLD)]
    values = [applied.get(each.name) if each is not None and places.any() else None for each in fields]
    first, second = (ABSENT if value is None else to_lattice(float(value)) for value in values)
    return first, second


def _packed(same: Sequence[Group]) -> bytes:
    values, labels, places, cases = (
        np.concatenate([getattr(each, name) for each in same]) for name in ("values", "labels", "places", "cases")
    )
    if not same[0].names["in_case"]:
        return Counts.of(values, labels).pack()
    order = np.argsort(places)
    return InCases(places[order], cases[order], values[order], labels[order]).pack()


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
