"""The verdict on each answer of a reply: decided by the policy bound to its question, recorded, and put beside it.

Questions that one policy takes together are one decision, and each of their answers gets its verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confidence_project.foundation.errors import Conflict, DomainError, UnknownPolicyKey
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
    verdicts |= {place: _block(NOT_BOUND) for _, place in pairs if place is not None}
    judged, declared = _judged_as_one(pairs, bound), WorkspaceNames(asked.workspace)
    submissions = []
    for one in judged:
        response = only(asked.dialect, said, {place: answers[place] for _, place in one.pairs if place is not None})
        submissions.append(_submission(asked, one, response, declared))
    results = decide_many(workspace=asked.workspace, submissions=submissions) if submissions else []
    for one, result in zip(judged, results, strict=True):
        verdicts |= {place: _verdict(result, one.policy_key) for _, place in one.pairs if place is not None}
    return verdicts


@dataclass(frozen=True, slots=True)
class _JudgedAsOne:
    """One decision: a question, or those that its policy takes together. `number` is the place of the first."""

    number: int
    policy_key: str
    pairs: list[tuple[Question, Place | None]]


def _judged_as_one(pairs: Sequence[tuple[Question, Place | None]], bound: Mapping[str, str]) -> list[_JudgedAsOne]:
    judged: dict[int | str, _JudgedAsOne] = {}
    for number, (question, place) in enumerate(pairs):
        policy_key = bound.get(question.name, bound.get(""))
        if policy_key is not None:
            one = judged.setdefault(
                policy_key if _takes_several(policy_key) else number, _JudgedAsOne(number, policy_key, [])
            )
            one.pairs.append((question, place))
    return list(judged.values())


def _takes_several(policy_key: str) -> bool:
    try:
        rule = get_definition(policy_key).answer
    except UnknownPolicyKey:
        return False
    return rule is not None and bool(rule.questions)


def _submission(
    asked: Asked, one: _JudgedAsOne, response: Mapping[str, Any], declared: WorkspaceNames
) -> Submission[DecisionEnvelope]:
    questions = [question for question, _ in one.pairs]
    is_list, name = isinstance(questions[0].place, int), questions[0].name
    said_of = {each.place: each.asked for each in questions}
    envelope = {
        "external_id": f"{asked.identity}-{one.number}",
        "policy_key": one.policy_key,
        "case_key": asked.case_key or None,
        # Of a question without an answer, too, it is known which one it was.
        "task": task_of(name) if name else None,
        "answer": {
            "dialect": asked.dialect.value,
            "provider": asked.provider,
            "model": (asked.model and name_or_blank(NameKind.MODEL, asked.model, declared)) or None,
            "questions": list(said_of.values()) if is_list else said_of,
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
