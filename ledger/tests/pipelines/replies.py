"""Replies of decision models for tests, in the forms of the two protocols."""

from __future__ import annotations

from typing import Any

OPENAI_USAGE = {
    "input_tokens": 40,
    "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 41,
}


def predicate(probability: Any, name: str | None = "safe_to_file") -> dict[str, Any]:
    return {"type": "predicate", "name": name, "probability": probability}


def choice(
    chosen: Any = "file", confidence: Any = 0.93, name: str | None = "safe_to_file", **changes: Any
) -> dict[str, Any]:
    probabilities = [{"value": "file", "probability": 0.95}, {"value": "hold", "probability": 0.05}]
    return {
        "type": "choice",
        "name": name,
        "choice": chosen,
        "confidence": confidence,
        "probabilities": probabilities,
        **changes,
    }


def score(confidence: Any = 0.91, name: str | None = "safe_to_file") -> dict[str, Any]:
    levels = [{"label": "calm", "value": 0, "probability": 0.97}, {"label": "angry", "value": 1, "probability": 0.03}]
    return {"type": "score", "name": name, "score": 0.03, "confidence": confidence, "probabilities": levels}


def refusal(name: str | None = "safe_to_file") -> dict[str, Any]:
    return {"type": "refusal", "name": name}


def openai_reply(*answers: dict[str, Any], model: str = "gpt-6-luna-2026-09-30") -> dict[str, Any]:
    return {"model": model, "answers": list(answers), "usage": OPENAI_USAGE}


def system_one_reply(model: str = "jev-1.14.0", **answers: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "answers": answers, "usage": {"input_tokens": 40, "output_tokens": 1}}


def answer(response: Any, dialect: str = "openai", **changes: Any) -> dict[str, Any]:
    return {"dialect": dialect, "provider": "acme", "response": response, **changes}
