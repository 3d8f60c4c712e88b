"""Load: callers that repeat something for a fixed time, and what it took."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Call = Callable[[], int]
"""Does something and returns how many of it."""


SILENT = 1.0
"""Seconds after which a connection is not relied on: servers end those that are silent while others have their turn."""


@dataclass(slots=True)
class Tally:
    """What several rounds of one contestant took."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    cpu: float = 0.0
    done: int = 0

    @property
    def rate(self) -> float:
        """How many a second: the median of the rounds."""
        return statistics.median(self.rates)

    def latency(self, share: float) -> float:
        """The quantile of the seconds that a call took."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


class Caller:
    """One connection that is kept, to one server."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.used = time.monotonic()

    def post(self, path: str, body: Any, content_type: str | None = None) -> Any:
        headers = {**self.headers, "Content-Type": content_type} if content_type else self.headers
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if time.monotonic() - self.used > SILENT:
            self.connection.close()  # the next request opens it anew
        self.connection.request("POST", path, body=content, headers=headers)
        reply = self.connection.getresponse()
        answer = reply.read()
        self.used = time.monotonic()
        if reply.status >= 300:
            raise RuntimeError(f"{path} answered {reply.status}: {answer[:300]!r}")
        return json.loads(answer) if answer else None


def press(calls: Sequence[Call], seconds: float, tally: Tally, cpu: Callable[[], float] = lambda: 0.0) -> None:
    """Let every call repeat in a thread of its own for so many seconds, and add what came of it to the tally."""
    ends = threading.Barrier(len(calls) + 1)
    counts, latencies, troubles = [0] * len(calls), [[] for _ in calls], []

    def repeat(place: int) -> None:
        ends.wait()
        try:
            while time.perf_counter() < stop[0]:
                started = time.perf_counter()
                counts[place] += calls[place]()
                latencies[place].append(time.perf_counter() - started)
        except Exception as error:
            troubles.append(error)

    stop = [0.0]
    threads = [threading.Thread(target=repeat, args=(place,), daemon=True) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    before, started = cpu(), time.perf_counter()
    stop[0] = started + seconds
    ends.wait()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]
    tally.rates.append(sum(counts) / (time.perf_counter() - started))
    tally.cpu += cpu() - before
    tally.done += sum(counts)
    tally.latencies += [each for some in latencies for each in some]
