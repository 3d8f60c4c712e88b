#!/usr/bin/env bash
# crowd-kit 1.4.2.
#
# What happens: two people answer the same twenty decisions and contradict each other in all of them. MajorityVote,
# DawidSkene, OneCoinDawidSkene and GLAD each return one label for all twenty: the one whose name comes first. Called
# "right" and "wrong" the decisions are all right; the very same answers called "good" and "bad" are all bad. Nothing
# tells that it was a tie, and DawidSkene's own probabilities stand at a half.
# Why it matters: two looks at a case are the usual design for measuring reviewers, and then every disagreement is a tie.
# Whether all of them count as successes or as failures of the model is decided by what the label is called.
# Output seen on 2026-11-30: right, wrong: 20 of 20 right, by each method; good, bad: 20 of 20 bad, by each method
# Source: measured.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet crowd-kit==1.4.2 numpy==2.4.6 pandas==2.3.3 scikit-learn==1.7.2
"$work/venv/bin/python" - <<'PY'
import pandas as pd
from crowdkit.aggregation import GLAD, DawidSkene, MajorityVote, OneCoinDawidSkene


def answers(success, failure):
    first = [success, failure] * 10
    second = [failure, success] * 10
    said = {"ann": first, "ben": second}
    rows = [(f"case-{case}", who, label) for who in said for case, label in enumerate(said[who])]
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


for success, failure in (("right", "wrong"), ("good", "bad")):
    table = answers(success, failure)
    for method in (MajorityVote, DawidSkene, OneCoinDawidSkene, GLAD):
        labels = method().fit_predict(table)
        print(f"{success}, {failure}: {method.__name__}: {labels.value_counts().to_dict()}")
        assert set(labels) == {min(success, failure)}, "the first of the alphabet, for every case"
    chances = DawidSkene().fit_predict_proba(table)
    assert abs(chances - 0.5).to_numpy().max() < 1e-9, "and the method itself holds it for a tie"
PY
