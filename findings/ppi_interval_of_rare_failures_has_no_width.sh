#!/usr/bin/env bash
# ppi-python 0.2.3 (import name: ppi_py), with scipy's exact interval beside it.
#
# What happens: prediction-powered inference joins a hundred labels of people with a judge's verdicts on five thousand
# decisions. Where the people find no failure, `ppi_mean_ci` returns a 95 % interval without width: from 0 to 0, also where
# the judge objects to 2 % of the five thousand. Where the judge objects to nothing, both ends are NaN. With a true failure
# rate of 2 % the upper end of its 90 % interval, which may lie below the truth in one run of twenty, does so in one of six.
# Why it matters: decisions that a gate allows fail rarely, and few labels are the reason to ask a judge at all. "At most 0 %,
# at 95 %" is then an artefact of the normal approximation; the exact limit of the same hundred labels is 3.6 %.
# Output seen on 2026-11-30: no failure found: at most 0.0000, exact 0.0362; silent judge: nan; upper end too low in 0.158 of
# 500 runs, exact in 0.000
# Source: measured. The package's examples have thousands of labels and rates far from 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ppi-python==0.2.3 numpy==2.1.3 scipy==1.14.1 statsmodels==0.15.0
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
from ppi_py import ppi_mean_ci
from scipy.stats import binomtest


def upper(failed, judged, elsewhere, alpha):
    return float(np.squeeze(ppi_mean_ci(failed, judged, elsewhere, alpha=alpha)[1]))


def exact(failed, alpha):
    return binomtest(int(failed.sum()), len(failed)).proportion_ci(1 - alpha, method="exact").high


none = np.zeros(100)
objects = np.repeat([0.0, 1.0], [4900, 100])
print(f"no failure found: at most {upper(none, none, objects, 0.05):.4f}, exact {exact(none, 0.05):.4f}")
print(f"silent judge: {upper(none, none, np.zeros(5000), 0.05)}")
assert upper(none, none, objects, 0.05) < 1e-9 and exact(none, 0.05) > 0.03
assert np.isnan(upper(none, none, np.zeros(5000), 0.05))

rate, runs = 0.02, 500
too_low = {"ppi": 0, "exact": 0}
for seed in range(runs):
    numbers = np.random.default_rng(seed)
    failed, others = ((numbers.random(count) < rate).astype(float) for count in (100, 5000))
    judged, elsewhere = (
        np.where(truth == 1, numbers.random(len(truth)) < 0.7, numbers.random(len(truth)) > 0.97).astype(float)
        for truth in (failed, others)
    )
    too_low["ppi"] += upper(failed, judged, elsewhere, 0.1) < rate
    too_low["exact"] += exact(failed, 0.1) < rate
print(f"upper end too low in {too_low['ppi'] / runs:.3f} of {runs} runs, exact in {too_low['exact'] / runs:.3f}")
assert too_low["ppi"] / runs > 0.12 and too_low["exact"] / runs < 0.05
PY
