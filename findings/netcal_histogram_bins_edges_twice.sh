#!/usr/bin/env bash
# netcal 1.3.6 (it brings torch: the installation takes some minutes and several gigabytes of disk for the time).
#
# What happens: HistogramBinning counts a confidence that lies on the edge of a bin into the upper bin when it is fitted,
# and looks it up in the lower one when it is applied. Of confidences in tenths most are mapped by another's rate. A bin
# that nobody fell into answers with its middle: at 0.8, where 100 of 100 rows say 55 % right, the answer is 0.75.
# Why it matters: language models state tenths. The calibrated value of the rows that were fitted is not their own rate:
# a threshold at 0.7 passes the rows at 0.8, which are right in 55 of 100.
# Output seen on 2026-11-30: 0.7: rate 0.50 mapped to 0.500; 0.8: rate 0.55 mapped to 0.750; 0.9: rate 0.60 mapped to
# 0.550; two of ten are mapped to their own rate
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet netcal==1.3.6 numpy==1.26.4
"$work/venv/bin/python" - <<'PY'
import numpy as np
from netcal.binning import HistogramBinning, IsotonicRegression

stated = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
right = np.array([5, 10, 20, 30, 40, 45, 50, 55, 60, 70])  # of a hundred rows at each
confidence = np.repeat(stated, 100)
label = np.concatenate([[1] * count + [0] * (100 - count) for count in right])

mapped = HistogramBinning(10).fit(confidence, label).transform(stated)
for value, count, answer in zip(stated, right, mapped):
    print(f"{value}: rate {count / 100:.2f} mapped to {answer:.3f}")
own = np.isclose(mapped, right / 100)
print(f"{own.sum()} of ten are mapped to their own rate")
assert own.sum() < 5
assert np.isclose(mapped[7], 0.75), "the middle of a bin that holds no row"
assert np.allclose(IsotonicRegression().fit(confidence, label).transform(stated), right / 100), "the neighbour does"
PY
