#!/usr/bin/env bash
# frouros 0.9.0, data_drift.PSI with its ten bins.
#
# What happens: where a bin is empty on one side, PSI puts the smallest float (2e-308) for its share. The logarithm is
# then above 700, so that one row of a thousand in such a bin adds about 0.7. A thousand confidences against nearly
# themselves, one row being lower than the rest, have an index of about 0.7; from 0.25 on the literature calls it a
# major shift. With half a row as the count of the empty bins the index is below 0.01.
# Why it matters: an alarm at 0.25 that closes a gate goes off by one outlier, while all rows moved by up to 0.02
# stay far below it.
# Output seen on 2026-12-01: one row of 1000 lower 0.701, with half rows 0.0004; all rows moved by up to 0.02: 0.019
# Source: measured; the class replaces the share in its code.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet frouros==0.9.0 numpy==2.1.3 scipy==1.14.1
"$work/venv/bin/python" - <<'PY'
import numpy as np
from frouros.detectors.data_drift import PSI

before = np.linspace(0.5, 1.0, 1000)
after = before.copy()
after[500] = 0.1


def index(reference, rows):
    detector = PSI()
    detector.fit(X=reference)
    return float(detector.compare(X=rows)[0].distance)


def with_half_rows(reference, rows):
    edges = np.linspace(min(reference.min(), rows.min()), max(reference.max(), rows.max()), 11)
    p, q = (np.maximum(np.histogram(side, edges)[0], 0.5) / len(side) for side in (reference, rows))
    return float(np.sum((q - p) * np.log(q / p)))


same, one_row, half_rows = index(before, before), index(before, after), with_half_rows(before, after)
print(f"same rows {same:.3f}; one row of 1000 lower {one_row:.3f}, with half rows in empty bins {half_rows:.4f}")
moved = np.linspace(0.52, 1.0, 1000)
moved_a_little = index(before, moved)
print(f"all rows moved a little {moved_a_little:.3f}")
assert same == 0
assert one_row > 0.6 > 0.25
assert half_rows < 0.01
assert moved_a_little < 0.1 < one_row
PY
