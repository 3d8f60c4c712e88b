"""The SDKs of decision models through the gateway, with only the address changed; and a real model behind it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import typesafe_sdk
from django.conf import settings
from google import genai
from jevcompat import runner

from governance.tests.factories import SuperuserFactory
from ledger.gateway.services import connect_model_server
from ledger.models import DecisionRecord
from ledger.tests.model_server import ModelServerStub, serving_a_model
from ledger.tests.through_the_gateway import KEY, QUESTIONS, SECRET, VARIABLE, bind, connect, reply_of

USAGE = {
    "input_tokens": 9, "output_tokens": 2, "total_tokens": 11,
    "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}  # fmt: skip
PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def _models_on_this_machine(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Allowed here, where rows are written, and in the server, which reads them."""
    settings.CONFIDENCE_MODEL_HOSTS, settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = ["127.0.0.1"], True
    for name, value in {
        "CONFIDENCE_MODEL_HOSTS": "127.0.0.1",
        "CONFIDENCE_MODEL_ALLOW_PRIVATE": "1",
        VARIABLE: KEY,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def model() -> Iterator[ModelServerStub]:
    with serving_a_model() as server:
        yield server


@pytest.fixture
def sparrow() -> Iterator[str]:
    """A real decision model, whose weights are in its wheel, served by its own command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sparrow_decider.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/")
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "The model's server did not start."
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1/systemone"
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def decisions() -> dict[str, str]:
    return dict(DecisionRecord.objects.values_list("task", "gate_verdict"))


SNIPPETS = re.findall(r"^```python\n(.*?)^```", (Path(settings.BASE_DIR) / "docs/gateway.md").read_text(), re.M | re.S)
SDKS = {"openai": "openai.OpenAI(", "system_one": "TypeSafeClient(", "google": "genai.Client("}


@pytest.mark.parametrize("dialect", SDKS)
def test_snippet_of_the_document__acts_on_what_is_allowed_and_on_nothing_else(url, caller, model, dialect):
    connect(caller, model, dialect)
    bind(caller, "refund")
    (snippet,) = [code for code in SNIPPETS if SDKS[dialect] in code]
    code = snippet.replace("https://confidence.example.org", url)
    for probability, acted in ((0.97, 1), (0.3, 0)):
        done: list[Any] = []
        answers = {
            "openai": [{"type": "predicate", "name": "refund", "probability": probability}],
            "system_one": {"refund": {"type": "noul", "noul": probability}},
            "google": {
                "refund": {"type": "noul", "noul": probability, "confidence": max(probability, 1 - probability)}
            },
        }
        usage = USAGE if dialect == "openai" else {"input_tokens": 1, "output_tokens": 1}
        model.reply = reply_of(dialect, answers=answers[dialect], usage=usage)
        asked = QUESTIONS[dialect][:1] if dialect == "openai" else {"refund": QUESTIONS[dialect]["refund"]}
        known = {"CONFIDENCE_KEY": caller.key.plain, "ticket": f"{SECRET} {probability}", "questions": asked}
        exec(compile(code, "docs/gateway.md", "exec", dont_inherit=True), {**known, "act_on": done.append})
        assert len(done) == acted


def test_openai__reads_answers_and_verdicts(url, caller, model):
    connect(caller, model, "openai")
    bind(caller, "refund", "team")
    model.reply = reply_of("openai", usage=USAGE)
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=caller.key.plain)
    decision = client.decisions.create(model="acme-latest", input=SECRET, questions=QUESTIONS["openai"])
    assert [answer.x_confidence["verdict"] for answer in decision.answers] == ["allow", "block"]
    assert (decision.answers[0].probability, decision.answers[1].choice) == (0.97, "a")
    assert decisions() == {"refund": "allow", "team": "block"}


def test_typesafe__reads_answers_and_finds_verdicts_in_the_raw_reply(url, caller, model):
    connect(caller, model, "system_one")
    bind(caller, "refund", "team")
    model.reply = reply_of("system_one")
    with typesafe_sdk.TypeSafeClient(base_url=url, api_key=caller.key.plain) as client:
        reply = client.system_one(
            state=SECRET,
            questions={
                "refund": typesafe_sdk.Noul(instructions="Money back?"),
                "team": typesafe_sdk.Choice(instructions="Which?", criteria={"a": None, "b": None}),
            },
        )
    assert (reply.nouls["refund"].noul, reply.choices["team"].choice) == (0.97, "a")
    raw = json.loads(reply.raw_http_response.content)["answers"]
    assert [raw[name]["x_confidence"]["verdict"] for name in ("refund", "team")] == ["allow", "block"]
    assert decisions() == {"refund": "allow", "team": "block"}


def test_google__reads_answers_and_verdicts(url, caller, model):
    connect(caller, model, "google")
    bind(caller, "refund", "team")
    model.reply = reply_of("google")
    client = genai.Client(api_key=caller.key.plain, http_options={"base_url": url})
    reply = client.decisions.create(model="models/acme-latest", input=SECRET, questions=QUESTIONS["google"])
    assert [reply.answers[name].x_confidence["verdict"] for name in ("refund", "team")] == ["allow", "block"]
    assert (reply.answers["refund"].noul, reply.answers["team"].choice) == (0.97, "a")
    assert set(DecisionRecord.objects.values_list("model", flat=True)) == {"acme-latest"}


def test_withheld__no_sdk_shows_a_blocked_answer_as_one(url, caller, model):
    for dialect in ("openai", "system_one", "google"):
        connect(caller, model, dialect, withholds=True)
    bind(caller, "refund", "team")
    model.reply = reply_of("openai", usage=USAGE)
    asked = openai.OpenAI(base_url=f"{url}/v1", api_key=caller.key.plain)
    decision = asked.decisions.create(model="acme-latest", input=SECRET, questions=QUESTIONS["openai"])
    assert [answer.type for answer in decision.answers] == ["predicate", "refusal"]
    model.reply = reply_of("system_one")
    with typesafe_sdk.TypeSafeClient(base_url=url, api_key=caller.key.plain) as client:
        reply = client.system_one(state=SECRET, questions=QUESTIONS["system_one"])
    assert set(reply.answers) == {"refund"}
    model.reply = reply_of("google")
    google = genai.Client(api_key=caller.key.plain, http_options={"base_url": url})
    said = google.decisions.create(model="acme-latest", input=SECRET, questions=QUESTIONS["google"])
    assert not hasattr(said.answers["team"], "choice")


def test_model_is_down__each_sdk_raises_its_own_error(url, caller, model):
    for dialect in ("openai", "system_one", "google"):
        connect(caller, model, dialect)
    model.status, model.reply = 500, {}
    asked = openai.OpenAI(base_url=f"{url}/v1", api_key=caller.key.plain, max_retries=0)
    with pytest.raises(openai.InternalServerError, match="did not answer"):
        asked.decisions.create(model="m", input=SECRET, questions=QUESTIONS["openai"])
    retry = typesafe_sdk.RetryPolicy(max_retries=0)
    with (
        typesafe_sdk.TypeSafeClient(base_url=url, api_key=caller.key.plain, retry=retry) as client,
        pytest.raises(typesafe_sdk.TypeSafeInternalServerError, match="did not answer"),
    ):
        client.system_one(state=SECRET, questions=QUESTIONS["system_one"])
    assert not DecisionRecord.objects.exists()


def test_sparrow__a_real_model__is_gated_and_keeps_to_its_protocol(url, caller, sparrow):
    connect_model_server(
        actor=SuperuserFactory(), workspace=caller.workspace, dialect="system_one", url=sparrow, provider="sparrow",
        reason="A pilot.",
    )  # fmt: skip
    bind(caller, "")
    report = runner.run(url, key=caller.key.plain, timeout=PATIENCE_SECONDS)
    failed = [(each.id, each.findings) for each in report.results if each.level == "MUST" and each.status == "fail"]
    assert (failed, report.verdict) == ([], "conformant")
    answered = DecisionRecord.objects.filter(provider="sparrow", llm_confidence__isnull=False)
    assert answered.filter(model="sparrow-nano-general-v1.1").count() == answered.count() > 20
