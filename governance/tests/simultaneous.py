"""Many at the same instant, each on a connection of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from confidence_project.foundation.errors import Conflict, DomainError


def at_once(acts: list[Callable[[], Any]]) -> Counter[str]:
    """Run `acts` in a thread each, started together; count "won" and what was raised, by its code or as "conflict"."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> str:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            act()
        except DomainError as error:
            return "conflict" if isinstance(error, Conflict) else error.code
        finally:
            connection.close()
        return "won"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(run, acts))
