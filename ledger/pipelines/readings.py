"""What a reply says about a policy's question, and what several of its answers say together.

Thresholds for each question, at whatever level, imply nothing about how often a case has any wrong answer. So a policy
that rests on several questions makes one confidence of their answers, and is calibrated by whether all that was acted
on was right.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from confidence_project.foundation.errors import FieldProblem
from governance.answer_rules import AnswerRule, Combination, JointScore
from ledger.models import ConfidenceKind
from ledger.questions.identity import task_of
from ledger.reasons import PipelineReason


@dataclass(frozen=True, slots=True)
class AnswerTogether:
    """One of several answers: how sure it is, and whether it is acted on (its being wrong is then a failure)."""

    confidence: float | None
    kind: str
    acted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswer:
    """What a reply says about the policy's question.

    `confidence` is None when there is no answer (`refused`, `unjudged`, or the question is not among those answered)
    and when the reply is broken. `problems` say what is broken, or what is to be mended where the answer is `unjudged`.
    `model` is the one that answered, whatever alias was asked for. `question` is what the ledger calls the question,
    with its `options` and the hash of its `wording`; each is blank where it is not known. `together` holds the answers
    by question where the policy rests on several.
    """

    problems: Sequence[FieldProblem] = ()
    refused: bool = False
    unjudged: PipelineReason | None = None
    model: str = ""
    question: str = ""
    options: str = ""
    wording: str = ""
    confidence: float | None = None
    kind: ConfidenceKind = ConfidenceKind.DECISION_MODEL
    together: Mapping[str, AnswerTogether] = field(default_factory=dict)

    @property
    def is_abstention(self) -> bool:
        """True: the model gave no answer, and said so. What is missing or broken is no abstention."""
        return self.refused or self.unjudged is PipelineReason.LLM_ABSTENTION


def read_together(rule: AnswerRule, reads: Sequence[ReadAnswer]) -> ReadAnswer:
    """Make one confidence of the answers to the rule's questions, which come in its order.

    `all`: each of them is acted on, and one that is not there to act on stops the case. `any`: those that the model
    abstained from are left out, and nobody's failure; the case is stopped where it abstained from all.
    """
    left_out = [rule.of is Combination.ANY and read.is_abstention for read in reads]
    acted = [read for read, is_out in zip(reads, left_out, strict=True) if not is_out]
    stopped = next((read for read in acted or reads if read.confidence is None), None)
    whole = replace(
        stopped or acted[0],
        question=task_of(json.dumps([rule.of, rule.score, rule.confidence, *(read.question for read in reads)])),
        options=_options(reads),
        wording=_digest([read.wording for read in reads]) if any(read.wording for read in reads) else "",
        kind=ConfidenceKind.TOGETHER,
        together={
            read.question: AnswerTogether(read.confidence, read.kind.value, acted=stopped is None and not is_out)
            for read, is_out in zip(reads, left_out, strict=True)
        },
    )
    return whole if stopped else replace(whole, confidence=_score(rule, [read.confidence or 0.0 for read in acted]))


def _score(rule: AnswerRule, confidences: Sequence[float]) -> float:
    return min(confidences) if rule.score is JointScore.LEAST else math.prod(confidences)


def _options(reads: Sequence[ReadAnswer]) -> str:
    """Number and digest of the options of all questions, in their order; blank where none is known."""
    known = [read.options for read in reads]
    number = sum(int(options.partition(":")[0]) for options in known if options)
    return f"{number}:{_digest(known)[:32]}" if number else ""


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
