#!/usr/bin/env bash
# netcal 1.3.6 (it brings torch: the installation takes some minutes and several gigabytes of disk for the time).
#
# What happens: NearIsotonicRegression is fitted and applied like every other calibrator of the package, and has no
# parameter for how far it smooths. Its fit is the first step of a path, at which nothing is smoothed: each row keeps its
# own label. So every calibrated confidence is 0 or 1. On the rows of the fit the calibration error is 0; on new rows of
# the same source, which were calibrated to begin with, it rises from 0.02 to about 0.3. ENIR, built on it, averages the
# path, and its answer for confidences that occur many times depends on the order of the rows.
# Why it matters: the calibrator looks perfect where it was fitted, and says 1.0 for a decision that is right in 7 of 10.
# Output seen on 2026-11-30: values {0.0, 1.0}; error where fitted 0.0000, on new rows 0.2895, before 0.0181; ENIR at 0.7
# with failures first 0.250, with successes first 0.375, rate 0.593
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet netcal==1.3.6 numpy==1.26.4
"$work/venv/bin/python" - 2> "$work/progress" <<'PY'
import numpy as np
from netcal.binning import ENIR, NearIsotonicRegression
from netcal.metrics import ECE

numbers = np.random.default_rng(0)


def rows(count):
    confidence = numbers.beta(8, 2, count)
    return confidence, (numbers.uniform(size=count) < confidence).astype(int)


(fitted, label), (new, later) = rows(2000), rows(2000)
calibrator = NearIsotonicRegression().fit(fitted, label)
values = set(calibrator.transform(new).tolist())
errors = [
    ECE(10).measure(confidence, right)
    for confidence, right in ((calibrator.transform(fitted), label), (calibrator.transform(new), later), (new, later))
]
print(f"values {values}; error where fitted {errors[0]:.4f}, on new rows {errors[1]:.4f}, before {errors[2]:.4f}")
assert values == {0.0, 1.0}
assert errors[0] < 1e-9 and errors[1] > 0.25 and errors[2] < 0.05

numbers = np.random.default_rng(0)
stated = np.array([0.7, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0])
chosen = numbers.integers(0, 7, 2000)
confidence = stated[chosen]
label = (numbers.uniform(size=2000) < np.array([0.55, 0.6, 0.65, 0.7, 0.8, 0.85, 0.9])[chosen]).astype(int)
order = np.argsort(label, kind="stable")
seen = [ENIR().fit(confidence[o], label[o]).transform(stated)[0] for o in (order, order[::-1])]
rate = label[chosen == 0].mean()
print(f"ENIR at 0.7 with failures first {seen[0]:.3f}, with successes first {seen[1]:.3f}, rate {rate:.3f}")
assert abs(seen[0] - seen[1]) > 0.1 and max(seen) < rate - 0.2
PY
