"""A decision model on this machine, and the application that asks it through the gateway by the vendor's SDK."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from typesafe_sdk import Choice, Noul, TypeSafeClient

from confidence_project.demo.tickets import Ticket

READY_SECONDS = 30

QUESTIONS: dict[str, Choice | Noul] = {
    "intent": Choice(
        instructions="What does the customer want?", criteria={"refund": "money back", "other": "anything else"}
    ),
    "refund": Noul(instructions="Is the user asking for money back?"),
    "no_refund": Noul(instructions="Is the user not asking for money back?"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer with its verdict.

    `says_refund` is what it says of the customer; `right`, whether it is right to act on it: on the option that was
    chosen, or on a yes.
    """

    ticket: Ticket
    question: str
    says_refund: bool
    right: bool
    verdict: str
    decision_id: str


@contextmanager
def running_model() -> Iterator[str]:
    """Serve sparrow-decider, whose weights are in its wheel; yield the address at which it is asked."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "sparrow_decider.cli", "serve", "--port", str(port)]
    # One thread of numpy: its own would wait for each other over matrices this small.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
    try:
        _wait_until_ready(port)
        yield f"http://127.0.0.1:{port}/v1/systemone"
    finally:
        process.terminate()
        process.wait(timeout=READY_SECONDS)


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The decision model did not start.")


def ask_about(url: str, key: str, tickets: Sequence[Ticket]) -> list[Answered]:
    """Ask every question about each ticket through the gateway at `url`, and return the answers with their verdicts."""
    with TypeSafeClient(base_url=url, api_key=key, compression=False) as client, ThreadPoolExecutor(2) as pool:
        asked = pool.map(lambda ticket: client.system_one(state=ticket.text, questions=QUESTIONS), tickets)
        replies = [reply.raw_http_response.json() for reply in asked]
    return [
        _answered(ticket, question, answer)
        for ticket, reply in zip(tickets, replies, strict=True)
        for question, answer in reply["answers"].items()
    ]


def _answered(ticket: Ticket, question: str, answer: dict[str, Any]) -> Answered:
    is_choice, is_negation = question == "intent", question == "no_refund"
    said = answer["choice"] == "refund" if is_choice else (answer["noul"] >= 0.5) is not is_negation
    acted_on = said if is_choice else not is_negation
    verdict = answer["x_confidence"]
    return Answered(
        ticket=ticket,
        question=question,
        says_refund=said,
        right=acted_on is ticket.wants_money,
        verdict=verdict["verdict"],
        decision_id=verdict["decision_id"],
    )
