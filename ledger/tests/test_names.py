"""Names of providers and models that exist: kept letter by letter through every door, with blanks once declared."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError

from governance.controls.services import block_source
from governance.models import DeclaredName
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from governance.workspaces.names import declare_name, withdraw_name
from ledger.models import DecisionRecord
from ledger.pipelines.auto_send import DraftToEvaluate, evaluate_draft
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.imports import csv_file, import_file
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, MeetingOverseerDecision
from telemetry.recorder import track_ai_call
from telemetry.tests import bodies
from telemetry.tests.openai_server import completion, running_server

pytestmark = pytest.mark.django_db

# Of servers and gateways: vLLM, Cloudflare, aliases of a router, Claude Code, Fireworks, Windows, Bedrock, a wildcard.
NAMES = [
    "/mnt/models",
    "@cf/meta/llama-3.1-8b-instruct",
    "~openai/gpt-latest",
    "claude-sonnet-4-5[1m]",
    "accounts/fireworks/models/llama#accounts/me/deployments/d",
    r"C:\models\llama.gguf",
    "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0",
    "openai/*",
]
BLANK = {"provider": "Azure OpenAI", "model": "GPT 4o"}
RULE = "no white space"


@pytest.fixture
def caller():
    return Caller()


def declare(workspace):
    for kind, name in BLANK.items():
        declare_name(actor=SuperuserFactory(), workspace=workspace, kind=kind, name=name)


def answer(**changes):
    response = {"model": "luna", "answers": [{"type": "predicate", "probability": 0.97}]}
    return {"dialect": "openai", "provider": "acme", "response": response, **changes}


def answered(provider, model):
    response = {**answer()["response"], "model": model}
    return envelope(decision=None, answer=answer(provider=provider, response=response))


@pytest.mark.parametrize("name", NAMES)
def test_decisions__names_that_exist__are_allowed_and_kept(caller, name):
    decided = envelope(decision=llm_decision(provider=name, model=name), task=name, channel=name)
    for body in (decided, answered(name, name)):
        assert caller.post("decisions", body).json()["reason"] == "allowed"
        record = DecisionRecord.objects.first()
        assert (record.provider, record.model) == (name, name)


RECORDS = {
    "interactions": (bodies.interaction, AIInteraction),
    "drafts": (bodies.draft, AIDraft),
    "overseer-decisions": (bodies.overseer_decision, MeetingOverseerDecision),
    "bookings": (bodies.booking, FollowUpBooking),
}


@pytest.mark.parametrize("path", RECORDS)
@pytest.mark.parametrize("name", NAMES[:4])
def test_records__names_that_exist__are_kept(caller, path, name):
    body, model = RECORDS[path]
    assert caller.post(path, body(provider=name, model=name)).status_code == 201
    assert list(model.objects.values_list("provider", "model")) == [(name, name)]


@pytest.mark.parametrize("path", RECORDS)
def test_records__names_with_blanks__are_kept_once_declared(caller, path):
    body, model = RECORDS[path]
    refused = caller.post(path, body(**BLANK))
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/provider", "/model"]
    assert all(RULE in error["detail"] and "declared" in error["detail"] for error in refused.json()["errors"])
    declare(caller.workspace)
    assert caller.post(path, body(**BLANK)).status_code == 201
    assert model.objects.values("provider", "model").get() == BLANK


def test_decisions__names_with_blanks__are_kept_once_declared_and_no_longer_once_withdrawn(caller):
    def reasons():
        sent = [envelope(decision=llm_decision(**BLANK)), answered("acme", BLANK["model"])]
        return [caller.post("decisions", body).json()["reason"] for body in sent]

    assert reasons() == ["schema_invalid", "schema_invalid"]
    declare(caller.workspace)
    assert reasons() == ["allowed", "allowed"]
    assert DecisionRecord.objects.filter(gate_verdict="allow", **BLANK).count() == 1
    assert caller.post("decisions", answered(**BLANK)).status_code == 201
    for kind, name in BLANK.items():
        withdraw_name(actor=SuperuserFactory(), workspace=caller.workspace, kind=kind, name=name)
    assert reasons() == ["schema_invalid", "schema_invalid"]
    # The provider of an answer is the host's to say: the envelope is broken.
    assert caller.post("decisions", answered(**BLANK)).json()["errors"][0]["pointer"] == "/answer/provider"


def test_declared__elsewhere_or_as_another_kind__does_not_count(caller):
    declare(WorkspaceFactory())
    for kind, name in (("provider", BLANK["model"]), ("model", BLANK["provider"])):
        declare_name(actor=SuperuserFactory(), workspace=caller.workspace, kind=kind, name=name)
    reply = caller.post("decisions", envelope(decision=llm_decision(**BLANK))).json()
    assert [error["pointer"] for error in reply["errors"]] == ["/decision/provider", "/decision/model"]


def test_declared__task_with_blanks__stays_refused(caller):
    declare(caller.workspace)
    reply = caller.post("decisions", envelope(task=BLANK["model"]))
    assert (reply.status_code, reply.json()["errors"][0]["pointer"]) == (422, "/task")


def test_queries__names_without_blanks__cost_none(caller, django_assert_max_num_queries):
    caller.post("decisions", envelope())
    with django_assert_max_num_queries(100) as queries:
        caller.post("decisions", [envelope(decision=llm_decision(model=name)) for name in NAMES])
    assert DeclaredName._meta.db_table not in json.dumps([query["sql"] for query in queries.captured_queries])


def row(provider, model):
    return f'2026-01-31T09:30:00Z,"{provider}","{model}",triage,0.8,1'


def test_import__names__as_over_http(tmp_path):
    workspace = WorkspaceFactory(slug="acme")
    path = csv_file(tmp_path, row("/mnt/models", "claude-sonnet-4-5[1m]"), row(**BLANK))
    said: list[str] = []
    with pytest.raises(CommandError, match="1 rows were rejected"):
        import_file(path, errors=said)
    assert DecisionRecord.objects.values_list("provider", "model").get() == ("/mnt/models", "claude-sonnet-4-5[1m]")
    assert any(f"model must have 1 to 200 visible characters (ASCII) and {RULE}" in line for line in said)
    declare(workspace)
    import_file(path)
    assert DecisionRecord.objects.filter(**BLANK).count() == 1


def test_import__constants__as_in_rows(tmp_path):
    workspace = WorkspaceFactory(slug="acme")
    path = csv_file(tmp_path, "2026-01-31T09:30:00Z,0.8,1", header="decided_at,confidence,success")
    declare(workspace)
    import_file(path, task="triage", **BLANK)
    assert DecisionRecord.objects.filter(**BLANK).count() == 1


def test_recorder__name_that_is_not_declared__costs_no_call(caplog):
    workspace = WorkspaceFactory()

    def call():
        with track_ai_call(workspace=workspace, operation="chat", **BLANK) as tracked:
            tracked.observe({"model": "GPT 5 turbo", "usage": {"input_tokens": 3}})
        return tracked.interaction

    kept = call()
    assert (kept.provider, kept.model, kept.input_tokens) == ("", "", 3)
    assert "without its provider" in caplog.text
    assert not any(name in caplog.text for name in BLANK.values())
    declare(workspace)
    kept = call()
    assert (kept.provider, kept.model) == (BLANK["provider"], BLANK["model"])
    declare_name(actor=SuperuserFactory(), workspace=workspace, kind="model", name="GPT 5 turbo")
    assert call().model == "GPT 5 turbo"


@pytest.mark.parametrize("name", ["/mnt/models", BLANK["model"]])
def test_block_list__name_of_the_settings__is_met_before_anybody_is_asked(settings, name):
    workspace = WorkspaceFactory()
    block_source(actor=SuperuserFactory(), workspace=workspace, kind="model", value=name, reason="Drift.")
    with running_server() as server:
        server.plan(completion(json.dumps({"safe_to_send": True, "confidence": 0.99, "requires_human_review": False})))
        settings.CONFIDENCE_AI_BASE_URL, settings.CONFIDENCE_AI_MODEL = server.url, name
        draft = DraftToEvaluate(external_id="d", conversation="x", draft="y", channel="email")
        assert evaluate_draft(workspace=workspace, draft=draft).reason == "model_blocked"
        assert not server.requests
