"""Whether an engine computes as the ledger does: it is asked before it counts.

Servers are many, in versions that nobody here has seen. What their counts hang on is the step from a decimal to the
lattice, so an engine that takes it otherwise is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import sqlglot
from sqlglot import exp

from calibration.engines.engine import Row
from confidence_project.foundation.errors import Unavailable
from governance.definitions import LATTICE, to_lattice

ASKED = tuple(Decimal(place) / 100_000 for place in (0, 15, 25, 145, 465, 1_045, 57_000, 81_495, 94_995, 100_000))
"""Confidences half-way between two points of the lattice, where the rules of engines differ, and plain ones."""


def question() -> exp.Expr:
    """Return the statement that takes the step for each of `ASKED`, by its place among them."""
    rows = (
        f"SELECT {place} AS place, CAST(FLOOR(CAST(CAST('{value}' AS DECIMAL(6, 5)) AS DOUBLE) * {LATTICE}.0 + 0.5) "
        "AS BIGINT) AS steps"
        for place, value in enumerate(ASKED)
    )
    return sqlglot.parse_one(" UNION ALL ".join(rows), read="duckdb")


def check_answer(product: str, rows: Iterable[Row]) -> None:
    """Raise `Unavailable` where an engine takes another step than the ledger."""
    if sorted((int(place), int(steps)) for place, steps in rows) != [
        (place, to_lattice(float(value))) for place, value in enumerate(ASKED)
    ]:
        raise Unavailable(
            f"This {product} turns decimals into other numbers than the ledger, so its counts would not be the same. "
            "Cast confidences to double precision in a view that does, or import the decisions."
        )
