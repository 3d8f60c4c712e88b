"""Names on spans: kept letter by letter where they have no white space; what is left out is told and counted."""

from __future__ import annotations

import pytest

from governance.tests.factories import ApiKeyFactory, SuperuserFactory
from governance.workspaces.names import declare_name
from telemetry.models import AIInteraction
from telemetry.models.otlp import Reception
from telemetry.tests.otlp_messages import CHAT, Exporter, span

pytestmark = pytest.mark.django_db(transaction=True)

RULE = "must have 1 to 200 visible characters (ASCII) and no white space"


@pytest.fixture
def key():
    return ApiKeyFactory()


@pytest.fixture
def exporter(key):
    return Exporter(key.plain)


def call(number=1, provider="acme", model="m-1", **more):
    names = {"gen_ai.provider.name": provider, "gen_ai.request.model": model, "gen_ai.response.model": model}
    return span(number, {**CHAT, "gen_ai.response.id": f"id-{number}", **names, **more})


@pytest.mark.parametrize(
    "model", ["/mnt/models", "@cf/meta/llama-3.1-8b-instruct", "claude-sonnet-4-5[1m]", "~vendor/model-latest"]
)
def test_span__name_that_exists__is_kept(exporter, model):
    reply = exporter.export(call(model=model, provider=model))
    assert not reply.HasField("partial_success")
    assert AIInteraction.objects.values_list("provider", "model").get() == (model, model)


def test_span__names_with_blanks__are_left_out_and_told_by_attribute(key, exporter):
    reply = exporter.export(call(1, model="GPT 4o"), call(2, provider="Azure OpenAI"))
    said = reply.partial_success
    assert said.rejected_spans == 0
    for attribute in ("gen_ai.request.model", "gen_ai.response.model"):
        assert f"{attribute} was left out: it {RULE}; any other model has to be declared" in said.error_message
    assert f"gen_ai.provider.name was left out: it {RULE}; any other provider" in said.error_message
    assert "GPT" not in said.error_message
    assert "Azure" not in said.error_message
    assert sorted(AIInteraction.objects.values_list("provider", "model")) == [("", "m-1"), ("acme", "")]
    counted = Reception.objects.get(workspace=key.workspace, kind="label")
    assert (counted.fate, counted.number, counted.last_name) == ("invalid", 3, "gen_ai.provider.name")


def test_span__names_with_blanks__are_kept_once_declared(key, exporter):
    for kind, name in (("model", "GPT 4o"), ("provider", "Azure OpenAI")):
        declare_name(actor=SuperuserFactory(), workspace=key.workspace, kind=kind, name=name)
    reply = exporter.export(call(model="GPT 4o", provider="Azure OpenAI"))
    assert not reply.HasField("partial_success")
    assert AIInteraction.objects.values_list("provider", "model").get() == ("Azure OpenAI", "GPT 4o")


def test_span__call_by_its_response_model_alone__is_a_call_whatever_that_is_called(exporter):
    exporter.export(span(1, {"gen_ai.response.model": "GPT 4o"}))
    assert AIInteraction.objects.get().model == ""


@pytest.mark.parametrize(
    "attribute, rule",
    [
        ("service.name", RULE),
        ("gen_ai.prompt.name", RULE),
        ("gen_ai.response.id", RULE),
        ("error.type", "must be the name of a class"),
    ],
)
def test_span__any_label_that_is_text__is_left_out_and_told(exporter, attribute, rule):
    reply = exporter.export(call(**{attribute: "my own text"}))
    assert reply.partial_success.error_message == f"{attribute} was left out: it {rule}."
    assert AIInteraction.objects.count() == 1


def test_span__of_other_work__tells_nothing_of_its_names(exporter):
    reply = exporter.export(span(1, {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "GPT 4o"}))
    assert not reply.HasField("partial_success")


def test_span__empty_name__is_none(exporter):
    assert not exporter.export(call(model="")).HasField("partial_success")
