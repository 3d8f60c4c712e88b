"""A build of the control plane, of this checkout or another, with a database, a server and a process inside of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gate.loads import Caller, Tally
from benchmarks.gate.processes import cpu_seconds, free_port, running, wait_for

TOP = Path(__file__).resolve().parents[2]
THREADS = "8"


@dataclass(slots=True)
class Build:
    """What a benchmark asks of a build."""

    name: str
    folder: Path
    database: str
    port: int
    server: subprocess.Popen[str]
    key: str
    _inside: subprocess.Popen[str]

    def caller(self) -> Caller:
        return Caller(self.port, {"X-API-Key": self.key})

    def cpu(self) -> float:
        return cpu_seconds(self.server.pid)

    def inside(self, what: str, seconds: float, tally: Tally) -> None:
        assert self._inside.stdin is not None
        self._inside.stdin.write(f"{what} {seconds}\n")
        self._inside.stdin.flush()
        answer = _answer(self._inside)
        tally.rates.append(len(answer["times"]) / sum(answer["times"]))
        tally.latencies += answer["times"]
        tally.cpu += answer["cpu"]
        tally.done += len(answer["times"])


def python_of(folder: Path) -> str:
    """The interpreter of a checkout; ours where it has none."""
    own = folder / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


@contextmanager
def built(name: str, folder: Path, database: str) -> Iterator[Build]:
    """A build with a fresh database behind the URL, served by one gunicorn worker with eight threads."""
    python, port = python_of(folder), free_port()
    environment = {
        "DATABASE_URL": database, "CONFIDENCE_RATE_LIMIT": "100000000/min", "LOG_LEVEL": "ERROR", "DEBUG": "0",
        "PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
    }  # fmt: skip
    # A checkout says how it is served; what comes from before that, as gunicorn does it.
    threads = [] if (folder / "gunicorn.conf.py").exists() else ["--worker-class", "gthread"]
    serve = [python, "-m", "gunicorn", *threads, "--workers", "1", "--threads", THREADS]
    serve += ["--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--log-level", "error", "confidence_project.wsgi"]
    script = str(Path(__file__).with_name("inside.py"))
    with ExitStack() as stack:
        inside = stack.enter_context(running([python, script], folder=folder, environment=environment, pipes=True))
        prepared = _answer(inside)
        server = stack.enter_context(running(serve, folder=folder, environment=environment))
        wait_for(server, port, "/readyz")
        yield Build(name, folder, database, port, server, prepared["key"], inside)


def _answer(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"The process inside the build ended with {process.wait()}; its error stands above.")
    return json.loads(answer)
