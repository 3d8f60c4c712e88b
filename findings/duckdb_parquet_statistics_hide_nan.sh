#!/usr/bin/env bash
# duckdb 2.0.1, pyarrow 26.0.1.
#
# What happens: a Parquet file holds the confidences 0.2, 0.5, NaN and 0.9. Its statistics say 0.2 to 0.9, as the format
# leaves NaN out of them. DuckDB takes them for the truth about every row: `c BETWEEN 0 AND 1` holds for the NaN,
# `isnan(c)` does not, `max(c)` is 0.9. The same rows as a table give the opposite answers, and so does
# `count(*) FILTER (WHERE isnan(c))` over the same file.
# Why it matters: a range check is what keeps undefined confidences out of a count. Over Parquet it lets them in, and the
# check for NaN that would tell says that there is none. `c - c = 0` is no such predicate and answers rightly.
# Output seen on 2026-11-30: parquet: 4 in range, 0 NaN, max 0.9; table: 3 in range, 1 NaN, max nan; c - c = 0: 3
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet duckdb==2.0.1 pyarrow==26.0.1
cd "$work"
venv/bin/python - <<'PY'
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

pq.write_table(pa.table({"c": [0.2, 0.5, float("nan"), 0.9]}), "confidences.parquet")
database = duckdb.connect()
database.execute("CREATE TABLE copied AS SELECT * FROM 'confidences.parquet'")


def asked(rows: str) -> tuple[int, int, float]:
    def one(query: str) -> float:
        return database.execute(query).fetchone()[0]

    return (
        one(f"SELECT count(*) FROM {rows} WHERE c BETWEEN 0 AND 1"),
        one(f"SELECT count(*) FROM {rows} WHERE isnan(c)"),
        one(f"SELECT max(c) FROM {rows}"),
    )


file, table = asked("'confidences.parquet'"), asked("copied")
(numbers,) = database.execute("SELECT count(*) FROM 'confidences.parquet' WHERE c - c = 0").fetchone()
(filtered,) = database.execute("SELECT count(*) FILTER (WHERE isnan(c)) FROM 'confidences.parquet'").fetchone()
print(f"parquet: {file[0]} in range, {file[1]} NaN, max {file[2]}; ", end="")
print(f"table: {table[0]} in range, {table[1]} NaN, max {table[2]}; c - c = 0: {numbers}")
assert file == (4, 0, 0.9)
assert table[:2] == (3, 1) and table[2] != table[2]
assert (numbers, filtered) == (3, 1)
PY
