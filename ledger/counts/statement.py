"""The statement that counts decisions in the ledger: what few rows differ in is grouped by the database.

Confidence, risk and label of each decision come back as numbers, those of a group in one value, for numpy to count: a
row for each confidence would have to be fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Case, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from governance.definitions import LATTICE, to_lattice
from ledger.counts.packing import Integers
from ledger.models import DecisionOutcome, DecisionRecord, OutcomeVoid
from ledger.models.decisions import POOLED_AS_ASKED
from ledger.selectors import ruling_success

PLACES = LATTICE + 2
"""Confidences and risks of 0…10,000, and their absence as 0: each is counted from 1."""

EVER = datetime(9999, 1, 1, tzinfo=UTC)

DAY = {"postgresql": "({} AT TIME ZONE 'UTC')::date", "sqlite": "substr({}, 1, 10)"}
"""SQL for the day of a time; SQLite keeps it as UTC text."""

NAMES = (
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
)
"""Columns of the ledger in whose values decisions of one row agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Decisions of a policy key from `start` up to and without `end`, as far as they and their labels were known.

    `recorded_by`, `labelled_by`: decisions, and outcomes and voids, that were recorded later are not read; None: all.
    """

    workspace_id: int
    policy_key: str
    start: datetime
    end: datetime
    recorded_by: datetime | None = None
    labelled_by: datetime | None = None

    def decisions(self) -> QuerySet[DecisionRecord]:
        rows = DecisionRecord.objects.filter(
            workspace_id=self.workspace_id,
            policy_key=self.policy_key,
            occurred_at__gte=self.start,
            occurred_at__lt=self.end,
        )
        return rows if self.recorded_by is None else rows.filter(timestamp__lte=self.recorded_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Decisions of a day that agree in `names`, in the thresholds on record and in whether they belong to cases.

    Parameters
    ----------
    names : dict
        Columns of `DailyCount` by name, without thresholds.
    thresholds : str
        What `DecisionRecord.thresholds` holds, as JSON.
    values, labels : ndarray of int64, shape (k,)
        As in `packing.Counts.of`.
    places, cases : ndarray of int64, shape (k,)
        As in `packing.InCases`, but not sorted; of decisions that belong to no case nothing.
    last_record_at, last_label_at : datetime or None
        When the last of them was recorded, and the last outcome or void about one.
    """

    day: date
    names: dict[str, Any]
    thresholds: str
    values: Integers
    labels: Integers
    places: Integers
    cases: Integers
    last_record_at: datetime | None
    last_label_at: datetime | None


def groups_of(stretch: Stretch, *, has_risk: bool, in_cases: bool) -> Iterator[Group]:
    """Yield the decisions of a stretch that belong to cases, or those that belong to none; in a transaction."""
    day = DAY[connection.vendor].format("decisions.count_at")
    names = ", ".join(f"count_{name}" for name in (*NAMES, "audit_rate", "thresholds"))
    decisions, parameters = _decisions(stretch, has_risk=has_risk, in_cases=in_cases)
    numbers = [_confidence_and_label(has_risk)]
    if in_cases:
        place = f"ROW_NUMBER() OVER (PARTITION BY {day} ORDER BY count_at, count_id)"
        decisions = f"SELECT decisions.*, CAST({place} AS integer) AS count_place FROM ({decisions}) decisions"  # noqa: S608
        numbers += ["count_place"]
    times = ", ".join(f"MAX(count_{name})" for name in _TIMES)
    with grouped_by_hashing(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {day}, {names}, {times}, {_joined(numbers, in_cases=in_cases)} FROM ({decisions}) decisions "  # noqa: S608
            f"GROUP BY {day}, {names}",
            parameters,
        )
        rows = cursor.fetchall()
    return (_group(row, in_cases=in_cases) for row in rows)


@contextmanager
def grouped_by_hashing() -> Iterator[None]:
    """Tell PostgreSQL inside of a transaction not to sort decisions in order to group them.

    It takes the groups for far more than there are, and would, in two to three times the time. A hash table that
    outgrows the memory spills to disk.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = on; SET LOCAL enable_incremental_sort = on")


def as_lattice(name: str) -> str:
    """Return SQL for ten thousand times a column, null where it is null."""
    # The inner cast: where no source column stands behind the name, it is an untyped NULL.
    times = f"CAST({name} AS numeric) * {LATTICE}"
    # A cast cuts off on SQLite, and rounds on PostgreSQL.
    return f"CAST({times} AS integer)" if connection.vendor == "postgresql" else f"CAST(ROUND({times}) AS integer)"


_LABEL = "CASE WHEN count_success THEN 2 WHEN NOT count_success THEN 1 ELSE 0 END"


def _confidence_and_label(has_risk: bool) -> str:
    place = f"(COALESCE({as_lattice('count_confidence')}, -1) + 1)"
    if has_risk:
        place = f"({place} * {PLACES} + COALESCE({as_lattice('count_risk')}, -1) + 1)"
    return f"{place} * 3 + {_LABEL}"


_BYTES = {"postgresql": "int4send({})", "sqlite": "printf('%%08x', {})"}
_CASE = {
    "postgresql": "substr(sha256(convert_to(count_case, 'UTF8')), 1, 8)",
    "sqlite": "substr(SHA256(count_case), 1, 16)",
}
_ALL = {"postgresql": "STRING_AGG({}, ''::bytea)", "sqlite": "GROUP_CONCAT({}, '')"}
"""Bytes, and on SQLite, which joins only text, their hexadecimal digits."""


def _joined(numbers: Sequence[str], *, in_cases: bool) -> str:
    vendor = connection.vendor
    parts = [*(_BYTES[vendor].format(number) for number in numbers), *[_CASE[vendor]] * in_cases]
    return _ALL[vendor].format(" || ".join(parts))


_ALONE = np.dtype([("number", ">i4")])
_IN_CASES = np.dtype([("number", ">i4"), ("place", ">i4"), ("case", ">u8")])


def _group(row: Sequence[Any], *, in_cases: bool) -> Group:
    day, *named, audit_rate, thresholds = row[: len(NAMES) + 3]
    *times, joined = row[len(NAMES) + 3 :]
    recorded, *labelled = (_moment(at) for at in times)
    read = np.frombuffer(
        bytes.fromhex(joined) if isinstance(joined, str) else joined, _IN_CASES if in_cases else _ALONE
    )
    values, labels = np.divmod(read["number"].astype(np.int64), 3)
    nothing = np.zeros(0, dtype=np.int64)
    names = dict(zip(NAMES, named, strict=True)) | {
        "audit_rate": -1 if audit_rate is None else to_lattice(float(audit_rate)),
        "in_case": in_cases,
    }
    return Group(
        day=as_date(day),
        names=names | {"audit_selected": bool(names["audit_selected"])},
        thresholds=thresholds,
        values=values,
        labels=labels,
        places=read["place"].astype(np.int64) if in_cases else nothing,
        # 63 bits, since the integers here have a sign.
        cases=(read["case"] >> 1).astype(np.int64) if in_cases else nothing,
        last_record_at=recorded,
        last_label_at=max((at for at in labelled if at is not None), default=None),
    )


def as_date(value: date | str) -> date:
    """Return a day as `DAY` gives it."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def _moment(at: datetime | str | None) -> datetime | None:
    """A time as the database gives it from an expression of ours: SQLite's are UTC text."""
    parsed = parse_datetime(at) if isinstance(at, str) else at
    return parsed.replace(tzinfo=UTC) if parsed is not None and parsed.tzinfo is None else parsed


_TIMES = ("recorded_at", "labelled_at", "voided_at", "relabelled_at", "revoided_at")


def _decisions(stretch: Stretch, *, has_risk: bool, in_cases: bool) -> tuple[str, tuple[Any, ...]]:
    """The decisions one by one, as the statement's inner part: what they are grouped by, and what is counted."""
    known = Q() if stretch.labelled_by is None else Q(outcomes__recorded_at__lte=stretch.labelled_by)
    is_void = Q(first_outcome__void__at__lte=stretch.labelled_by or EVER)
    has_second = Q(second_outcome__id__isnull=False)
    others = DecisionOutcome.objects.filter(decision_id=OuterRef("pk")).order_by("-recorded_at")
    voids = OutcomeVoid.objects.filter(outcome__decision_id=OuterRef("pk")).order_by("-at")
    columns: dict[str, Combinable] = {
        **{f"count_{name}": F(name) for name in NAMES if name not in ("options", "prompt_hash")},
        "count_options": Coalesce(F("options"), Value("")),
        "count_prompt_hash": Case(When(confidence_kind__in=POOLED_AS_ASKED, then=Value("")), default=F("prompt_hash")),
        "count_audit_rate": F("label_propensity"),
        "count_thresholds": F("thresholds"),
        "count_confidence": F("llm_confidence"),
        "count_success": Case(
            When(has_second, then=ruling_success(stretch.labelled_by or EVER)),
            When(is_void, then=Value(None)),
            default=F("first_outcome__success"),
        ),
        "count_at": F("occurred_at"),
        "count_recorded_at": F("timestamp"),
        "count_labelled_at": F("first_outcome__recorded_at"),
        "count_voided_at": F("first_outcome__void__at"),
        "count_relabelled_at": Case(When(has_second, then=Subquery(others.values("recorded_at")[:1]))),
        "count_revoided_at": Case(When(has_second, then=Subquery(voids.values("at")[:1]))),
    }
    if has_risk:
        columns["count_risk"] = F("ml_risk_score")
    if in_cases:
        columns |= {"count_case": F("case_key"), "count_id": F("pk")}
    rows = stretch.decisions()
    statement: tuple[str, tuple[Any, ...]] = (
        (rows.exclude(case_key="") if in_cases else rows.filter(case_key=""))
        .order_by()
        .annotate(
            first_outcome=FilteredRelation("outcomes", condition=known & Q(outcomes__sequence=1)),
            second_outcome=FilteredRelation("outcomes", condition=known & Q(outcomes__sequence=2)),
        )
        .annotate(**columns)
        .values(*columns)
        .query.sql_with_params()
    )
    return statement
