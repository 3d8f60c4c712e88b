"""Figures over many AI calls, in a fixed number of queries over a bounded number of rows.

Every function takes the rows that a filter left, of one workspace: its index on time is what they are read through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Aggregate, BigIntegerField, Count, FloatField, Q, QuerySet, Sum, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, NullIf

from telemetry.bundles import BUNDLE, SECTIONS
from telemetry.models import AIInteraction

Rows = QuerySet[AIInteraction]

DEFAULT_WINDOW = timedelta(days=30)
MOST_CALLS = 20_000
"""Figures cover so many calls at most, the newest: enough for p95 to within half a percentile, and quick."""

TOKENS = ("input", "output", "cached", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What figures cover: from `since` on and before `until`; until None, up to the newest.

    `is_default`: the filter named no start. `is_shortened`: the window holds more calls than may be read, and starts
    later than asked.
    """

    since: datetime
    until: datetime | None
    is_default: bool
    is_shortened: bool

    def narrow(self, rows: Rows) -> Rows:
        """Return the rows inside."""
        inside = rows.filter(created_at__gte=self.since)
        return inside.filter(created_at__lt=self.until) if self.until else inside


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTotal:
    """Tokens of one kind: the sum over the `calls` that reported them; None when none did."""

    kind: str
    tokens: int | None
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many calls, how they ended, how long they took (of `timed` calls; None: of none), and their tokens."""

    calls: int
    errors: int
    timed: int
    p50_ms: float | None
    p95_ms: float | None
    tokens: tuple[TokenTotal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionTotals:
    """One section over many bundles: tokens of the `calls` that reported them, truncations of the `judged` ones."""

    name: str
    tokens: int
    calls: int
    truncated: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTotals:
    """The bundles of many calls, and how many of the `judged` ones were truncated somewhere."""

    calls: int
    truncated: int
    judged: int
    sections: tuple[SectionTotals, ...]


def window_of(rows: Rows, *, since: datetime | None, until: datetime | None, now: datetime, most: int) -> Window:
    """Return the window that figures over `rows` cover.

    As asked, without a start `DEFAULT_WINDOW` long; if more than `most` calls are in it, then from the time on after
    which there are at most as many.
    """
    start = since if since is not None else (until or now) - DEFAULT_WINDOW
    asked = Window(since=start, until=until, is_default=since is None, is_shortened=False)
    newest_first = asked.narrow(rows).order_by("-created_at").values_list("created_at", flat=True)
    floor = newest_first[most : most + 1].first()
    if floor is None:
        return asked
    # Many calls may share the time of the first one too many: none of them, so that the window is exact.
    return Window(since=floor + timedelta(microseconds=1), until=until, is_default=since is None, is_shortened=True)


def figures_of(rows: Rows) -> Figures:
    """Return the figures of all `rows`.

    Percentiles are of the continuous kind (Hyndman and Fan's type 7, as `numpy.percentile` by default).
    """
    is_postgresql = connections[rows.db].vendor == "postgresql"
    totals = rows.order_by().aggregate(
        calls=Count("pk"),
        errors=Count("pk", filter=Q(status=AIInteraction.Status.ERROR)),
        timed=Count("duration_ms"),
        **{f"{kind}_sum": Sum(f"{kind}_tokens") for kind in TOKENS},
        **{f"{kind}_calls": Count(f"{kind}_tokens") for kind in TOKENS},
        **({"p50_ms": _Percentile("duration_ms", share=0.5)} if is_postgresql else {}),
        **({"p95_ms": _Percentile("duration_ms", share=0.95)} if is_postgresql else {}),
    )
    timed = totals["timed"]
    return Figures(
        calls=totals["calls"],
        errors=totals["errors"],
        timed=timed,
        p50_ms=totals["p50_ms"] if is_postgresql else _percentile(rows, timed, 0.5),
        p95_ms=totals["p95_ms"] if is_postgresql else _percentile(rows, timed, 0.95),
        tokens=tuple(
            TokenTotal(kind=kind, tokens=totals[f"{kind}_sum"], calls=totals[f"{kind}_calls"]) for kind in TOKENS
        ),
    )


class _Percentile(Aggregate):
    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def _percentile(rows: Rows, timed: int, share: float) -> float | None:
    """The same where the database has no such aggregate: the two durations around the place, by their order."""
    if not timed:
        return None
    place = (timed - 1) * share
    below = int(place)
    durations = rows.filter(duration_ms__isnull=False).order_by("duration_ms").values_list("duration_ms", flat=True)
    around = [duration for duration in durations[below : below + 2] if duration is not None]
    return around[0] + (around[-1] - around[0]) * (place - below)


def bundles_of(rows: Rows) -> BundleTotals:
    """Return what the bundles of `rows` were made of, in one query."""
    with_bundle = rows.order_by().filter(metadata__isnull=False, **{f"metadata__{BUNDLE}__isnull": False})
    totals = with_bundle.aggregate(
        calls=Count("pk"),
        **_truncations("bundle", "truncated"),
        **{name: part for section in SECTIONS for name, part in _section_totals(section).items()},
    )
    return BundleTotals(
        calls=totals["calls"],
        truncated=totals["bundle_truncated"],
        judged=totals["bundle_judged"],
        sections=tuple(_section(name, totals) for name in SECTIONS if totals[f"{name}_calls"]),
    )


def _section(name: str, totals: Mapping[str, Any]) -> SectionTotals:
    return SectionTotals(
        name=name,
        tokens=totals[f"{name}_sum"],
        calls=totals[f"{name}_calls"],
        truncated=totals[f"{name}_truncated"],
        judged=totals[f"{name}_judged"],
    )


def _section_totals(section: str) -> dict[str, Aggregate]:
    # A null inside JSON is NULL on PostgreSQL and the text "null" on SQLite.
    tokens = Cast(NullIf(KT(f"metadata__{BUNDLE}__sections__{section}__tokens"), Value("null")), BigIntegerField())
    return {
        f"{section}_sum": Sum(tokens),
        f"{section}_calls": Count(tokens),
        **_truncations(section, f"sections__{section}__truncated"),
    }


def _truncations(name: str, path: str) -> dict[str, Aggregate]:
    entry = f"metadata__{BUNDLE}__{path}"
    cut, whole = Q(**{entry: True}), Q(**{entry: False})
    return {f"{name}_truncated": Count("pk", filter=cut), f"{name}_judged": Count("pk", filter=cut | whole)}
