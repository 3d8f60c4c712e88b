#!/usr/bin/env bash
# mapie 1.6.0, risk_control.BinaryClassificationController with its default list_predict_params.
#
# What happens: the thresholds tried by default are linspace(0, 0.99, 100), of which some lie one float above the
# number that they look like: 0.95 is 0.9500000000000001. Rows with exactly that confidence are then counted as below
# it. With confidences in two decimals (what a language model says) a whole group drops out of the calibration: below,
# 700 rows at 0.95 of which 70 % are right. "0.95" is certified for a precision of 90 % by the 300 rows at 0.99 alone.
# Why it matters: whoever writes the certified threshold down as 0.95, or keeps it in four decimals, lets those 700
# through, with a precision of 78.6 % under a certificate of 90 %. With 0.95 itself in the grid it is not certified.
# The way round: give list_predict_params yourself, e.g. numpy.arange(100) / 100.
# Output seen on 2026-11-30: best 0.9500000000000001 of the default grid; of arange(100) / 100 best 0.96; precision of
# the rows >= 0.95: 0.786; 10 of the 100 default thresholds differ from their two decimals
# Source: measured; the class's docstring names the default.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mapie==1.6.0
"$work/venv/bin/python" - <<'PY'
import numpy as np
from mapie.risk_control import BinaryClassificationController, precision

confidence = np.repeat([0.99, 0.95, 0.5], [300, 700, 500])
right = np.concatenate([np.arange(n) < k for n, k in ((300, 296), (700, 490), (500, 100))]).astype(int)


def best(**grid):
    controller = BinaryClassificationController(
        lambda rows: np.column_stack([1 - rows[:, 0], rows[:, 0]]), precision, 0.9, confidence_level=0.95, **grid
    )
    return controller.calibrate(confidence[:, None], right).best_predict_param


default, exact = best(), best(list_predict_params=np.arange(100) / 100)
admitted = right[confidence >= 0.95].mean()
grid = np.linspace(0, 0.99, 100)
off = (grid != grid.round(2)).sum()
print(f"best of the default grid {default!r}, of arange(100) / 100 {exact!r}")
print(f"precision of the rows >= 0.95: {admitted:.3f}; thresholds off their two decimals: {off}")
assert default == 0.9500000000000001 and exact == 0.96
assert round(admitted, 3) == 0.786 and off == 10
PY
