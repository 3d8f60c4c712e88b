#!/usr/bin/env bash
# duckdb 2.0.1, pyarrow 26.0.1.
#
# What happens: the double 0.94995 (a hair below the half) has two roundings to four decimals within one engine.
# DuckDB: round(x, 4) gives 0.9499 and CAST(x AS DECIMAL(5, 4)) gives 0.9500. Arrow does the reverse: compute.round
# gives 0.95 and the cast to decimal128(5, 4) gives 0.9499. So the round that one of them has is the cast of the other.
# Why it matters: four decimals are what a gate compares. At the threshold 0.95 the same call is allowed or blocked by
# whether a query rounds or casts, and a Parquet file that was rounded by one engine and read by the other fits
# neither.
# Output seen on 2026-11-30: DuckDB round 0.9499, cast 0.9500; Arrow round 0.9500, cast 0.9499; Python 0.9499
# Source: measured. A bare 0.94995 in DuckDB is a DECIMAL literal and rounds up: bind a parameter to see the double.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet duckdb==2.0.1 pyarrow==26.0.1
"$work/venv/bin/python" - <<'PY'
import duckdb
import pyarrow as pa
import pyarrow.compute as pc

confidence = 0.94995
rounded, cast = duckdb.execute(
    "select round($1::double, 4)::varchar, cast($1::double as decimal(5, 4))::varchar", [confidence]
).fetchone()
column = pa.array([confidence])
arrow_rounded = pc.round(column, 4)[0].as_py()
arrow_cast = str(column.cast(pa.decimal128(5, 4))[0].as_py())
print(f"DuckDB round {rounded}, cast {cast}; Arrow round {arrow_rounded:.4f}, cast {arrow_cast}")
print(f"Python {round(confidence, 4)}")
assert (float(rounded), cast) == (0.9499, "0.9500")
assert (arrow_rounded, arrow_cast) == (0.95, "0.9499")
assert round(confidence, 4) == 0.9499
PY
