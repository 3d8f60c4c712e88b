"""The demo as a client: a real server, and real HTTP to it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from confidence_project.demo.digits import Reading
from ledger.contracts import CONTRACT_VERSION, compute_prompt_hash

READY_SECONDS = 30
PROMPT_HASH = compute_prompt_hash("digits.read", "Which digit is this?", None, CONTRACT_VERSION)


@contextmanager
def running_server(*options: str) -> Iterator[str]:
    """Serve the site on a free port of this machine, with options of gunicorn's beside ours; yield its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "2"]
    command += ["--log-level", "error", *options, "confidence_project.wsgi"]
    process = subprocess.Popen(command, env={**os.environ, "LOG_LEVEL": "ERROR"})  # noqa: S603 - our own command
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=READY_SECONDS)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/readyz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The server did not become ready. `make run` shows why.")


class Host:
    """The application that asks the gate: it knows an address and an API key, nothing else."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def decide(self, policy_key: str, readings: Sequence[Reading], *, series: str) -> list[dict[str, Any]]:
        """Ask about every reading in one NDJSON request; return the verdicts in their order."""
        reply = self.send("/api/v1/decisions", [_decision(policy_key, reading, series=series) for reading in readings])
        return list(reply["results"])

    def report_outcomes(self, readings: Sequence[Reading], *, series: str) -> None:
        """Tell what a person found out about every reading."""
        self.send("/api/v1/outcomes", [_outcome(reading, series=series) for reading in readings])

    def send(self, path: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        """POST the items as NDJSON and return the reply."""
        body = "\n".join(json.dumps(item) for item in items)
        reply = self._http.post(path, content=body, headers={"Content-Type": "application/x-ndjson"})
        if reply.status_code not in (200, 201):
            raise SystemExit(f"{path} answered {reply.status_code}: {reply.text[:500]}")
        return dict(reply.json())


def _id(reading: Reading, series: str) -> str:
    return f"{series}-{reading.model}-{reading.digit}"


def _decision(policy_key: str, reading: Reading, *, series: str) -> dict[str, Any]:
    return {
        "external_id": _id(reading, series),
        "policy_key": policy_key,
        "task": "digits.file",
        # A digit that is asked about again is the same case: it counts once in a calibration.
        "case_key": f"{reading.model}-{reading.digit}",
        "confidence_kind": "classifier",
        "ml_risk_score": reading.doubt_of_other,
        "decision": {
            "risk_summary": "A digit that is misread is filed under the wrong number.",
            "likely_root_cause": "The handwriting is ambiguous.",
            "confidence": reading.confidence,
            "recommended_action": {"type": "skip", "parameters": {}},
            "provider": "scikit-learn",
            "model": reading.model,
            "prompt_hash": PROMPT_HASH,
        },
    }


def _outcome(reading: Reading, *, series: str) -> dict[str, Any]:
    return {
        "external_id": f"{_id(reading, series)}-label",
        "decision_external_id": _id(reading, series),
        "success": reading.right,
        "source": "human_review",
    }
