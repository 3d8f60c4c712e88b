"""The MCP server: four tools, over stdio with the key of the environment, or over Streamable HTTP with each call's own.

Numbers and booleans are strict: the library would take `false` for a risk of 0.0, and "no" for an answer.
Keys are looked at on every call, so that a revoked one opens nothing, however long a session lasts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, close_old_connections
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import StrictBool, StrictFloat
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from confidence_project.foundation.errors import DomainError
from governance.access.authentication import INVALID_KEY, REALM, ApiKeyThrottle, usable_key
from governance.models import ApiKey
from ledger.agents import tools

Result = TypeVar("Result")

PATH = "/mcp"

INSTRUCTIONS = (
    "Ask `decide` before you act on your own, and act only when its verdict is `allow`. On `ask`, hand the case to a "
    "person and wait for what they decide. If the call fails, do not act: ask again with the same external_id, which "
    "is answered with the first verdict. Report what came of it with `report_outcome`."
)

_READS = ToolAnnotations(read_only_hint=True)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)


def mcp_server(plain_key: str = "") -> MCPServer[Any]:
    """Return the server. `plain_key` is the key of calls that bring none, as those over stdio."""
    server: MCPServer[Any] = MCPServer("enterprise-confidence", instructions=INSTRUCTIONS)

    async def call(context: Context[Any, Any], work: Callable[[ApiKey], Result]) -> Result:
        key = plain_key if context.headers is None else _bearer(context.headers.get("authorization", ""))
        return await _in_a_thread(lambda: _work(key, work))

    @server.tool(annotations=_WRITES)
    async def decide(
        context: Context[Any, Any],
        external_id: str,
        policy_key: str,
        decision: dict[str, Any] | None = None,
        answer: dict[str, Any] | None = None,
        ml_risk_score: StrictFloat | None = None,
        confidence_kind: str | None = None,
        case_key: str | None = None,
        task: str | None = None,
        channel: str | None = None,
    ) -> dict[str, Any]:
        """Ask the gate whether a decision may be acted on; act only on the verdict `allow`; `ask`: a person decides.

        external_id: your own id of this decision; asked again, it gets the first verdict.
        policy_key: the policy that governs it.
        decision: an LLMDecision (risk_summary, likely_root_cause, confidence, recommended_action, provider, model,
            prompt_hash); or answer: a decision model's reply (dialect, provider, response).
        """
        given = {
            "external_id": external_id, "policy_key": policy_key, "decision": decision, "answer": answer,
            "ml_risk_score": ml_risk_score, "confidence_kind": confidence_kind, "case_key": case_key, "task": task,
            "channel": channel,
        }  # fmt: skip
        return await call(context, lambda key: tools.ask_gate(key, given))

    @server.tool(annotations=_READS)
    async def get_threshold(
        context: Context[Any, Any],
        policy_key: str,
        field: str,
        provider: str = "",
        model: str = "",
        confidence_kind: str = "",
        task: str = "",
        channel: str = "",
        prompt_hash: str = "",
        case_key: str = "",
    ) -> dict[str, Any]:
        """Return the number in force for a field of a policy, for decisions of this provider, model, kind and task."""
        segment = {
            "provider": provider, "model": model, "confidence_kind": confidence_kind, "task": task, "channel": channel,
            "prompt_hash": prompt_hash,
        }  # fmt: skip
        return await call(
            context,
            lambda key: tools.threshold_in_force(
                key, policy_key=policy_key, field=field, case_key=case_key, segment=segment
            ),
        )

    @server.tool(annotations=_WRITES)
    async def report_outcome(
        context: Context[Any, Any],
        external_id: str,
        success: StrictBool,
        decision_id: str | None = None,
        decision_external_id: str | None = None,
        source: str = "downstream_event",
        automation_executed: StrictBool | None = None,
        downstream_failure: StrictBool | None = None,
    ) -> dict[str, Any]:
        """Say what came of a decision, named by one of its two ids. success: the action was right, or would have been.

        external_id: your own id of this outcome. source: downstream_event, human_review, sentiment or booking.
        """
        given = {
            "external_id": external_id, "success": success, "decision_id": decision_id,
            "decision_external_id": decision_external_id, "source": source,
            "automation_executed": automation_executed, "downstream_failure": downstream_failure,
        }  # fmt: skip
        return await call(context, lambda key: tools.report_outcome(key, given))

    @server.tool(annotations=_READS)
    async def explain_verdict(context: Context[Any, Any], decision_id: str) -> dict[str, Any]:
        """Return a decision as it is on record: verdict, reason in words, thresholds that applied, outcomes so far."""
        return await call(context, lambda key: tools.explain_verdict(key, decision_id))

    return server


async def _in_a_thread(work: Callable[[], Result]) -> Result:
    """Run `work` beside the loop: calls of different clients do not wait for each other."""
    return await sync_to_async(work, thread_sensitive=False)()


def _work(plain: str, work: Callable[[ApiKey], Result]) -> Result:
    close_old_connections()
    try:
        key = usable_key(plain)
        if key is None:
            raise ToolError(INVALID_KEY)
        throttle = ApiKeyThrottle()
        if not throttle.count(throttle.counter_of(key)):
            raise ToolError(
                f"Too many calls with this key. Nothing is allowed; ask again in {throttle.seconds_left} s."
            )
        return work(key)
    except DomainError as error:
        raise ToolError(error.detail) from error
    except (OperationalError, InterfaceError) as error:
        raise ToolError("The database does not answer in time. Nothing is allowed; ask again.") from error
    finally:
        close_old_connections()


def _bearer(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def mcp_app(hosts: list[str]) -> ASGIApp:
    """Return the ASGI app of Streamable HTTP, at `/mcp`. `hosts` are the values of `Host` that are served."""
    security = TransportSecuritySettings(allowed_hosts=hosts)
    return KeyFirst(mcp_server().streamable_http_app(streamable_http_path=PATH, transport_security=security))


class KeyFirst:
    """Lets nobody in without a key of some workspace, not even to see which tools there are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            plain = _bearer(Headers(scope=scope).get("authorization", ""))
            if not await _in_a_thread(lambda: _is_usable(plain)):
                await _refuse(send)
                return
        await self.app(scope, receive, send)


def _is_usable(plain: str) -> bool:
    close_old_connections()
    try:
        return usable_key(plain) is not None
    finally:
        close_old_connections()


async def _refuse(send: Send) -> None:
    body = json.dumps({"error": "invalid_token", "error_description": INVALID_KEY}).encode()
    headers = [(b"content-type", b"application/json"), (b"www-authenticate", REALM.encode())]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
