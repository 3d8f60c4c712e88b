"""The gate as an MCP server, asked by the official client over stdio and over Streamable HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.core.management import CommandError
from django.db import connection, connections, transaction
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from rest_framework.settings import api_settings

from governance.controls.services import engage_kill_switch
from governance.models import Workspace
from governance.tests.callers import Caller
from governance.tests.commands import run
from governance.tests.factories import FIELD, KEY, admin_of, applied
from governance.tests.workers import database_url
from governance.workspaces.services import revoke_api_key
from ledger.agents.server import mcp_app
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.tests.bodies import envelope, llm_decision
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db(transaction=True)

TOOLS = {"decide", "get_threshold", "report_outcome", "explain_verdict"}


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture(autouse=True)
def _no_connection_stays_open(monkeypatch):
    """The threads of the server live as long as the tests' process."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)


@contextmanager
def serving_http():
    config = uvicorn.Config(mcp_app(["127.0.0.1:*"]), host="127.0.0.1", port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def over_http(url, key):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


def over_stdio(key):
    variables = {
        **os.environ, "CONFIDENCE_DEV": "1", "DATABASE_URL": database_url(), "CONFIDENCE_API_KEY": key,
        "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    return Client(
        StdioServerParameters(
            command=sys.executable, args=["manage.py", "serve_mcp"], env=variables, cwd=django_settings.BASE_DIR
        )
    )


def decision(external_id="turn-1", **changes):
    return {"external_id": external_id, "policy_key": KEY, "decision": llm_decision(), **changes}


async def said(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    return result.content[0].text if result.is_error else result.structured_content


async def a_round(client, caller):
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    first = await said(client, "decide", **decision())
    again = await said(client, "decide", **decision())
    outcome = await said(client, "report_outcome", external_id="o-1", success=True, decision_id=first["decision_id"])
    threshold = await said(client, "get_threshold", policy_key=KEY, field=FIELD, provider="acme")
    explained = await said(client, "explain_verdict", decision_id=first["decision_id"])
    return first, again, outcome, threshold, explained


def check_round(first, again, outcome, threshold, explained):
    assert (first["verdict"], first["reason"], first["because"]) == ("allow", "allowed", "every check was passed")
    assert again == first
    assert (outcome["success"], outcome["decision_id"]) == (True, first["decision_id"])
    assert threshold == {"policy_key": KEY, "field": FIELD, "value": 0.8}
    assert explained["llm_confidence"] == "0.9500"
    assert [each["external_id"] for each in explained["outcomes"]] == ["o-1"]
    assert DecisionRecord.objects.count() == DecisionOutcome.objects.count() == 1
    assert DecisionOutcome.objects.get().reporter.startswith("API key ")


def test_http__decide_report_and_explain(caller):
    applied(caller.workspace, 0.8)

    async def work(url):
        async with over_http(url, caller.key.plain) as client:
            return await a_round(client, caller)

    with serving_http() as url:
        check_round(*asyncio.run(work(url)))


def test_stdio__decide_report_and_explain(caller):
    applied(caller.workspace, 0.8)

    async def work():
        async with over_stdio(caller.key.plain) as client:
            return await a_round(client, caller)

    check_round(*asyncio.run(work()))


def test_errors__are_told_to_the_model_and_allow_nothing(caller):
    elsewhere = DecisionRecordFactory()

    async def work(url):
        async with over_http(url, caller.key.plain) as client:
            return [
                await said(client, "decide", **decision(policy_key="no.such")),
                await said(client, "decide", **decision(case_key="two words")),
                await said(client, "decide", external_id="turn-2"),
                await said(client, "get_threshold", policy_key=KEY, field="nothing"),
                await said(client, "report_outcome", external_id="o", success=True, decision_external_id="nobody"),
                await said(client, "explain_verdict", decision_id=str(elsewhere.pk)),
                await said(client, "explain_verdict", decision_id="nonsense"),
            ]

    with serving_http() as url:
        told = asyncio.run(work(url))
    expected = ["not registered", "/case_key", "policy_key", "no field", "No decision", "No decision", "No decision"]
    for text, part in zip(told, expected, strict=True):
        assert part in text
    assert "two words" not in told[1]
    assert not DecisionRecord.objects.exclude(pk=elsewhere.pk).exists()


def test_numbers_and_booleans__are_not_made_of_other_values(caller):
    # mcp 2.3.0 announces "number" and "boolean", and converts what is neither.
    record = DecisionRecordFactory(workspace=caller.workspace)
    named = {"external_id": "o", "decision_id": str(record.pk)}

    async def work(url):
        async with over_http(url, caller.key.plain) as client:
            return [
                *[await said(client, "decide", **decision(ml_risk_score=value)) for value in (False, True, "0.1")],
                *[await said(client, "report_outcome", success=value, **named) for value in ("no", "yes", 1, 0.0)],
                await said(client, "report_outcome", success=True, automation_executed="off", **named),
                await said(client, "decide", **decision(ml_risk_score=0)),
            ]

    with serving_http() as url:
        *refused, kept = asyncio.run(work(url))
    for text, field in zip(refused, ["ml_risk_score"] * 3 + ["success"] * 4 + ["automation_executed"], strict=True):
        assert field in text
    assert not DecisionOutcome.objects.exists()
    assert DecisionRecord.objects.exclude(pk=record.pk).count() == 1
    assert kept["verdict"] == "allow"


def test_calls__more_than_the_key_has__are_told_so__counted_together_with_those_over_http(caller, monkeypatch):
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "api_key", "3/day")

    async def ask(url):
        async with over_http(url, caller.key.plain) as client:
            return [await client.call_tool("decide", decision(f"turn-{number}")) for number in range(3)]

    assert caller.post("decisions", envelope()).status_code == 201
    with serving_http() as url:
        replies = asyncio.run(ask(url))
    assert [reply.is_error for reply in replies] == [False, False, True]
    assert "ask again in" in replies[-1].content[0].text
    assert DecisionRecord.objects.count() == 3


def test_kill_switch__holds_from_the_next_call_of_a_session(caller):
    applied(caller.workspace, 0.8)
    admin = admin_of(caller.workspace)

    def throw():
        engage_kill_switch(actor=admin, workspace=caller.workspace, reason="Smoke.")
        connections.close_all()

    async def work(url):
        async with over_http(url, caller.key.plain) as client:
            before = await said(client, "decide", **decision())
            await sync_to_async(throw)()
            after = await said(client, "decide", **decision("turn-2"))
            return before, after, await said(client, "get_threshold", policy_key=KEY, field=FIELD)

    with serving_http() as url:
        before, after, threshold = asyncio.run(work(url))
    assert (before["verdict"], after["reason"], threshold["value"]) == ("allow", "kill_switch", 2.0)


@pytest.mark.parametrize("scopes, works", [(["decide"], "decide"), (["read"], "get_threshold")])
def test_key__opens_what_its_scopes_say(scopes, works):
    caller = Caller(scopes=scopes)

    async def work(url):
        async with over_http(url, caller.key.plain) as client:
            return {
                "decide": await said(client, "decide", **decision()),
                "get_threshold": await said(client, "get_threshold", policy_key=KEY, field=FIELD),
            }

    with serving_http() as url:
        told = asyncio.run(work(url))
    assert {name for name, each in told.items() if isinstance(each, dict)} == {works}


def test_http__without_a_key_with_another_or_a_revoked_one__nothing_is_shown(caller):
    other = Caller()
    revoke_api_key(actor=admin_of(other.workspace), workspace=other.workspace, prefix=other.key.prefix)
    with serving_http() as url:
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Bearer {other.key.plain}"}):
            reply = httpx2.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers)
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


def test_stdio__without_a_usable_key__says_so(monkeypatch):
    monkeypatch.setenv("CONFIDENCE_API_KEY", "nonsense")
    with pytest.raises(CommandError, match="CONFIDENCE_API_KEY"):
        run("serve_mcp")
    with pytest.raises(CommandError, match="a host and a port"):
        run("serve_mcp", "--http", "nowhere")


def test_server_stops_in_the_middle__asked_again_it_is_the_one_decision(caller):
    """The process is killed while its decision waits to be committed; the second call settles it."""
    applied(caller.workspace, 0.8)

    def children():
        mine = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
        return {int(pid) for pid in Path(mine).read_text().split()}

    async def interrupted():
        before = children()
        async with over_stdio(caller.key.plain) as client:
            await client.list_tools()
            (server,) = children() - before
            call = asyncio.create_task(client.call_tool("decide", decision(), read_timeout_seconds=20))
            await asyncio.sleep(0.5)
            os.kill(server, signal.SIGKILL)
            return await call

    async def again():
        async with over_stdio(caller.key.plain) as client:
            return await said(client, "decide", **decision())

    failed = False
    with transaction.atomic():
        # A change of what governs that is under way: no decision is committed before it ends.
        Workspace.objects.filter(pk=caller.workspace.pk).update(automation_enabled=False)
        try:
            asyncio.run(interrupted())
        except BaseException:  # the SDK's own, or a group of them: what matters is that it is no verdict
            failed = True
        transaction.set_rollback(True)
    assert failed
    assert not DecisionRecord.objects.exists()
    verdict = asyncio.run(again())
    assert verdict["verdict"] == "allow"
    assert DecisionRecord.objects.count() == 1
