"""A workspace whose key goes through the gateway, and a model's server behind it."""

from __future__ import annotations

import json

from governance.tests.factories import SuperuserFactory, admin_of
from ledger.gateway.services import bind_question, connect_model_server

SECRET = "Ann Example wants her 40 € back"
KEY = "sk-of-the-model"
PATHS = {"openai": "/v1/decisions", "system_one": "/v1/systemone", "google": "/v1/decisions"}
QUESTIONS = {
    "openai": [
        {"type": "predicate", "name": "refund", "instructions": SECRET},
        {"type": "choice", "name": "team", "instructions": "Which?", "choices": [{"value": "a"}, {"value": "b"}]},
    ],
    "system_one": {
        "refund": {"type": "noul", "instructions": SECRET},
        "team": {"type": "choice", "instructions": "Which?", "criteria": {"a": None, "b": None}},
    },
}
ANSWERS = {
    "openai": [
        {"type": "predicate", "name": "refund", "probability": 0.97},
        {
            "type": "choice", "name": "team", "choice": "a", "confidence": 0.6,
            "probabilities": [{"value": "a", "probability": 0.8}, {"value": "b", "probability": 0.2}],
        },
    ],
    "system_one": {
        "refund": {"type": "noul", "noul": 0.97},
        "team": {"type": "choice", "choice": "a", "confidence": 0.6, "probabilities": {"a": 0.8, "b": 0.2}},
    },
}  # fmt: skip
QUESTIONS["google"] = {
    "refund": {"type": "noul", "instructions": SECRET},
    "team": {"type": "choice", "instructions": "Which?", "criteria": {"a": "", "b": ""}},
}
ANSWERS["google"] = {
    "refund": {"type": "noul", "noul": 0.97, "confidence": 0.97},
    "team": {"type": "choice", "choice": "a", "confidence": 0.8, "probabilities": {"a": 0.8, "b": 0.2}},
}
INPUT = {"openai": "input", "system_one": "state", "google": "input"}
ANSWERED_BY = {"openai": "acme-1", "system_one": "acme-1", "google": "acme-latest"}
"""Google's replies name no model: the one that was asked counts."""

VARIABLE = "CONFIDENCE_MODEL_KEY_TEST"


def connect(caller, model, dialect="system_one", **options):
    return connect_model_server(
        actor=SuperuserFactory(), workspace=caller.workspace, dialect=dialect, url=model.url(PATHS[dialect]),
        reason="A pilot.", **{"provider": "acme", "key_variable": VARIABLE, **options},
    )  # fmt: skip


def bind(caller, *questions, policy_key="confidence_gate"):
    for question in questions:
        bind_question(
            actor=admin_of(caller.workspace), workspace=caller.workspace, question=question, policy_key=policy_key,
            reason="A pilot.",
        )  # fmt: skip


def reply_of(dialect, **changes):
    named = {} if dialect == "google" else {"model": ANSWERED_BY[dialect]}
    return {**named, "answers": ANSWERS[dialect], "usage": {"input_tokens": 9, "output_tokens": 2}, **changes}


def request_of(dialect, **changes):
    model = "models/acme-latest" if dialect == "google" else "acme-latest"
    return {"model": model, INPUT[dialect]: SECRET, "questions": QUESTIONS[dialect], **changes}


def ask(caller, dialect="system_one", body=None, **headers):
    data = body if isinstance(body, bytes) else json.dumps(request_of(dialect) if body is None else body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.client.post(PATHS[dialect], data, content_type="application/json", headers=names)


def verdicts(reply):
    answers = reply.json()["answers"]
    entries = answers.items() if isinstance(answers, dict) else [(each.get("name"), each) for each in answers]
    return {name: answer["x_confidence"] for name, answer in entries}
