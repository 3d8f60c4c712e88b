#!/usr/bin/env bash
# crepes 0.9.1, ConformalClassifier.predict_set with its defaults.
#
# What happens: prediction sets are smoothed by a random number for every row and call, also without ties, so that the
# same row with the same calibration gets the set {yes} in one call and {no, yes} in the next.
# Why it matters: "act when the set holds one answer" is the usual rule for acting on a conformal set. On a row near
# the edge the rule tosses a coin: a retry turns an escalation into an action, and a recorded decision cannot be
# computed again. smoothing=False (slightly larger sets) or a seed for every call makes it a function of the row.
# Output seen on 2026-11-30: 200 identical rows: both sets come; with smoothing=False: 1 set
# Source: measured; smoothing=True is the documented default.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet crepes==0.9.1 scikit-learn==1.9.1 # which it imports and does not ask for
"$work/venv/bin/python" - <<'PY'
import numpy as np
from crepes import ConformalClassifier

classifier = ConformalClassifier().fit(np.arange(1, 20) / 20)  # 19 distinct scores, no ties
scores = np.tile([0.975, 0.3], (200, 1))  # 200 times one row: nonconformity of "no" and of "yes"


def sets(**options):
    return {tuple(map(int, found)) for found in classifier.predict_set(scores, confidence=0.975, **options)}


smoothed, plain = sets(), sets(smoothing=False)
print(f"200 identical rows: sets {sorted(smoothed)}; with smoothing=False {sorted(plain)}")
assert smoothed == {(0, 1), (1, 1)}
assert plain == {(1, 1)}
PY
