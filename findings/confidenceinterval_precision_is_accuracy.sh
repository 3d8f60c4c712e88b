#!/usr/bin/env bash
# confidenceinterval 1.0.5, scikit-learn 1.9.1 for comparison.
#
# What happens: precision_score(y, decisions) has the name and the argument order of scikit-learn's function but
# averages over both classes by default (average="micro"), which for two classes is the accuracy. A gate that let 100
# of 1,000 cases through, 80 of them rightly, is told 0.97 with an interval that lies wholly above 0.95.
# Why it matters: "how many of the cases that went through were right" is the figure that a threshold stands on. The
# blocked cases, mostly rightly blocked, fill it up: the rarer the automation, the better it looks.
# The way round: average="binary" together with method="wilson" (the default method belongs to the averages only).
# Output seen on 2026-11-30: default 0.970 [0.959, 0.981]; binary 0.800 [0.711, 0.867]; scikit-learn 0.800
# Source: measured; the signature shows average="micro".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet confidenceinterval==1.0.5 scikit-learn==1.9.1
"$work/venv/bin/python" - <<'PY'
import confidenceinterval
from sklearn.metrics import accuracy_score, precision_score

right = [1] * 80 + [0] * 20 + [1] * 10 + [0] * 890  # whether acting was right
acted = [1] * 100 + [0] * 900

default, (lower, upper) = confidenceinterval.precision_score(right, acted)
binary, (binary_lower, binary_upper) = confidenceinterval.precision_score(
    right, acted, average="binary", method="wilson"
)
print(f"default {default:.3f} [{lower:.3f}, {upper:.3f}]")
print(f"binary  {binary:.3f} [{binary_lower:.3f}, {binary_upper:.3f}]")
print(f"scikit-learn {precision_score(right, acted):.3f}, its accuracy {accuracy_score(right, acted):.3f}")
assert abs(default - accuracy_score(right, acted)) < 1e-9 and lower > 0.95
assert abs(binary - precision_score(right, acted)) < 1e-9 and binary_upper < 0.9
PY
