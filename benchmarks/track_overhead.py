"""What `track_ai_call` adds to an AI call, beside the bare INSERT of the same row on the same connection."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction

from governance.models import Workspace
from telemetry.metadata import sanitize_metadata
from telemetry.models import AIInteraction
from telemetry.recorder import track_ai_call

CALLS = 1_000

SECTION = {"tokens": 900, "budget": 1500, "truncated": False}
METADATA = {
    "leadContextBundle": {
        "profile": "auto_send.evaluate",
        "tokenBudget": 4000,
        "totalTokens": 2700,
        "truncated": False,
        "sections": {"knowledge": SECTION, "memory": SECTION, "history": SECTION},
    },
    "followupParse": {"confidence": 0.93, "proposedTimesCount": 2, "matchedAvailability": True},
}
RESPONSE = SimpleNamespace(
    id="chatcmpl-1", model="model-2026", usage=SimpleNamespace(prompt_tokens=100, completion_tokens=20)
)


def main() -> None:
    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(slug=f"bench-{uuid.uuid4().hex[:8]}", name="Benchmark")
    track = _tracked(workspace)
    track()
    bare, tracked, sanitized = _medians(_bare_insert(workspace), track, lambda: sanitize_metadata(METADATA))
    print(f"{connection.vendor}, median of {CALLS} calls{'wall, ms':>25}{'CPU, ms':>10}")
    _print("bare INSERT + COMMIT", bare)
    _print("track_ai_call with metadata", tracked)
    _print("sanitize_metadata alone", sanitized)
    _print("added beside the insert (goal: < 1)", (tracked[0] - bare[0], tracked[1] - bare[1]))


def _print(name: str, seconds: tuple[float, float]) -> None:
    print(f"{name:38}{seconds[0] * 1e3:>16.3f}{seconds[1] * 1e3:>10.3f}")


def _tracked(workspace: Workspace) -> Callable[[], None]:
    def call() -> None:
        with track_ai_call(
            workspace=workspace,
            feature_id="auto_send",
            prompt_key="auto_send.evaluate.v1",
            provider="openai",
            model="alias",
            operation="chat",
            metadata=METADATA,
        ) as tracked:
            tracked.observe(RESPONSE)

    return call


def _bare_insert(workspace: Workspace) -> Callable[[], None]:
    fields = [field for field in AIInteraction._meta.concrete_fields if field is not AIInteraction._meta.auto_field]
    columns = [str(field.column) for field in fields]
    quoted = ", ".join(connection.ops.quote_name(column) for column in columns)
    insert = f"INSERT INTO {AIInteraction._meta.db_table} ({quoted}) VALUES ({', '.join(['%s'] * len(columns))})"
    template = AIInteraction.objects.in_workspace(workspace).first()
    assert template is not None
    values = [field.get_db_prep_save(getattr(template, field.attname), connection) for field in fields]
    place = columns.index("external_id")

    def call() -> None:
        row: list[Any] = [*values]
        row[place] = str(uuid.uuid4())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, row)

    return call


def _medians(*calls: Callable[[], object]) -> list[tuple[float, float]]:
    """Return median wall and CPU seconds of each; the calls take turns, so that a busy machine is busy for all."""
    wall: list[list[float]] = [[] for _ in calls]
    cpu: list[list[float]] = [[] for _ in calls]
    for _ in range(CALLS):
        for place, call in enumerate(calls):
            started, cpu_started = time.perf_counter(), time.thread_time()
            call()
            cpu[place].append(time.thread_time() - cpu_started)
            wall[place].append(time.perf_counter() - started)
    return [(statistics.median(wall[place]), statistics.median(cpu[place])) for place in range(len(calls))]
