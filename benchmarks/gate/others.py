"""Peers, where their environment is there: a FastAPI gate of thirty lines, and MLflow's tracking server."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.bodies import metrics
from benchmarks.gate.builds import TOP
from benchmarks.gate.loads import Caller
from benchmarks.gate.processes import cpu_seconds, free_port, running, wait_for

PYTHON = TOP / ".venv-bench" / "bin" / "python"


@dataclass(slots=True)
class Peer:
    """A server that is called like ours."""

    port: int
    server: subprocess.Popen[str]

    def caller(self) -> Caller:
        return Caller(self.port)

    def cpu(self) -> float:
        return cpu_seconds(self.server.pid)


@contextmanager
def fastapi_gate(database: str) -> Iterator[Peer]:
    """One uvicorn worker, as we have one of gunicorn, and eight connections, as we have eight threads."""
    port = free_port()
    command = [str(PYTHON), "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    folder = Path(__file__).with_name("peers")
    with running([*command, "fastapi_gate:app"], folder=folder, environment={"DATABASE_URL": database}) as server:
        wait_for(server, port, "/readyz")
        yield Peer(port, server)


@contextmanager
def mlflow_server(database: str) -> Iterator[Peer]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-mlflow-") as folder:
        command = [str(PYTHON), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", database, "--artifacts-destination", folder]
        # Quiet: it tells of every migration of its tables.
        with running(command, folder=Path(folder), environment={}, quiet=True) as server:
            wait_for(server, port, "/health")
            yield Peer(port, server)


class BatchLogger:
    """Logs metrics to a run of its own."""

    def __init__(self, peer: Peer) -> None:
        self.caller = peer.caller()
        created = self.caller.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"})
        self.run = created["run"]["info"]["run_id"]

    def log(self, count: int) -> int:
        self.caller.post("/api/2.0/mlflow/runs/log-batch", metrics(self.run, count))
        return count
