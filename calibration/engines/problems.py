"""Why a decision in an engine is none that the ledger would have taken in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Problem(IntEnum):
    """Why a decision cannot be counted; in the order in which one of several is told."""

    NO_ID = 1
    CONFIDENCE = 2
    RISK = 3
    PROPENSITY = 4
    THRESHOLD = 5
    VERDICT = 6
    ORIGIN = 7
    AUDIT = 8
    LABEL = 9
    DIFFERS = 10


WORDS: Mapping[Problem, str] = {
    Problem.NO_ID: "external_id is blank",
    Problem.CONFIDENCE: "confidence is no number from 0 to 1; scale says what else stands for certainty",
    Problem.RISK: "ml_risk_score is no number from 0 to 1",
    Problem.PROPENSITY: "label_propensity is no number from 0 to 1",
    Problem.THRESHOLD: "a threshold is no number from 0 to 1",
    Problem.VERDICT: "gate_verdict is none of allow, block and ask",
    Problem.ORIGIN: "origin is none of gate, import and observed",
    Problem.AUDIT: "audit_selected is neither 0 nor 1, or goes without label_propensity",
    Problem.LABEL: "success is neither 0 nor 1, or nothing declares whether its words are",
    Problem.DIFFERS: "several rows of one external_id say different things",
}
