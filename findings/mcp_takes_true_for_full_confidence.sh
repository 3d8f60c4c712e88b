#!/usr/bin/env bash
# mcp 2.3.0 (the official Python SDK: server and client), jsonschema 4.26.0.
#
# What happens: a tool with a parameter `confidence: float` is announced with {"type": "number"}. The server does not hold
# calls against what it announced, but against its own looser reading: `true` reaches the function as 1.0, and the text
# "0.9" as 0.9. Both break the announced schema, by jsonschema's own judgement, and the reply says nothing.
# Why it matters: a model that is asked "how sure are you?" and answers `true` has stated full confidence, and passes every
# threshold. A gate behind such a server has to refuse booleans and texts itself (`StrictFloat`, or a strict field).
# Output seen on 2026-11-30: announced number; 0.9 gives 0.9, True gives 1.0, '0.9' gives 0.9; strict refuses the last two
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mcp==2.3.0 jsonschema==4.26.0
cat > "$work/server.py" <<'PY'
from mcp.server.mcpserver import MCPServer
from pydantic import StrictFloat

server = MCPServer("gate")


@server.tool()
def stated(confidence: float) -> str:
    """What the function was given."""
    return repr(confidence)


@server.tool()
def strictly(confidence: StrictFloat) -> str:
    """The same, without conversion."""
    return repr(confidence)


server.run()
PY
"$work/venv/bin/python" - "$work/server.py" 2> "$work/log" <<'PY'
import asyncio
import sys

import jsonschema
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main():
    process = StdioServerParameters(command=sys.executable, args=[sys.argv[1]])
    async with stdio_client(process) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        schema = tools["stated"].input_schema
        kind = schema["properties"]["confidence"]["type"]
        print("announced", kind)
        assert kind == "number"
        for value, given in ((0.9, "0.9"), (True, "1.0"), ("0.9", "0.9")):
            sound = jsonschema.Draft202012Validator(schema).is_valid({"confidence": value})
            reply = await session.call_tool("stated", {"confidence": value})
            strict = await session.call_tool("strictly", {"confidence": value})
            print(f"{value!r}: schema {sound}, function got {reply.content[0].text}, strict refused {strict.is_error}")
            assert not reply.is_error and reply.content[0].text == given
            assert sound == (value == 0.9) and strict.is_error != sound


asyncio.run(main())
PY
