"""What is sent: decisions of a host that uses four models and twelve prompts, outcomes, flags, metrics."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import time
import uuid
from typing import Any

MODELS = [
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-5.2"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-flash"),
]
PROMPTS = [hashlib.sha256(bytes([place])).hexdigest() for place in range(12)]
POLICY = {
    "values": {"confidence_threshold": 0.7},
    "overrides": [
        {"match": {"provider": provider, "model": model}, "values": {"confidence_threshold": 0.6 + place / 20}}
        for place, (provider, model) in enumerate(MODELS)
    ],
}

_numbers = itertools.count()
_draw = random.Random(7)


def decision() -> dict[str, Any]:
    provider, model = _draw.choice(MODELS)
    return {
        "external_id": f"call-{uuid.uuid4()}",
        "policy_key": "confidence_gate",
        "case_key": f"ticket-{next(_numbers) // 3}",
        "confidence_kind": "self_reported",
        "decision": {
            "risk_summary": "The reply may be read as a promise.",
            "likely_root_cause": "The template leaves the date open.",
            "confidence": round(_draw.betavariate(8, 2), 4),
            "recommended_action": {"type": "retry", "parameters": {"attempts": 2}},
            "provider": provider,
            "model": model,
            "prompt_hash": _draw.choice(PROMPTS),
        },
    }


def decisions(count: int) -> bytes:
    """So many as NDJSON."""
    return as_lines([decision() for _ in range(count)])


def as_lines(items: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, items)).encode()


def outcome(decision_external_id: str) -> dict[str, Any]:
    return {
        "external_id": f"of-{decision_external_id}",
        "decision_external_id": decision_external_id,
        "success": _draw.random() < 0.9,
        "source": "downstream_event",
    }


def flag() -> dict[str, Any]:
    provider, model = _draw.choice(MODELS)
    return {"context": {"targetingKey": f"ticket-{next(_numbers)}", "provider": provider, "model": model}}


def metrics(run: str, count: int) -> bytes:
    """So many of MLflow's metrics."""
    now = int(time.time() * 1000)
    values = [
        {"key": "confidence", "value": _draw.random(), "timestamp": now, "step": next(_numbers)} for _ in range(count)
    ]
    return json.dumps({"run_id": run, "metrics": values}).encode()
