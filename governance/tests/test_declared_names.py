"""Names with blanks: declared and withdrawn by page and by command, by whom it may be done, and what is kept of it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from governance.models import DeclaredName, WorkspaceEvent
from governance.tests.browser import page, signed_in, text, url, words
from governance.tests.callers import Person
from governance.tests.commands import run
from governance.tests.factories import KEY, SuperuserFactory, WorkspaceFactory, admin_of, viewer_of

pytestmark = pytest.mark.django_db

NAME = "GPT 4o"


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def declared(workspace):
    return list(DeclaredName.objects.in_workspace(workspace).values_list("kind", "name"))


def test_pages__declared_and_withdrawn__with_its_history(workspace):
    client = signed_in(admin_of(workspace))
    body = {"workspace": workspace.pk, "kind": "model", "name": NAME}
    client.post(url(DeclaredName, "add"), body)
    assert "This name is declared already" in text(client.post(url(DeclaredName, "add"), body))
    row = DeclaredName.objects.get()
    assert NAME in words(client.get(url(DeclaredName, "changelist")))
    client.post(page(row, "withdraw"))
    assert declared(workspace) == []
    events = WorkspaceEvent.objects.filter(workspace=workspace).order_by("pk")
    assert [(each.kind, each.subject, each.before, each.after) for each in events] == [
        ("name.declared", NAME, None, {"kind": "model"}),
        ("name.withdrawn", NAME, {"kind": "model"}, None),
    ]


def test_pages__viewer_and_foreign_workspace__refused(workspace):
    body = {"workspace": workspace.pk, "kind": "model", "name": NAME}
    assert signed_in(viewer_of(workspace)).post(url(DeclaredName, "add"), body).status_code == 403
    reply = signed_in(admin_of(WorkspaceFactory())).post(url(DeclaredName, "add"), body)
    assert "Select a valid choice" in text(reply)
    assert declared(workspace) == []


def test_commands__declared_listed_and_withdrawn(workspace):
    who = ["--workspace", workspace.slug, "--as", admin_of(workspace).username]
    assert "Declared" in run("declare_name", "provider", "Azure OpenAI", *who)
    listed = run("list_names", "--workspace", workspace.slug)
    assert listed.startswith("provider")
    assert listed.endswith("Azure OpenAI\n1 listed.\n")
    assert run("withdraw_name", "provider", "Azure OpenAI", *who) == "Withdrawn.\n"
    with pytest.raises(CommandError, match="not declared"):
        run("withdraw_name", "provider", "Azure OpenAI", *who)


@pytest.mark.parametrize("command", ["declare_name", "withdraw_name"])
def test_commands__viewer__refused(workspace, command):
    with pytest.raises(CommandError, match="admin membership"):
        run(command, "model", NAME, "--workspace", workspace.slug, "--as", viewer_of(workspace).username)


@pytest.mark.parametrize(
    "name, why",
    [
        ("gpt-4o", "needs no declaring"),
        ("", "must not be empty"),
        ("GPT\n4o", "printable"),
        ("GPT\u00a04o", "printable"),
        ("a " * 101, "at most 200"),
    ],
)
def test_declare__name_that_cannot_be_one__says_which_rule(workspace, name, why):
    with pytest.raises(CommandError, match=why):
        run("declare_name", "model", name, "--workspace", workspace.slug, "--as", SuperuserFactory().username)
    assert declared(workspace) == []


def test_declare__another_script__is_a_name(workspace):
    run("declare_name", "model", "通义千问", "--workspace", workspace.slug, "--as", SuperuserFactory().username)
    assert declared(workspace) == [("model", "通义千问")]


@pytest.mark.parametrize("name", ["declare_name", "list_names", "withdraw_name"])
def test_help__shows_examples(name):
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    assert "\nexamples:\n  manage.py" in parser.format_help()


def override_for(model):
    config = {
        "values": {"confidence_threshold": 0.9},
        "overrides": [{"match": {"model": model}, "values": {"confidence_threshold": 0.95}}],
    }
    return {"policy_key": KEY, "title": "By model", "rationale": "It differs.", "config": config}


def test_override__for_a_name_with_blanks__once_it_is_declared(workspace):
    person = Person(admin_of(workspace), workspace)
    refused = person.post("proposals", override_for(NAME))
    assert refused.status_code == 422, refused.content
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/config/overrides/0/match/model"
    assert "declared" in error["detail"]
    assert NAME not in refused.content.decode()
    run("declare_name", "model", NAME, "--workspace", workspace.slug, "--as", person.user.username)
    assert person.post("proposals", override_for(NAME)).status_code == 201


@pytest.mark.parametrize("model", ["/mnt/models", "@cf/meta/llama", "~openai/x", "claude-sonnet-4-5[1m]"])
def test_override__for_a_name_that_exists__is_taken(workspace, model):
    person = Person(admin_of(workspace), workspace)
    assert person.post("proposals", override_for(model)).status_code == 201


@pytest.mark.parametrize("task", ["a task", "", "x" * 201])
def test_override__for_a_task_with_blanks__is_refused(workspace, task):
    body = override_for("m")
    body["config"]["overrides"][0]["match"] = {"task": task}
    reply = Person(admin_of(workspace), workspace).post("proposals", body)
    assert [error["pointer"] for error in reply.json()["errors"]] == ["/config/overrides/0/match/task"]
