"""The findings of a run, computed again from the raw rows without any of its code."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, binom
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from calibration.tests.factories import START, WINDOW, decision, outcome, review, store
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.models import DecisionOutcome, DecisionRecord

pytestmark = pytest.mark.django_db

ALPHA, DELTA = 0.05, 0.05


@pytest.fixture(scope="module")
def findings(module_db: None) -> list[dict[str, Any]]:
    workspace = WorkspaceFactory()
    generate(workspace)
    run = review(workspace=workspace, policy_keys=["confidence_gate"], **WINDOW)
    return run.output["policies"][0]["findings"]


def generate(workspace: Workspace) -> None:
    """Three models: honest, over-confident, and one with few stated values; some decisions have several outcomes."""
    draw = random.Random(20260101)
    decisions, outcomes = [], []
    for minute in range(6_000):
        model = ("honest", "loud", "coarse")[minute % 3]
        confidence = round(draw.choice([0.7, 0.9, 0.95, 1.0]) if model == "coarse" else draw.betavariate(8, 1), 4)
        truth = {"honest": confidence**0.2, "loud": confidence * 0.8, "coarse": 0.9 + confidence / 10.2}[model]
        one = decision(workspace, confidence=confidence, minute=minute, model=model)
        decisions.append(one)
        sources = ["downstream_event", "human_review", "sentiment"][
            : 1 + (draw.random() < 0.1) + (draw.random() < 0.05)
        ]
        outcomes += [
            outcome(one, draw.random() < truth, sequence=place, source=source)
            for place, source in enumerate(sources, start=1)
        ]
    store(decisions, outcomes)


def raw() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Confidences and ruling outcomes by model, row by row."""
    by_decision = defaultdict(list)
    for one in DecisionOutcome.objects.all():
        by_decision[one.decision_id].append((one.source == "human_review", one.observed_at, one.sequence, one.success))
    rows = defaultdict(list)
    for record in DecisionRecord.objects.filter(occurred_at__gte=START):
        rows[record.model].append((float(record.llm_confidence), max(by_decision[record.pk])[-1]))
    return {model: tuple(np.array(column) for column in zip(*pairs, strict=True)) for model, pairs in rows.items()}


def fallback_threshold(confidence: np.ndarray, success: np.ndarray, delta: float) -> float | None:
    """The default method, by hand: see docs/statistics.md."""
    values = sorted(set(confidence), reverse=True)
    reached = [int((confidence >= v).sum()) for v in values]
    failed = [int((~success[confidence >= v]).sum()) for v in values]
    total, starts = len(confidence), None

    def least(level: float) -> int:
        return math.ceil(math.log(level) / math.log(1 - ALPHA))

    for count in range(1, 30):
        sizes = [-(-2 * total // (5 * 4 ** (count - j))) for j in range(1, count + 1)]
        if sizes[0] < least(delta / count):
            break
        starts = sizes
    starts = starts or [least(delta)]
    first = [next(i for i, m in enumerate(reached) if m >= size) for size in starts] + [len(values)]
    run, best = 0, None
    for begin, end in pairwise(first):
        run += 1
        for i in range(begin, end):
            if binom.cdf(failed[i], reached[i], ALPHA) > run * delta / len(starts):
                run = 0
                break
            best = values[i]
    return best


def test_reference__thresholds__agree(findings: list[dict[str, Any]]) -> None:
    expected = {m: fallback_threshold(c, s, DELTA / 3) for m, (c, s) in raw().items()}
    assert {finding["segment"]["model"]: finding["recommended"] for finding in findings} == expected
    assert expected["honest"] is not None
    assert expected["loud"] is None


def test_reference__scores__agree(findings: list[dict[str, Any]]) -> None:
    rows = raw()
    for finding in findings:
        confidence, success = rows[finding["segment"]["model"]]
        assert finding["brier_score"]["score"] == pytest.approx(brier_score_loss(success, confidence), abs=1e-12)
        assert finding["auroc"]["score"] == pytest.approx(roc_auc_score(success, confidence), abs=1e-12)
        clip = finding["log_loss"]["clip"]
        clipped = np.clip(confidence, clip, 1 - clip)
        assert finding["log_loss"]["score"] == pytest.approx(log_loss(success, clipped), abs=1e-12)


def test_reference__calibration_error__agrees(findings: list[dict[str, Any]]) -> None:
    rows = raw()
    for finding in findings:
        confidence, success = rows[finding["segment"]["model"]]
        tenth = np.minimum(np.rint(confidence * 10_000).astype(int) // 1_000, 9)
        gaps = [
            (tenth == b).mean() * abs(success[tenth == b].mean() - confidence[tenth == b].mean()) for b in set(tenth)
        ]
        assert finding["calibration_error"]["ece"] == pytest.approx(sum(gaps), abs=1e-12)
        counts = [each["n"] for each in finding["reliability"]["equal_width"]["bins"]]
        assert counts == np.bincount(tenth, minlength=10).tolist()


def test_reference__what_the_recommendation_allows__agrees(findings: list[dict[str, Any]]) -> None:
    rows = raw()
    for finding in (each for each in findings if each["recommended"] is not None):
        confidence, success = rows[finding["segment"]["model"]]
        allowed = confidence >= finding["recommended"]
        n, failures = int(allowed.sum()), int((~success[allowed]).sum())
        point = finding["at_recommended"]
        assert (point["labelled"], point["failures"]) == (n, failures)
        assert point["coverage"] == pytest.approx(allowed.mean(), abs=1e-12)
        low = beta.ppf(0.025, failures, n - failures + 1) if failures else 0.0
        assert point["interval"] == pytest.approx([low, beta.ppf(0.975, failures + 1, n - failures)], abs=1e-9)
