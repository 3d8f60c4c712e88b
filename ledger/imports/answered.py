"""Replies of decision models in a file: read by the code that reads them at the door."""

from __future__ import annotations

import json
from typing import Any

from confidence_project.foundation.errors import UnknownPolicyKey
from governance.answer_rules import AnswerRule
from governance.definitions import get_definition
from governance.vocabulary import DeclaredNames
from ledger.imports.source import Rejected
from ledger.pipelines.decision_models import RESPONSE, read_answer
from ledger.pipelines.readings import ReadAnswer
from ledger.pipelines.replies import DialectName


def read_reply(
    value: Any, dialect: DialectName, *, policy_key: object, model: object, declared: DeclaredNames | None
) -> dict[str, Any]:
    """Return what a reply says of the policy's question as columns of ours: confidence, its kind, model, question.

    Raises
    ------
    Rejected
        It is no JSON, or holds no answer to judge; in words that hold nothing of it.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Rejected("the reply is not JSON") from None
    named = model if isinstance(model, str) else ""
    read = read_answer(dialect, value, _rule_of(policy_key), declared, model=named)
    if read.confidence is None:
        raise Rejected(_why_none(read))
    return {
        "confidence": read.confidence,
        "confidence_kind": read.kind.value,
        "model": read.model,
        **({"task": read.question} if read.question else {}),
        **({"options": read.options} if read.options else {}),
    }


def _rule_of(policy_key: object) -> AnswerRule:
    try:
        return get_definition(str(policy_key)).answer or AnswerRule()
    except UnknownPolicyKey:
        return AnswerRule()


def _why_none(read: ReadAnswer) -> str:
    if read.problems:
        (problem, *_) = read.problems
        place = problem.pointer.removeprefix(RESPONSE).lstrip("/").replace("/", ".") or "the reply"
        return f"the reply holds no answer to judge: {place}: {problem.detail}"
    if read.refused or read.unjudged:
        return "the reply holds no answer to judge: the model refused or abstained"
    return "the reply holds no answer to the policy's question"
