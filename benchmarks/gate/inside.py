"""Runs inside a build, this one or another, in a process of its own; `builds.Build` starts it and tells it what to do.

A line names what to do and for how many seconds; the answer is a line of JSON. Used is only what builds have in common.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import django

SLUG = "bench"


def main() -> None:
    django.setup()
    # By its path: the other build may have a package of the same name.
    bodies = runpy.run_path(str(Path(__file__).with_name("bodies.py")))
    workspace, key = _workspace(bodies["POLICY"])
    print(json.dumps({"key": key}), flush=True)
    calls = _calls(bodies, workspace)
    for line in sys.stdin:
        what, seconds = line.split()
        print(json.dumps(_repeat(calls[what], float(seconds))), flush=True)


def _workspace(policy: Any) -> tuple[Any, str]:
    import_module("django.core.management").call_command("migrate", verbosity=0)
    models = import_module("governance.models")
    workspace = models.Workspace.objects.create(slug=SLUG, name="Benchmark")
    models.ConfidencePolicy.objects.create(workspace=workspace, policy_key="confidence_gate", version=1, config=policy)
    scopes = ["decide", "read", "ingest"]
    _, key = models.ApiKey.objects.create_key(name="bench", workspace=workspace, scopes=scopes)
    return workspace, key


def _calls(bodies: Mapping[str, Any], workspace: Any) -> dict[str, Callable[[], object]]:
    decisions, policies = import_module("ledger.pipelines.decisions"), import_module("governance.policies")

    def decide() -> None:
        body = bodies["decision"]()
        envelope = decisions.DecisionEnvelope.model_validate(body)
        submission = decisions.Submission(body["external_id"], "cd" * 32, envelope)
        decisions.decide(workspace=workspace, submission=submission)

    def resolve() -> None:
        context = bodies["flag"]()["context"]
        segment = {name: context[name] for name in ("provider", "model")}
        policies.resolve_threshold(workspace, "confidence_gate", "confidence_threshold", **segment)

    return {"decide": decide, "resolve": resolve}


def _repeat(call: Callable[[], object], seconds: float) -> dict[str, Any]:
    times: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - started)
    return {"times": times, "cpu": time.process_time() - cpu}


main()
