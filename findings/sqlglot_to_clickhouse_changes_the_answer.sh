#!/usr/bin/env bash
# sqlglot 30.30.0, duckdb 2.0.1, chdb 4.4.0 (the ClickHouse engine in a Python package).
#
# What happens: a statement that sqlglot puts from DuckDB's dialect into ClickHouse's runs there without an error and
# gives another answer. A TIMESTAMP becomes DateTime, whose steps are seconds, so that moments fall together; and a LEFT
# JOIN stays one, which in ClickHouse fills up with zeros instead of NULL, even where the type was written as Nullable.
# Why it matters: a rate of successes over decisions that are not all labelled yet falls from 1 to 1/3, as each unlabelled
# one becomes a failure; and a window that begins or ends within a second holds other decisions.
# The way round: SETTINGS join_use_nulls = 1 at the end of the statement, and toDateTime64(…, 6, 'UTC') for times.
# Output seen on 2026-11-30: before half a second 1 and 0; moments 3 and 2; labelled 1 and 3; successes 1 and 0.333
# Source: measured. That joins fill up with zeros is a setting of ClickHouse, which the translation leaves alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet sqlglot==30.30.0 duckdb==2.0.1 chdb==4.4.0
"$work/venv/bin/python" - <<'PY'
import chdb
import duckdb
import sqlglot

TABLES = """
WITH decisions AS (
  SELECT 'a' AS id, CAST('2026-11-01 12:00:00.250000' AS TIMESTAMP) AS decided_at UNION ALL
  SELECT 'b', CAST('2026-11-01 12:00:00.750000' AS TIMESTAMP) UNION ALL
  SELECT 'c', CAST('2026-11-01 12:00:01.000000' AS TIMESTAMP)
), labels AS (SELECT 'a' AS id, 1 AS success)
"""
QUESTIONS = {
    "before half a second": "SELECT COUNT(*) FROM decisions WHERE decided_at < CAST('2026-11-01 12:00:00.500000' AS TIMESTAMP)",
    "moments": "SELECT COUNT(DISTINCT decided_at) FROM decisions",
    "labelled": "SELECT COUNT(labels.success) FROM decisions LEFT JOIN labels ON labels.id = decisions.id",
    "share of successes": "SELECT AVG(labels.success) FROM decisions LEFT JOIN labels ON labels.id = decisions.id",
}
seen = {}
for asked, question in QUESTIONS.items():
    statement = TABLES + question
    ((there,),) = duckdb.sql(statement).fetchall()
    translated = sqlglot.transpile(statement, read="duckdb", write="clickhouse")[0]
    here = float(chdb.query(translated, "CSV").bytes().decode())
    seen[asked] = float(there), here
    print(f"{asked}: DuckDB {float(there):g}, ClickHouse {here:.3g}")
assert seen["before half a second"] == (1, 0)
assert seen["moments"] == (3, 2)
assert seen["labelled"] == (1, 3)
assert seen["share of successes"] == (1, 1 / 3)
PY
