"""What is measured: each figure lets its contestants take turns, and keeps a tally for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.gate import bodies
from benchmarks.gate.builds import Build
from benchmarks.gate.databases import Bare
from benchmarks.gate.loads import Call, Tally, press
from benchmarks.gate.others import BatchLogger, Peer

BULK = 1_000
FLAG = "/ofrep/v1/evaluate/flags/confidence_gate.confidence_threshold"
WARM_UP = 0.5

Turn = Callable[[float, Tally], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each turn is and how many rounds there are."""

    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, of whom; the first is this build."""

    name: str
    tallies: Mapping[str, Tally]


def measured(name: str, turns: Mapping[str, Turn], pace: Pace) -> Figure:
    print(f"  {name} …", end="", file=sys.stderr, flush=True)
    tallies = {who: Tally() for who in turns}
    for turn in turns.values():
        turn(WARM_UP, Tally())
    for _ in range(pace.rounds):
        for who, turn in turns.items():
            turn(pace.seconds, tallies[who])
    print(" ", ", ".join(f"{who} {tally.rate:,.0f}/s" for who, tally in tallies.items()), file=sys.stderr)
    return Figure(name, tallies)


def decisions(builds: Sequence[Build], fastapi: Peer | None, clients: int, pace: Pace) -> Figure:
    def to(target: Build | Peer, path: str) -> Turn:
        callers = [target.caller() for _ in range(clients)]
        calls = [lambda caller=caller: _post_decision(caller, path) for caller in callers]
        return lambda seconds, tally: press(calls, seconds, tally, target.cpu)

    turns = {build.name: to(build, "/api/v1/decisions") for build in builds}
    if fastapi:
        turns["FastAPI, one insert"] = to(fastapi, "/decisions")
    return measured(f"decisions over HTTP, {clients} client{'s' * (clients > 1)}", turns, pace)


def _post_decision(caller, path: str) -> int:
    caller.post(path, bodies.decision())
    return 1


def in_process(builds: Sequence[Build], bare: Bare, pace: Pace) -> Figure:
    turns = {build.name: _inside(build, "decide") for build in builds}
    turns["both rows, one prepared statement"] = lambda seconds, tally: press([bare.insert], seconds, tally)
    return measured("decisions in process", turns, pace)


def thresholds(builds: Sequence[Build], pace: Pace) -> Figure:
    return measured("resolve_threshold", {build.name: _inside(build, "resolve") for build in builds}, pace)


def _inside(build: Build, what: str) -> Turn:
    return lambda seconds, tally: build.inside(what, seconds, tally)


def bulks(builds: Sequence[Build], mlflow: Peer | None, pace: Pace) -> Figure:
    turns = {build.name: _one_caller(build, sent_in_bulk) for build in builds}
    if mlflow:
        logger = BatchLogger(mlflow)
        turns["MLflow log_batch"] = lambda seconds, tally: press([lambda: logger.log(BULK)], seconds, tally, mlflow.cpu)
    return measured(f"decisions in bulk, {BULK:,} a request", turns, pace)


def sent_in_bulk(caller) -> int:
    caller.post("/api/v1/decisions", bodies.decisions(BULK), "application/x-ndjson")
    return BULK


def switches(build: Build, pace: Pace) -> Figure:
    """How long the kill switch takes while eight clients and a bulk decide without a pause."""
    callers = [build.caller() for _ in range(9)]
    deciding: list[Call] = [lambda caller=caller: _post_decision(caller, "/api/v1/decisions") for caller in callers[1:]]

    def turn(seconds: float, tally: Tally) -> None:
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(press, [*deciding, lambda: sent_in_bulk(callers[0])], seconds, Tally())
            build.inside("switch", seconds, tally)
            load.result()

    return measured("kill switch under 8 clients and a bulk", {build.name: turn}, pace)


def flags(builds: Sequence[Build], pace: Pace) -> Figure:
    def ask(caller) -> int:
        caller.post(FLAG, bodies.flag())
        return 1

    return measured("OFREP, one flag", {build.name: _one_caller(build, ask) for build in builds}, pace)


def outcomes(builds: Sequence[Build], pace: Pace) -> Figure:
    def to(build: Build) -> Turn:
        waiting: list[str] = []
        caller = build.caller()

        def report() -> int:
            caller.post("/api/v1/outcomes", bodies.outcome(waiting.pop()))
            return 1

        def turn(seconds: float, tally: Tally) -> None:
            while len(waiting) < seconds * MOST_OUTCOMES:
                some = [bodies.decision() for _ in range(BULK)]
                caller.post("/api/v1/decisions", bodies.as_lines(some), "application/x-ndjson")
                waiting.extend(each["external_id"] for each in some)
            press([report], seconds, tally, build.cpu)

        return turn

    return measured("outcomes over HTTP, 1 client", {build.name: to(build) for build in builds}, pace)


MOST_OUTCOMES = 1_500
"""So many decisions wait for each second of outcomes."""


def _one_caller(build: Build, ask: Callable[..., int]) -> Turn:
    caller = build.caller()
    call: Call = lambda: ask(caller)  # noqa: E731
    return lambda seconds, tally: press([call], seconds, tally, build.cpu)
