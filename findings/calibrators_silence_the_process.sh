#!/usr/bin/env bash
# betacal 1.1.0, venn-abers 1.5.4.
#
# What happens: one fit of BetaCalibration puts an "ignore" for every warning in front of the filters of the process,
# even in front of "error"; importing venn_abers turns numpy's warnings of division by zero and of invalid values off
# for everybody. Neither puts anything back.
# Why it matters: calibrators run beside the code that computes the figures of a gate. Precision of a segment without
# rows is 0/0; numpy's warning and scikit-learn's "precision is ill-defined" are what tells that it is NaN or 0 and not
# measured. After the fit there is silence, also in a test suite with -W error, and `if precision < target: block` lets
# NaN through.
# Output seen on 2026-11-30: before: warning; after importing venn_abers: 0/0 silent; after BetaCalibration().fit:
# silent
# Source: measured, with warnings set to "error" before.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet betacal==1.1.0 venn-abers==1.5.4 scikit-learn==1.9.1
"$work/venv/bin/python" - <<'PY'
import warnings

import numpy as np
from sklearn.metrics import precision_score

warnings.simplefilter("error")


def spoken(figure):
    try:
        figure()
    except Warning:
        return "warning"
    return "silent"


zero_by_zero = lambda: np.float64(0) / np.float64(0)  # noqa: E731
nothing_acted_on = lambda: precision_score([1, 0], [0, 0])  # noqa: E731
before = spoken(zero_by_zero), spoken(nothing_acted_on)
import venn_abers  # noqa: E402, F401

imported = spoken(zero_by_zero), spoken(nothing_acted_on)
from betacal import BetaCalibration  # noqa: E402

confidence = np.linspace(0.05, 0.95, 40)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    BetaCalibration().fit(confidence, (np.arange(40) % 3 > 0).astype(int))
inside = spoken(nothing_acted_on)
BetaCalibration().fit(confidence, (np.arange(40) % 3 > 0).astype(int))
fitted = spoken(nothing_acted_on)
print(f"0/0, precision of nothing: before {before}; venn_abers imported {imported}; BetaCalibration fitted {fitted}")
assert (before, imported) == (("warning", "warning"), ("silent", "warning"))
assert (inside, fitted) == ("warning", "silent")
PY
