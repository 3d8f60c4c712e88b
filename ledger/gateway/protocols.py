"""The three protocols at their edges: questions of a request, answers of a reply, keys, errors in each one's form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from ledger.models import ModelServer

Dialect = ModelServer.Dialect

GOOGLE_KEY = "x-goog-api-key"

Place = int | str
"""Where a question and its answer stand: in a list, or under a name."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was asked. `name` is blank for one that has none; `asked` is the rest of it, never stored."""

    place: Place
    name: str
    asked: Mapping[str, Any]


def dialect_of(path: str, headers: Mapping[str, str], body: object = None) -> Dialect:
    """Return which protocol a request speaks: by its path, its key header, and the form of its questions."""
    if path.rstrip("/").endswith("/systemone"):
        return Dialect.SYSTEM_ONE
    by_name = isinstance(body, Mapping) and isinstance(body.get("questions"), Mapping)
    return Dialect.GOOGLE if by_name or GOOGLE_KEY in headers else Dialect.OPENAI


def questions_of(dialect: Dialect, body: object) -> list[Question]:
    """Return the questions of a request, in order.

    Raises
    ------
    InvalidInput
        The body is no object, or its questions are not in the form of the protocol.
    """
    if not isinstance(body, Mapping):
        _refuse("", "is a JSON object")
    questions = body.get("questions")
    if dialect is Dialect.OPENAI:
        if not isinstance(questions, list):
            _refuse("/questions", "is a list of questions")
        places: list[tuple[Place, Any]] = list(enumerate(questions))
    else:
        if not isinstance(questions, Mapping):
            _refuse("/questions", "is an object of questions by name")
        places = list(questions.items())
    for place, asked in places:
        if not isinstance(asked, Mapping):
            _refuse(f"/questions/{place}" if isinstance(place, int) else "/questions", "holds objects")
    return [Question(place, _name_of(place, asked), asked) for place, asked in places]


def _name_of(place: Place, asked: Mapping[str, Any]) -> str:
    name = asked.get("name") if isinstance(place, int) else place
    return name if isinstance(name, str) else ""


def _refuse(pointer: str, rule: str) -> NoReturn:
    raise InvalidInput(f"{pointer or 'The body'} {rule}.", [FieldProblem(pointer, "type", rule)])


def answers_of(dialect: Dialect, reply: Mapping[str, Any]) -> dict[Place, Any]:
    """Return the answers of a reply by their place; none where they are not in the form of the protocol."""
    answers = reply.get("answers")
    if dialect is Dialect.OPENAI:
        return dict(enumerate(answers)) if isinstance(answers, list) else {}
    return dict(answers) if isinstance(answers, Mapping) else {}


def place_of_answer(question: Question, questions: Sequence[Question], answers: Mapping[Place, Any]) -> Place | None:
    """Return where the answer to a question stands, None when there is none.

    In a list the names rule, where there are any; without a name it is the order, while there are as many answers as
    questions.
    """
    if not isinstance(question.place, int):
        return question.place if question.place in answers else None
    if question.name:
        named = [place for place, answer in answers.items() if _answers_to(answer, question.name)]
        alike = [other.place for other in questions if other.name == question.name]
        if len(named) == len(alike):
            return named[alike.index(question.place)]
        return None
    answer = answers.get(question.place)
    unnamed = isinstance(answer, Mapping) and answer.get("name") is None
    return question.place if unnamed and len(answers) == len(questions) else None


def _answers_to(answer: object, name: str) -> bool:
    return isinstance(answer, Mapping) and answer.get("name") == name


def only(dialect: Dialect, reply: Mapping[str, Any], answers: Mapping[Place, Any]) -> dict[str, Any]:
    """Return `reply` with these answers alone, or with none: what a policy that names no question reads."""
    kept_answers = list(answers.values()) if dialect is Dialect.OPENAI else {str(at): answers[at] for at in answers}
    # Usage and what else a server adds differ from one time to the next, and are no part of the answer.
    kept = {name: reply[name] for name in ("model", "prompt_feedback") if name in reply}
    return {**kept, "answers": kept_answers}


def key_headers(dialect: Dialect, key: str) -> dict[str, str]:
    """Return the header by which a model's server of this protocol takes its key."""
    if not key:
        return {}
    return {GOOGLE_KEY: key} if dialect is Dialect.GOOGLE else {"authorization": f"Bearer {key}"}


_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def error_body(
    dialect: Dialect, status: int, code: str, message: str, problems: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return an error as the SDKs of this protocol read it. `problems` are those of a problem JSON."""
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    body: dict[str, Any]
    if dialect is Dialect.GOOGLE:
        body = {"error": {"code": status, "message": message, "status": _GOOGLE_STATUS.get(status, "INTERNAL")}}
    elif dialect is Dialect.OPENAI:
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    elif problems:
        body = {
            "detail": [
                {
                    "loc": ["body", *filter(None, str(each.get("pointer") or "").split("/"))],
                    "msg": each["detail"],
                    "type": each["code"],
                }
                for each in problems
            ]
        }
    else:
        body = {"detail": {"error_type": kind, "message": message}}
    return json.dumps(body)
