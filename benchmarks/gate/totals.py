"""What is no rate: memory of a worker, bytes on disk, CPU time of a start."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gate.builds import Build, python_of
from benchmarks.gate.databases import bytes_a_decision
from benchmarks.gate.figures import BULK, sent_in_bulk
from benchmarks.gate.processes import resident_mebibytes


@dataclass(frozen=True, slots=True)
class Total:
    """One number of each build; the smaller the better."""

    name: str
    unit: str
    values: Mapping[str, float]


def memory(builds: Sequence[Build], decisions: int) -> list[Total]:
    """What a worker holds when it has served a tenth of so many decisions, and all of them."""
    early = {build.name: _after(build, decisions // 10) for build in builds}
    late = {build.name: _after(build, decisions - decisions // 10) for build in builds}
    return [
        Total(f"memory of the worker after {decisions // 10:,} more decisions", "MiB", early),
        Total(f"memory of the worker after {decisions:,} more decisions", "MiB", late),
    ]


def _after(build: Build, decisions: int) -> float:
    print(f"  {decisions:,} decisions to {build.name} …", file=sys.stderr, flush=True)
    caller = build.caller()
    for _ in range(decisions // BULK):
        sent_in_bulk(caller)
    return resident_mebibytes(build.server.pid)


def disk(builds: Sequence[Build]) -> list[Total]:
    print("  bytes on disk …", file=sys.stderr, flush=True)
    sizes = {build.name: bytes_a_decision(build.database) for build in builds}
    rows, indexes = ({name: both[place] for name, both in sizes.items()} for place in (0, 1))
    return [
        Total("disk, the record of a decision", "bytes", rows),
        Total("disk, all indexes of the ledger, a decision", "bytes", indexes),
    ]


def starts(folders: Mapping[str, Path], rounds: int) -> Total:
    """CPU time of `manage.py help`, the builds in turns."""
    print("  starts …", file=sys.stderr, flush=True)
    seconds: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(rounds):
        for name, folder in folders.items():
            command = [python_of(folder), "manage.py", "help"]
            seconds[name].append(_cpu_of(lambda: subprocess.run(command, cwd=folder, check=True, capture_output=True)))  # noqa: B023
    return Total("CPU time of `manage.py help`", "s", {name: statistics.median(each) for name, each in seconds.items()})


def _cpu_of(work: Callable[[], object]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
