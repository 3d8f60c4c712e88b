"""A figure beside its goal, one line for each."""

from __future__ import annotations

import argparse

from calibration.statistics.intervals import clopper_pearson


def line(what: str, seen: float, goal: str, *, met: bool) -> bool:
    """Print a figure beside its goal and return whether it is met."""
    print(f"{what:58} {seen:8.4f}   goal {goal:10} {'met' if met else 'MISSED'}", flush=True)
    return met


def at_most(what: str, hits: int, trials: int, limit: float) -> bool:
    """Print a share that must not lie above a limit by more than chance (exact 95 % interval)."""
    return line(what, hits / trials, f"<= {limit:g}", met=bool(clopper_pearson([hits], [trials])[0][0] <= limit))


def options(description: str | None, *, trials: int, arguments: list[str] | None) -> argparse.Namespace:
    """Read the number of trials and the seed."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=trials, help=f"trials of each line (default {trials})")
    parser.add_argument("--seed", type=int, default=1, help="seed (default 1)")
    read = parser.parse_args(arguments)
    if read.trials < 1:
        parser.error("--trials must be at least 1")
    return read
