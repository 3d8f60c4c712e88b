"""Server time of the inspector over AI interactions by the million: its list with figures, by filter, and a page."""

from __future__ import annotations

import json
import secrets
import sys
import time

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import Membership, Workspace
from telemetry.models import AIInteraction

CALLS = 1_000_000
DAYS = 40
ROUNDS = 5

SECTION = {"tokens": 900, "budget": 1500, "truncated": False}
BUNDLE = {
    "tokenBudget": 4000,
    "totalTokens": 3600,
    "truncated": True,
    "sections": {"knowledge": SECTION, "memory": {**SECTION, "truncated": True}, "history": SECTION, "lead": SECTION},
}

FILL = f"""
INSERT INTO telemetry_aiinteraction
    (workspace_id, external_id, body_sha256, created_at, received_at, feature_id, prompt_key, provider, model,
     operation, status, error_type, input_tokens, output_tokens, duration_ms, trace_id, span_id, response_id, metadata)
SELECT %s, 'call-' || place, '', at, at, 'feature-' || place %% 10, '', 'provider-' || place %% 3,
    CASE WHEN place %% 200000 = 0 THEN 'rare' ELSE 'model-' || place %% 20 END, 'chat',
    CASE WHEN place %% 50 = 0 THEN 'error' ELSE 'ok' END, '', place %% 2000, place %% 500,
    exp(6 + random()), '', '', '', CASE WHEN place %% 2 = 0 THEN %s::jsonb END
FROM (SELECT place, now() - interval '{DAYS} days' * (1 - place::float / {CALLS}) AS at
      FROM generate_series(1, {CALLS}) place) calls
"""

FILTERS = {
    "no filter": {},
    "last 7 days": {"period": "7d"},
    "a model of twenty": {"model": "model-3"},
    "a rare model": {"model": "rare"},
    "errors": {"status__exact": "error"},
    "with metadata": {"metadata": "yes"},
    "a model's errors": {"model": "model-10", "status__exact": "error"},
    "90 days": {"period": "90d"},
}


def main() -> None:
    if connection.vendor != "postgresql":
        sys.exit("The inspector is measured on PostgreSQL: run `make bench`.")
    call_command("migrate", verbosity=0)
    settings.ALLOWED_HOSTS = ["testserver"]
    workspace = Workspace.objects.create(slug=f"bench-{secrets.token_hex(4)}", name="Benchmark")
    _fill(workspace)
    client = _signed_in(workspace)
    listed = reverse("admin:telemetry_aiinteraction_changelist")
    row = AIInteraction.objects.in_workspace(workspace).filter(metadata__isnull=False).order_by("pk").last()
    oldest = AIInteraction.objects.in_workspace(workspace).order_by("created_at")[CALLS // 4]
    pages = {
        **{f"list, {name}": (listed, query) for name, query in FILTERS.items()},
        "list, 750,000 rows further down": (listed, {"after": oldest.pk}),
        "a call": (reverse("admin:telemetry_aiinteraction_change", args=[row.pk]), {}),
    }
    print(f"{CALLS:,} calls of {DAYS} days, fastest of {ROUNDS}{'server, ms':>22}{'queries':>10}")
    for name, (address, query) in pages.items():
        seconds, queries = _measured(client, address, query)
        print(f"{name:50}{seconds * 1e3:>12,.0f}{queries:>10}")


def _fill(workspace: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(FILL, [workspace.pk, json.dumps({"leadContextBundle": BUNDLE})])
        cursor.execute("VACUUM ANALYZE telemetry_aiinteraction")


def _signed_in(workspace: Workspace) -> Client:
    viewer = get_user_model().objects.create_user(workspace.slug, is_staff=True)
    Membership.objects.create(user=viewer, workspace=workspace)
    client = Client(headers={"host": "testserver"})
    client.force_login(viewer)
    return client


def _measured(client: Client, address: str, query: dict[str, str]) -> tuple[float, int]:
    fastest = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        response = client.get(address, query, secure=True)
        fastest = min(fastest, time.perf_counter() - started)
        if response.status_code != 200:
            sys.exit(f"{address} answered {response.status_code}.")
    with CaptureQueriesContext(connection) as captured:
        client.get(address, query, secure=True)
    return fastest, len(captured)
