"""The statement as ClickHouse takes it, inside of this process or in a server."""

from __future__ import annotations

from django.conf import settings
from sqlglot import exp


def in_clickhouse(statement: exp.Expr) -> str:
    """Return the statement in ClickHouse's dialect, with the settings that it needs."""
    seconds = int(settings.CONFIDENCE_CALIBRATION_TIMEOUT_SECONDS)
    # Without join_use_nulls an unlabelled decision would be labelled 0: a join fills up with zeros.
    asked = f" SETTINGS join_use_nulls = 1, max_execution_time = {seconds}"
    return statement.transform(_with_microseconds).sql(dialect="clickhouse") + asked


def _with_microseconds(node: exp.Expr) -> exp.Expr:
    """sqlglot takes a time for `DateTime`, whose steps are seconds."""
    if isinstance(node, exp.Cast) and node.to.is_type("timestamptz", "timestamp"):
        moment = node.this.name.removesuffix("+00:00")
        return exp.func("toDateTime64", exp.Literal.string(moment), exp.Literal.number(6), exp.Literal.string("UTC"))
    return node
