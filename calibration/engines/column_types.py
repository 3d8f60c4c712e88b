"""What columns hold, by the names that engines give to their types."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from calibration.engines.engine import ColumnKind

_Type = exp.DType

_KINDS = {
    **dict.fromkeys((_Type.TEXT, _Type.VARCHAR, _Type.UUID), ColumnKind.TEXT),
    **dict.fromkeys(exp.DataType.INTEGER_TYPES, ColumnKind.WHOLE),
    **dict.fromkeys((_Type.FLOAT, _Type.DOUBLE, _Type.DECIMAL, _Type.BIGDECIMAL), ColumnKind.NUMBER),
    _Type.BOOLEAN: ColumnKind.BOOLEAN,
    # DateTime is ClickHouse's, which hands out times of Parquet without a zone as if they had UTC.
    **dict.fromkeys(
        (_Type.TIMESTAMPTZ, _Type.TIMESTAMPLTZ, _Type.DATETIME, _Type.DATETIME64), ColumnKind.INSTANT
    ),
    **dict.fromkeys(
        (_Type.TIMESTAMP, _Type.TIMESTAMPNTZ, _Type.TIMESTAMP_S, _Type.TIMESTAMP_MS, _Type.TIMESTAMP_NS),
        ColumnKind.WALL_CLOCK,
    ),
}  # fmt: skip


def kind_of(name: str, dialect: str) -> ColumnKind:
    """Return what a column holds whose type an engine calls so."""
    try:
        found = exp.DataType.build(name, dialect=dialect)
    except SqlglotError:
        return ColumnKind.OTHER
    if found.is_type(_Type.LOWCARDINALITY):
        found = found.expressions[0]
    kind = _KINDS.get(found.this, ColumnKind.OTHER)
    # Whole numbers of Snowflake are decimals without decimal places.
    if found.is_type(_Type.DECIMAL) and [each.name for each in found.expressions][1:] == ["0"]:
        return ColumnKind.WHOLE
    return kind
