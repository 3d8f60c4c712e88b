"""Processes that serve or work for a benchmark, and that are gone after it, whatever happens."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 90.0
"""Seconds for which a server may start."""

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], pipes: bool = False, quiet: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own; in the end the group is asked to stop and, where it is slow, made to."""
    ends = subprocess.PIPE if pipes else subprocess.DEVNULL
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=ends,
        stdout=ends,
        stderr=subprocess.DEVNULL if quiet else None,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)
    # Also workers that outlived their master.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def wait_for(process: subprocess.Popen[str], port: int, path: str) -> None:
    """Wait until the server answers with 200."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The server on port {port} ended with {process.returncode}.")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"The server on port {port} did not become ready in {PATIENCE:.0f} s.")


def cpu_seconds(group: int) -> float:
    """CPU time of the living processes of a group (Linux)."""
    return sum((int(fields[11]) + int(fields[12])) / TICKS for fields in _stats(group))


def resident_mebibytes(group: int) -> float:
    """Memory of the largest process of a group (Linux)."""
    pages = max(int(fields[21]) for fields in _stats(group))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _stats(group: int) -> list[list[str]]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name, which may hold blanks: state, parent, group, …
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            found.append(fields)
    return found
