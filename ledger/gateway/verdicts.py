"""The verdict on each answer of a reply: decided by the policy bound to its question, recorded, and put beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confidence_project.foundation.errors import Conflict, DomainError
from confidence_project.foundation.submissions import Stored, Submission
from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.vocabulary import NameKind, name_or_blank
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope
from ledger.gateway.lookups import bindings_in_force
from ledger.gateway.protocols import Dialect, Place, Question, only
from ledger.models import SIDES, DecisionRecord
from ledger.pipelines.decisions import decide_many
from ledger.questions.identity import task_of

EXTENSION = "x_confidence"

NOT_BOUND = "question_not_bound"
NOT_ASKED = "question_not_asked"
ANSWERED_OTHERWISE = "answered_otherwise"
"""Reasons of answers without a record of their own: no policy gates the question; it was not asked; the same request
was answered in another way before, and that answer's decision stands."""

Verdict = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, of whom. `identity` begins the external ids of its decisions; `model` is the one asked for."""

    workspace: Workspace
    dialect: Dialect
    provider: str
    model: str
    case_key: str
    identity: str


def judge(
    asked: Asked,
    said: Mapping[str, Any],
    answers: Mapping[Place, Any],
    pairs: Sequence[tuple[Question, Place | None]],
) -> dict[Place, Verdict]:
    """Decide each question that is bound, answered or not, in one transaction; return the verdict on each answer."""
    bound = bindings_in_force(asked.workspace)
    verdicts: dict[Place, dict[str, Any]] = {place: _block(NOT_ASKED) for place in answers}
    submissions, places, declared = [], [], WorkspaceNames(asked.workspace)
    for number, (question, place) in enumerate(pairs):
        policy_key = bound.get(question.name, bound.get(""))
        if policy_key is not None:
            response = only(asked.dialect, said, place, answers.get(place) if place is not None else None)
            external_id = f"{asked.identity}-{number}"
            submissions.append(_submission(asked, question, policy_key, response, external_id, declared))
            places.append((place, policy_key))
        elif place is not None:
            verdicts[place] = _block(NOT_BOUND)
    results = decide_many(workspace=asked.workspace, submissions=submissions) if submissions else []
    for (place, policy_key), result in zip(places, results, strict=True):
        if place is not None:
            verdicts[place] = _verdict(result, policy_key)
    return verdicts


def _submission(
    asked: Asked,
    question: Question,
    policy_key: str,
    response: Mapping[str, Any],
    external_id: str,
    declared: WorkspaceNames,
) -> Submission[DecisionEnvelope]:
    questions = [question.asked] if isinstance(question.place, int) else {question.place: question.asked}
    envelope = {
        "external_id": external_id,
        "policy_key": policy_key,
        "case_key": asked.case_key or None,
        # Of a question without an answer, too, it is known which one it was.
        "task": task_of(question.name) if question.name else None,
        "answer": {
            "dialect": asked.dialect.value,
            "provider": asked.provider,
            "model": (asked.model and name_or_blank(NameKind.MODEL, asked.model, declared)) or None,
            "questions": questions,
            "response": response,
        },
    }
    return Submission.of(DecisionEnvelope.model_validate(envelope, context=declared))


def _block(reason: str, policy_key: str | None = None) -> dict[str, Any]:
    return {
        "verdict": DecisionRecord.Verdict.BLOCK.value,
        "side": None,
        "reason": reason,
        "confidence": None,
        "threshold": None,
        "policy_key": policy_key,
        "policy_version": None,
        "decision_id": None,
    }


def _verdict(result: Stored[DecisionRecord] | DomainError, policy_key: str) -> dict[str, Any]:
    if isinstance(result, DomainError):
        return _block(ANSWERED_OTHERWISE if isinstance(result, Conflict) else result.code, policy_key)
    record = result.record
    threshold = get_definition(policy_key).field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    return {
        "verdict": record.gate_verdict,
        "side": SIDES.get(record.confidence_kind),
        "reason": record.gate_reason,
        "confidence": None if record.llm_confidence is None else float(record.llm_confidence),
        "threshold": record.thresholds.get(threshold.name) if threshold else None,
        "policy_key": record.policy_key,
        "policy_version": record.policy_version,
        "decision_id": str(record.decision_id),
    }


def mark(
    said: dict[str, Any], answers: Mapping[Place, Any], verdicts: Mapping[Place, Verdict], *, withholds: bool
) -> dict[str, Any]:
    """Return the reply with the verdict in each answer; what a server sends under that name is overwritten.

    An answer that is no object has no place for a verdict, so nothing says that it is allowed.
    """
    for place, verdict in verdicts.items():
        answer = answers[place]
        if withholds and verdict["verdict"] != DecisionRecord.Verdict.ALLOW:
            named = isinstance(answer, Mapping) and "name" in answer
            answer = {"type": "refusal", **({"name": answer["name"]} if named else {})}
            said["answers"][place] = answer
        if isinstance(answer, dict):
            answer[EXTENSION] = verdict
    return said
