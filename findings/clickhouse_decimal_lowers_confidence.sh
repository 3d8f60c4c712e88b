#!/usr/bin/env bash
# chdb 4.4.0 (the ClickHouse engine in a Python package).
#
# What happens: a Float64 that was rounded to four decimals does not come back from Decimal(5, 4). The engine
# multiplies by 10,000 in floating point and cuts the rest off, so that 0.57 becomes 0.5699. Of the 10,001 values from
# 0.0000 to 1.0000, 573 lose their last digit; they are spread up to 0.8190.
# Why it matters: confidences rounded to four decimals and a threshold kept as Decimal are the natural pair for a gate.
# Here the confidence 0.57 does not reach the threshold 0.57, and an evaluation in the warehouse disagrees with the
# gate.
# The way round: toDecimal32(toString(x), 4), or round(x * 10000) kept as an integer.
# Output seen on 2026-11-30: 0.57 -> 0.5699, through text 0.57; 573 of 10001 values change, 0.0003 to 0.819
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet chdb==4.4.0
"$work/venv/bin/python" - <<'PY'
from chdb import query


def row(sql):
    return query(sql, "CSV").bytes().decode().strip().replace('"', "").split(",")


direct, through_text, passes = row(
    "select toDecimal32(x, 4), toDecimal32(toString(x), 4), toDecimal32(x, 4) >= toDecimal32('0.57', 4)"
    " from (select toFloat64('0.57') as x)"
)
print(f"0.57 -> {direct}, through text {through_text}; 0.57 >= 0.57 is {passes}")
changed, lowest, highest = row(
    "select count(), min(x), max(x) from (select number / 10000 as x from numbers(10001))"
    " where toString(toDecimal32(x, 4)) != toString(x)"
)
print(f"{changed} of 10001 values change, {lowest} to {highest}")
assert (direct, through_text, passes) == ("0.5699", "0.57", "0")
assert (int(changed), lowest, highest) == (573, "0.0003", "0.819")
PY
