#!/usr/bin/env bash
# sparrow-decider 0.2.0 (speaks System One, ships its model), laya 0.4.15 (only its function with the vendor's
# formula).
#
# What happens: both follow one protocol, System One, whose answers carry `confidence`. For a choice they agree. For a
# score sparrow-decider takes 1 - sd / ((n - 1) / 2), and the vendor 1 - distance from the mode over that of a uniform
# answer. It is no other scale but another order: an answer with 0.65 on its top level is surer by the one, and an
# answer with 0.85 on its top level is surer by the other.
# Why it matters: a threshold on `confidence` cannot be moved from one server to another, not even after a monotone
# recalibration: at 0.70 here the answer with 0.65 passes and the one with 0.85 is stopped. Threshold the probability
# of the level, which both give.
# Output seen on 2026-11-30: parcel top 0.6497 sparrow 0.7186 vendor 0.680; fire top 0.8507 sparrow 0.6627 vendor 0.774
# Source: measured; the vendor's formulas are named in the docstring of laya.jev_confidence.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet sparrow-decider==0.2.0 numpy==2.4.6
"$work/venv/bin/pip" install --quiet --no-deps laya==0.4.15 # its model is not used: no torch
"$work/venv/bin/python" - <<'PY'
import laya
import sparrow_decider

decider = sparrow_decider.Decider.load()
urgency = {
    "type": "score",
    "instructions": "How urgent is this message?",
    "criteria": ["not urgent", "slightly urgent", "fairly urgent", "very urgent", "an emergency"],
}


def ask(message, question):
    answer = decider.ask(message, {"q": question})["q"]
    seen = max(answer["probabilities"].values()), answer["confidence"], laya.jev_confidence(answer)
    print(f"{message!r}: top {seen[0]:.4f}, sparrow {seen[1]:.4f}, vendor {seen[2]:.3f}")
    return seen


parcel, fire = ask("Where is my parcel?", urgency), ask("The server room is on fire", urgency)
wishes = {"refund": "money back", "help": "help", "other": "else"}
refund = ask("I want my money back", {"type": "choice", "criteria": wishes})
assert parcel[0] < fire[0] and parcel[2] < 0.70 < fire[2], "the vendor's order follows the top level"
assert fire[1] < 0.70 < parcel[1], "sparrow's order is the reverse"
assert abs(refund[1] - refund[2]) < 0.001, "of a choice they agree"
PY
