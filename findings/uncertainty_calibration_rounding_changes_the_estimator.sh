#!/usr/bin/env bash
# uncertainty-calibration 0.1.4 (import name: calibration).
#
# What happens: get_calibration_error looks at the confidences and guesses where they come from. With fewer distinct
# values than a quarter of the rows it takes them for the output of a binning method and makes a bin of every value;
# else it takes 15 bins of equal mass. Nothing in the reply says which. Writing the same 1,000 confidences with two
# decimals instead of four takes the plug-in error from 0.091 to 0.139; the 15 even bins of get_ece stay at 0.069.
# Why it matters: decision models answer in four decimals, language models and most exports in two. The comparison of
# two models, or of one model before and after an export, then compares two estimators. A limit such as "error at most
# 0.10" is met or missed by the number of decimals.
# Output seen on 2026-11-30: four decimals: 891 values, error 0.0909, ece 0.0690; two: 60 values, error 0.1386, ece
# 0.0687
# Source: measured; the docstring speaks of heuristics without naming them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet uncertainty-calibration==0.1.4
"$work/venv/bin/python" - <<'PY'
import calibration
import numpy as np

numbers = np.random.default_rng(1)
confidence = numbers.beta(8, 2, 1000)
right = (numbers.uniform(size=1000) < confidence**1.5).astype(int)

errors = {}
for decimals in (4, 2):
    written = confidence.round(decimals)
    errors[decimals] = calibration.get_calibration_error(written, right, debias=False)
    ece = calibration.get_ece(written, right)
    print(f"{decimals} decimals: {len(set(written))} values, error {errors[decimals]:.4f}, ece {ece:.4f}")
    assert abs(ece - 0.069) < 0.001
assert errors[4] < 0.10 < 0.13 < errors[2]
assert np.isclose(errors[4], calibration.lower_bound_scaling_ce(confidence.round(4), right, debias=False))
assert np.isclose(errors[2], calibration.get_binning_ce(confidence.round(2), right, debias=False))
PY
