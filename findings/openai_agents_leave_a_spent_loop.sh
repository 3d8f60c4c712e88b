#!/usr/bin/env bash
# openai-agents 0.24.0, pydantic-ai-slim 2.68.0.
#
# What happens: Runner.run_sync of openai-agents runs in the thread's event loop, tells it at the end that asynchronous
# generators are shut down, and leaves it in place. A loop cannot be told that this was for one run only. Agent.run_sync of
# pydantic-ai takes the same loop, starts its run with an asynchronous generator, and from then on each call says
# ResourceWarning, a dozen times and more: a generator was scheduled after the shutdown. Before the first framework ran, or in a loop of its own,
# it says nothing.
# Why it matters: who compares two agent frameworks in one process, or has one call the other, gets warnings that name
# neither of them; where warnings are errors, as in a test suite, the second agent does not run at all.
# Output seen on 2026-11-30: alone: 0 warnings; after openai-agents: 17; in a new loop: 0
# Source: measured; openai-agents' code says that it flushes generators so that their clean-up runs promptly.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openai-agents==0.24.0 pydantic-ai-slim==2.68.0
"$work/venv/bin/python" - <<'PY'
import asyncio
import warnings

from agents import Agent, Runner, Usage, set_tracing_disabled
from agents.items import ModelResponse
from agents.models.interface import Model
from openai.types.responses import ResponseOutputMessage, ResponseOutputText
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.test import TestModel

set_tracing_disabled(True)


class SaysYes(Model):
    async def get_response(self, *args, **kwargs):
        text = ResponseOutputText(type="output_text", text="yes", annotations=[])
        said = ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[said], usage=Usage(), response_id=None)

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError


def warned():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert PydanticAgent(TestModel(custom_output_text="yes")).run_sync("Is it due?").output == "yes"
    return [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]


asyncio.set_event_loop(asyncio.new_event_loop())
alone = warned()
assert Runner.run_sync(Agent(name="a", model=SaysYes()), "Is it due?").final_output == "yes"
after = warned()
asyncio.set_event_loop(asyncio.new_event_loop())
renewed = warned()
print(f"alone: {len(alone)} warnings; after openai-agents: {len(after)}; in a new loop: {len(renewed)}")
assert not alone and not renewed
assert after and "after loop.shutdown_asyncgens()" in after[0]
PY
