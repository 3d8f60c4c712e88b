"""The agent that decides on a turn of a conversation, asked over the Model Context Protocol (Streamable HTTP).

The agent's server offers one tool (`CONFIDENCE_AGENT_TOOL`) that takes `session_id` and `text` and answers with an
`LLMDecision`, as structured content or as JSON in its first text block. Where the tool's type is no object (text, an
optional, a union), the protocol's SDK wraps what it answers as `{"result": …}`.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import anyio
import httpx2
from django.conf import settings
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent


class AgentUnreachable(Exception):
    """The agent did not answer in `CONFIDENCE_AGENT_TIMEOUT_SECONDS`, or not in the protocol."""


async def push_turn(*, session_id: str, text: str) -> object:
    """Hand a turn to the agent and return its decision as it came; None when the tool reported an error.

    Raises
    ------
    AgentUnreachable
        There is no agent, it is silent, or what answers is no MCP server with that tool.
    """
    arguments = {"session_id": session_id, "text": text}
    try:
        with anyio.fail_after(settings.CONFIDENCE_AGENT_TIMEOUT_SECONDS):
            async with AsyncExitStack() as stack:
                # Time-outs are the scope's above, for the whole of it.
                http = await stack.enter_async_context(httpx2.AsyncClient(headers=_headers(), timeout=None))
                transport = streamable_http_client(settings.CONFIDENCE_AGENT_URL, http_client=http)
                client = await stack.enter_async_context(Client(transport))
                return _decision_in(await client.call_tool(settings.CONFIDENCE_AGENT_TOOL, arguments))
    except Exception:
        # Whatever the SDK raises (groups of errors of three libraries), there is no decision. Not chained: a
        # message may repeat what was said.
        raise AgentUnreachable from None


def _headers() -> dict[str, str]:
    token = settings.CONFIDENCE_AGENT_TOKEN
    return {"Authorization": f"Bearer {token}"} if token else {}


def _decision_in(result: CallToolResult) -> object:
    if result.is_error:
        return None
    structured = result.structured_content
    if structured is not None:
        return _parsed(structured["result"] if structured.keys() == {"result"} else structured)
    first = result.content[0] if result.content else None
    return _parsed(first.text) if isinstance(first, TextContent) else None


def _parsed(answer: object) -> object:
    """Return what text says as JSON, and anything else as it is."""
    try:
        return json.loads(answer) if isinstance(answer, str) else answer
    except (ValueError, RecursionError):
        # There is a decision, and it is broken: the contract will say so.
        return answer
