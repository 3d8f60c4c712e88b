#!/usr/bin/env bash
# inspect-ai 0.3.285, a scorer whose grade is the word "pass", with the metric accuracy().
#
# What happens: words become numbers by a fixed list: yes, true and C are 1, no, false and I are 0. A word off the list
# is 0 and a line of log: "pass" and "correct" count exactly like "fail" and "incorrect". Ten answers graded "pass"
# have an accuracy of 0.0; the run ends with status success.
# Why it matters: a judge model that was told to answer pass or fail is the commonest of all graders. Its labels, or
# the accuracy over them, are what a threshold is set from. A false zero keeps automation shut for ever; where 1 means
# harm ("unsafe" graded by word), a false zero opens it. Take the grade as written from the log, not the number.
# Output seen on 2026-11-30: status success for all; accuracy of pass, correct and fail 0.0, of yes 1.0
# Source: measured; the list is in the docstring of inspect_ai.scorer.value_to_float.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet inspect-ai==0.3.285
cd "$work"
"$work/venv/bin/python" - <<'PY'
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, accuracy, scorer
from inspect_ai.solver import solver


@solver
def no_model_is_asked():
    async def solve(state, generate):
        return state

    return solve


@scorer(metrics=[accuracy()])
def graded(word):
    async def score(state, target):
        return Score(value=word)

    return score


seen = {}
for word in ("pass", "correct", "fail", "yes"):
    samples = [Sample(input="-", target="-") for _ in range(10)]
    task = Task(dataset=samples, solver=no_model_is_asked(), scorer=graded(word))
    log = eval(task, model="mockllm/model", log_dir="logs", display="none")[0]
    seen[word] = log.status, log.results.scores[0].metrics["accuracy"].value
    print(f"{word} -> {seen[word]}")
assert all(status == "success" for status, _ in seen.values())
assert {word: mean for word, (_, mean) in seen.items()} == {"pass": 0, "correct": 0, "fail": 0, "yes": 1}
PY
