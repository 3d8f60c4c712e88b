"""Who connects a model's server and binds a question: services, commands and pages."""

from __future__ import annotations

import pytest
from django.core.management import CommandError
from django.urls import reverse

from confidence_project.foundation.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PermissionRefused,
    UnknownPolicyKey,
)
from governance.answer_rules import AnswerRule
from governance.definitions import DEFINITIONS, PolicyDefinition, confidence_threshold, register
from governance.tests.browser import signed_in, words
from governance.tests.commands import run
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.gateway.services import (
    bind_question,
    connect_model_server,
    disconnect_model_server,
    unbind_question,
)
from ledger.models import ModelServer, QuestionBinding

pytestmark = pytest.mark.django_db

URL = "https://models.example.org/v1/systemone"
VARIABLE = "CONFIDENCE_MODEL_KEY_TEST"


@pytest.fixture(autouse=True)
def _allowed(settings, monkeypatch):
    settings.CONFIDENCE_MODEL_HOSTS = ["models.example.org"]
    monkeypatch.setenv(VARIABLE, "sk-of-the-model")


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def names_its_question():
    definition = PolicyDefinition(
        key="gateway.refund", title="Refunds", description="", fields=(confidence_threshold("threshold", 0.9, ""),),
        answer=AnswerRule(question="refund"),
    )  # fmt: skip
    register(definition)
    yield definition.key
    del DEFINITIONS.things[definition.key]


def connect(workspace, actor=None, **options):
    values = {"dialect": "system_one", "url": URL, "reason": "A pilot.", **options}
    return connect_model_server(actor=actor or SuperuserFactory(), workspace=workspace, **values)


def test_connect__again__replaces_the_server_of_the_protocol_and_keeps_the_row(workspace):
    first, second = connect(workspace), connect(workspace, provider="acme", key_variable=VARIABLE)
    connect(workspace, dialect="openai")
    first.refresh_from_db()
    assert (first.provider, first.ended_at is None, second.ended_at) == ("models.example.org", False, None)
    assert ModelServer.objects.in_force().count() == 2


def test_connect__anybody_but_a_superuser__is_refused(workspace):
    for actor, error in [
        (admin_of(workspace), PermissionRefused),
        (viewer_of(workspace), PermissionRefused),
        (admin_of(WorkspaceFactory()), NotFound),
    ]:
        with pytest.raises(error):
            connect(workspace, actor)
    assert not ModelServer.objects.exists()


@pytest.mark.parametrize(
    "field, value",
    [
        ("url", "https://elsewhere.example.com/v1"),
        ("url", "http://models.example.org/"),
        ("url", ""),
        ("dialect", "soap"),
        ("provider", "two words"),
        ("key_variable", "SECRET_KEY"),
        ("key_variable", "CONFIDENCE_MODEL_KEY_"),
        ("key_variable", "CONFIDENCE_MODEL_KEY_NOT_SET"),
        ("timeout_seconds", 0),
        ("timeout_seconds", float("nan")),
        ("max_reply_bytes", 0),
        ("reason", " "),
    ],
)
def test_connect__what_is_not_valid__is_refused_without_repeating_it(workspace, field, value):
    with pytest.raises(InvalidInput) as refusal:
        connect(workspace, **{field: value})
    assert not str(value).strip() or str(value) not in refusal.value.detail.split() or field == "timeout_seconds"
    assert not ModelServer.objects.exists()


def test_disconnect__admin_may__and_once(workspace):
    connect(workspace)
    ending = {"actor": admin_of(workspace), "workspace": workspace, "dialect": "system_one", "reason": "Over."}
    disconnect_model_server(**ending)
    assert not ModelServer.objects.in_force().exists()
    with pytest.raises(Conflict):
        disconnect_model_server(**ending)


def test_bind__admin_may__replaces_and_unbinds(workspace):
    common = {"actor": admin_of(workspace), "workspace": workspace, "reason": "A pilot."}
    bind_question(**common, question="refund", policy_key="confidence_gate")
    bind_question(**common, question="refund", policy_key="confidence_gate")
    assert QuestionBinding.objects.in_force().count() == 1
    unbind_question(**common, question="refund")
    assert QuestionBinding.objects.count() == 2
    assert not QuestionBinding.objects.in_force().exists()
    for actor in (viewer_of(workspace), admin_of(WorkspaceFactory())):
        with pytest.raises((PermissionRefused, NotFound)):
            bind_question(**{**common, "actor": actor}, question="refund", policy_key="confidence_gate")


def test_bind__policy_that_cannot_gate_the_question__is_refused(workspace, names_its_question):
    common = {"actor": admin_of(workspace), "workspace": workspace, "reason": "A pilot."}
    for question, policy_key, words_of_it in [
        ("refund", "decision_gate", "risk score"),
        ("refund", "auto_send.evaluate", "no rule for answers"),
        ("team", names_its_question, "other questions"),
        ("", names_its_question, "other questions"),
    ]:
        with pytest.raises(InvalidInput, match=words_of_it):
            bind_question(**common, question=question, policy_key=policy_key)
    with pytest.raises(UnknownPolicyKey):
        bind_question(**common, question="refund", policy_key="nothing.of.the.kind")
    bind_question(**common, question="refund", policy_key=names_its_question)


def test_commands__connect_bind_show_unbind_disconnect(workspace):
    root, admin = SuperuserFactory(username="root"), admin_of(workspace)
    where = ["--workspace", workspace.slug, "--reason", "A pilot."]
    assert "Connected" in run(
        "connect_model_server", "system_one", URL, *where, "--as", root.username, "--key-variable", VARIABLE,
        "--withhold", "--timeout", "5", "--max-reply", "5000", "--provider", "acme",
    )  # fmt: skip
    assert "Bound" in run("bind_question", "refund", "confidence_gate", *where, "--as", admin.username)
    shown = run("show_gateway", "--workspace", workspace.slug)
    assert f"system_one  acme  {URL}  {VARIABLE}  blocked: withheld" in shown
    assert "confidence_gate  gates  refund" in shown
    assert "Unbound" in run("unbind_question", "refund", *where, "--as", admin.username)
    assert "Disconnected" in run("disconnect_model_server", "system_one", *where, "--as", admin.username)
    assert "0 servers, 0 bindings." in run("show_gateway", "--workspace", workspace.slug)
    with pytest.raises(CommandError, match="superuser"):
        run("connect_model_server", "system_one", URL, *where, "--as", admin.username)


def address(model, page, *args):
    return reverse(f"admin:ledger_{model._meta.model_name}_{page}", args=args)


def test_pages__superuser_connects__admin_binds_and_ends_both(workspace):
    root, admin = signed_in(SuperuserFactory()), signed_in(admin_of(workspace))
    server = {
        "workspace": workspace.pk, "dialect": "openai", "url": "https://models.example.org/v1/decisions",
        "timeout_seconds": "5", "max_reply_bytes": "5000", "reason": "A pilot.",
    }  # fmt: skip
    assert admin.post(address(ModelServer, "add"), server).status_code == 403
    assert "CONFIDENCE_MODEL_HOSTS" in words(
        root.post(address(ModelServer, "add"), {**server, "url": "https://x.org/"})
    )
    assert root.post(address(ModelServer, "add"), server).status_code == 302
    binding = {"workspace": workspace.pk, "question": "", "policy_key": "confidence_gate", "reason": "A pilot."}
    assert admin.post(address(QuestionBinding, "add"), binding).status_code == 302
    assert "every other question" in words(admin.get(address(QuestionBinding, "changelist")))
    for row, verb in [(ModelServer.objects.get(), "disconnect"), (QuestionBinding.objects.get(), "unbind")]:
        assert admin.get(address(type(row), "change", row.pk)).status_code == 200
        assert admin.post(address(type(row), verb, row.pk), {"reason": "Over."}).status_code == 302
        row.refresh_from_db()
        assert row.end_reason == "Over."
