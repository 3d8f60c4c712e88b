"""What the gateway adds to a model's answer, beside asking the model itself over a pooled connection."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpcore2
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client

from governance.models import ApiKey, Workspace
from ledger.gateway.services import bind_question, connect_model_server

CALLS = 500
GOAL_MS = 5.0

_MODEL = """
import http.server, json, sys
class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["questions"]
        answers = {name: {"type": "noul", "noul": 0.97} for name in asked}
        said = json.dumps({"model": "bench-1", "answers": answers, "usage": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main() -> None:
    call_command("migrate", verbosity=0)
    settings.CONFIDENCE_MODEL_HOSTS, settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = ["127.0.0.1"], True
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["api_key"] = None
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([sys.executable, "-c", _MODEL], stdout=subprocess.PIPE, text=True, env=environment) as model:
        try:
            assert model.stdout is not None
            url = f"http://127.0.0.1:{int(model.stdout.readline())}/v1/systemone"
            send = _client(url)
            print(f"{connection.vendor}, {CALLS} calls each{'CPU, ms: median':>32}{'p99':>8}{'wall: median':>16}")
            with httpcore2.ConnectionPool() as pool:
                for questions in (1, 3, 10):
                    _compare(questions, send, lambda body: pool.request("POST", url, content=body))
        finally:
            model.terminate()


def _client(url: str) -> Callable[[bytes], Any]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    workspace = Workspace.objects.create(slug=name, name="Benchmark")
    root = get_user_model().objects.create_superuser(name)
    connect_model_server(
        actor=root, workspace=workspace, dialect="system_one", url=url, provider="bench", reason="Benchmark."
    )
    bind_question(actor=root, workspace=workspace, question="", policy_key="confidence_gate", reason="Benchmark.")
    _, plain = ApiKey.objects.create_key(workspace=workspace, name="bench", scopes=["decide"])
    client = Client(headers={"Authorization": f"Bearer {plain}"})
    return lambda body: client.post("/v1/systemone", body, content_type="application/json")


def _compare(questions: int, through_us: Callable[[bytes], Any], itself: Callable[[bytes], Any]) -> None:
    figures: dict[str, list[tuple[float, float]]] = {"the model itself": [], "through the gateway": []}
    for _ in range(CALLS):
        body = json.dumps(
            {
                "state": f"A ticket, {uuid.uuid4()}. " * 20,
                "model": "bench-latest",
                "questions": {f"q{n}": {"type": "noul", "instructions": "Is it?"} for n in range(questions)},
            }
        ).encode()
        for name, call in zip(figures, (itself, through_us), strict=True):
            started, cpu = time.perf_counter(), time.thread_time()
            reply = call(body)
            figures[name].append((time.thread_time() - cpu, time.perf_counter() - started))
            assert getattr(reply, "status_code", 200) == 200
    for name, seen in figures.items():
        cpu_seconds, wall = zip(*seen, strict=True)
        p99 = statistics.quantiles(cpu_seconds, n=100)[98]
        what = f"{name}, {questions} question{'s' if questions > 1 else ''}"
        _print(what, statistics.median(cpu_seconds), p99, statistics.median(wall))
    bare, ours = figures.values()
    added = statistics.median(mine[0] - its[0] for mine, its in zip(ours, bare, strict=True)) * 1e3
    print(f"{'added (goal: at most 5 ms of CPU)':38}{added:>16.2f}{'' if added <= GOAL_MS else '   MISSED'}")


def _print(what: str, *seconds: float) -> None:
    cpu, p99, wall = (each * 1e3 for each in seconds)
    print(f"{what:38}{cpu:>16.2f}{p99:>8.2f}{wall:>16.2f}")
