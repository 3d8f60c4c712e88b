"""Measure the gate beside the bare insert, peers and, with --against, another build; `make bench` runs this.

Needs PostgreSQL in DATABASE_URL, where it makes databases of its own and drops them. The peers need `.venv-bench`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.gate import figures, totals
from benchmarks.gate.builds import TOP, Build, built
from benchmarks.gate.databases import Bare, fresh_database
from benchmarks.gate.figures import Figure, Pace
from benchmarks.gate.others import PYTHON, fastapi_gate, mlflow_server
from benchmarks.gate.tables import tables, write
from benchmarks.gate.totals import Total

CLIENTS = (1, 8, 32)


def main() -> int:
    asked = _options()
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        sys.exit("DATABASE_URL names no PostgreSQL: run `make bench`.")
    started = time.monotonic()
    folders = {"this build": TOP}
    if asked.against:
        folders[_name_of(asked.against)] = asked.against
    pace = Pace(seconds=1.0, rounds=2) if asked.quick else Pace(seconds=3.0, rounds=3)
    many = 20_000 if asked.quick else 100_000
    rates: list[Figure] = []
    sizes: list[Total] = []
    try:
        with ExitStack() as stack:
            rates += _on_sqlite(folders, pace, stack)
        with ExitStack() as stack:
            _on_postgresql(folders, server, pace, many, stack, rates, sizes)
        sizes.append(totals.starts(folders, rounds=3 if asked.quick else 5))
    finally:
        # Also of a run that was broken off.
        text = tables(rates, sizes, _circumstances(pace, started))
        print(text)
    if asked.write:
        write(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--against", type=_checkout, metavar="FOLDER", help="another checkout, measured in turns")
    parser.add_argument("--quick", action="store_true", help="shorter turns and fewer rounds: for a first look")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    return parser.parse_args()


def _checkout(text: str) -> Path:
    folder = Path(text).resolve()
    if not (folder / "manage.py").exists():
        raise argparse.ArgumentTypeError("there is no manage.py in this folder")
    return folder


def _name_of(folder: Path) -> str:
    named = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=folder, capture_output=True, text=True)
    return f"commit {named.stdout.strip()}" if named.returncode == 0 else "the other build"


def _on_sqlite(folders: dict[str, Path], pace: Pace, stack: ExitStack) -> list[Figure]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
    builds = [
        stack.enter_context(built(name, checkout, f"sqlite:///{folder / str(place)}.sqlite3"))
        for place, (name, checkout) in enumerate(folders.items())
    ]
    print("SQLite", file=sys.stderr)
    found = figures.decisions(builds, None, 1, pace)
    return [Figure(f"{found.name}, SQLite", found.tallies)]


def _on_postgresql(
    folders: dict[str, Path],
    server: str,
    pace: Pace,
    many: int,
    stack: ExitStack,
    rates: list[Figure],
    sizes: list[Total],
) -> None:
    builds: list[Build] = [
        stack.enter_context(built(name, checkout, stack.enter_context(fresh_database(server))))
        for name, checkout in folders.items()
    ]
    if not PYTHON.exists():
        print("There is no .venv-bench: the peers are left out.", file=sys.stderr)
    fastapi = (
        stack.enter_context(fastapi_gate(stack.enter_context(fresh_database(server)))) if PYTHON.exists() else None
    )
    print("PostgreSQL", file=sys.stderr)
    for clients in CLIENTS:
        rates.append(figures.decisions(builds, fastapi, clients, pace))
    # Its processes are busy for a while after the server answers, and would be so beside whoever has the first turn.
    mlflow = (
        stack.enter_context(mlflow_server(stack.enter_context(fresh_database(server)))) if PYTHON.exists() else None
    )
    # Before the bare rows, which are all alike.
    sizes += totals.memory(builds, many)
    sizes += totals.disk(builds)
    rates.append(figures.bulks(builds, mlflow, pace))
    rates.append(figures.switches(builds[0], pace))
    rates.append(figures.thresholds(builds, pace))
    rates.append(figures.flags(builds, pace))
    rates.append(figures.outcomes(builds, pace))
    rates.append(figures.in_process(builds, Bare(builds[0].database), pace))


def _circumstances(pace: Pace, started: float) -> str:
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in {time.monotonic() - started:,.0f} s: Python "
        f"{platform.python_version()}, {os.cpu_count()} cores that clients, servers and database share, load averages "
        f"{loads} in the end. {pace.rounds} rounds of {pace.seconds:g} s each; rates are medians of the rounds."
    )


if __name__ == "__main__":
    sys.exit(main())
