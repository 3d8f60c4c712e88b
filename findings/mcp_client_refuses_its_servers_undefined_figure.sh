#!/usr/bin/env bash
# mcp 2.3.0 (the official Python SDK: server and client).
#
# What happens: a tool that is declared to return numbers returns a NaN, as numpy and pandas give for a figure that is not
# defined. The server has announced "number", sends `null`, and marks the call as a success. The client of the same
# package holds the reply against the announced schema and raises RuntimeError: what the tool did is done, and the reply,
# its other fields included, is lost to the caller.
# Why it matters: a rate of 0/0 for one model makes the whole report of all models fail, and a caller that retries on errors
# repeats what the tool already did. A field that may be undefined has to be declared `float | None`.
# Output seen on 2026-11-30: calls of the tool 1, client raised RuntimeError; declared float | None: decisions 12, rate None
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mcp==2.3.0
cat > "$work/server.py" <<'PY'
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

server = MCPServer("figures")
calls = []


class Figures(BaseModel):
    decisions: int
    failure_rate: float


class WithGaps(BaseModel):
    decisions: int
    failure_rate: float | None


@server.tool()
def figures() -> Figures:
    """Of twelve decisions none has a label."""
    calls.append(1)
    return Figures(decisions=12, failure_rate=float("nan"))


@server.tool()
def with_gaps() -> WithGaps:
    """The same, declared as it is."""
    return WithGaps(decisions=12, failure_rate=float("nan"))


@server.tool()
def count() -> int:
    """How often the first tool ran."""
    return len(calls)


server.run()
PY
"$work/venv/bin/python" - "$work/server.py" 2> "$work/log" <<'PY'
import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main():
    process = StdioServerParameters(command=sys.executable, args=[sys.argv[1]])
    async with stdio_client(process) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        raised = None
        try:
            await session.call_tool("figures", {})
        except RuntimeError as error:
            raised = error
        ran = (await session.call_tool("count", {})).structured_content["result"]
        print(f"calls of the tool {ran}, client raised {type(raised).__name__}")
        assert ran == 1 and "is not of type 'number'" in str(raised)
        known = (await session.call_tool("with_gaps", {})).structured_content
        print(f"declared float | None: decisions {known['decisions']}, rate {known['failure_rate']}")
        assert known == {"decisions": 12, "failure_rate": None}


asyncio.run(main())
PY
