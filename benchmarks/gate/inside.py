"""Runs inside a build, this one or another, in a process of its own; `builds.Build` starts it and tells it what to do.

A line names what to do and for how many seconds; the answer is a line of JSON. Used is only what builds have in common.
"""

from __future__ import annotations

import itertools
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

PAUSES = {"switch": 0.05}
"""Seconds between two calls: nobody throws switches without one."""


def main() -> None:
    django.setup()
    # By its path: the other build may have a package of the same name.
    bodies = runpy.run_path(str(Path(__file__).with_name("bodies.py")))
    workspace, key = _workspace(bodies["POLICY"])
    print(json.dumps({"key": key}), flush=True)
    calls = _calls(bodies, workspace)
    for line in sys.stdin:
        what, seconds = line.split()
        print(json.dumps(_repeat(calls[what], float(seconds), PAUSES.get(what, 0))), flush=True)


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

    return {"decide": decide, "resolve": resolve, "switch": _switching(workspace)}


def _switching(workspace: Any) -> Callable[[], object]:
    """What engages the kill switch, and at the next call releases it, and so on."""
    person = (
        import_module("django.contrib.auth").get_user_model().objects.create_superuser("bench", "bench@example.org")
    )
    verbs = itertools.cycle(["engage_kill_switch", "release_kill_switch"])

    def switch() -> None:
        # Imported here: another build may have it elsewhere, and is not asked.
        controls = import_module("governance.controls.services")
        getattr(controls, next(verbs))(actor=person, workspace=workspace, reason="Measured.")

    return switch


def _repeat(call: Callable[[], object], seconds: float, pause: float) -> dict[str, Any]:
    times: list[float] = []
    cpu, end = time.process_time(), time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        call()
        times.append(time.perf_counter() - started)
        time.sleep(pause)
    return {"times": times, "cpu": time.process_time() - cpu}


main()
