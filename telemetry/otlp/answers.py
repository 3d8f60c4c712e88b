"""The reply of a decision model, reduced to its numbers: what it was asked and what it said is discarded here.

Two forms exist. OpenAI Decisions: `{"model": …, "answers": [{"type": "predicate", "name": …, "probability": …}, …]}`.
System One: `{"model": …, "answers": {"<question>": {"type": "noul", "noul": …}, …}}`. The reduced reply has the same
form; names of questions stay where they are identifiers, and the options of a choice become "0", "1", ….

Some send the answers alone, and answers without a probability: true, a word, `{"uncertain": true}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from governance.vocabulary import DeclaredNames, NameKind, identifier_or_blank, name_or_blank

MOST_ANSWERS = 1_000

_NUMBERS = ("probability", "noul", "confidence", "score")
_NO_OPTION = "none"
_REFUSAL = "refusal"


def reduced_reply(text: str, declared: DeclaredNames | None = None) -> dict[str, Any] | None:
    """Return the numbers of a reply in its own form; None when it has none of the two forms."""
    document = _parsed(text)
    if not isinstance(document, dict):
        return None
    return _reply(document.get("answers"), name_or_blank(NameKind.MODEL, document.get("model"), declared))


def reduced_answers(text: str, model: str) -> dict[str, Any] | None:
    """Return answers that came without their reply as the reply of `model`; None when they have none of the forms."""
    return _reply(_parsed(text), model)


def holds_a_number(reply: Mapping[str, Any]) -> bool:
    """True when one of the answers comes with a probability or a confidence."""
    return any(each.keys() & {*_NUMBERS, "probabilities"} for each in _answers_in(reply))


def holds_a_refusal(reply: Mapping[str, Any]) -> bool:
    """True when the model declined one of the questions."""
    return any(each.get("type") == _REFUSAL for each in _answers_in(reply))


def _answers_in(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    answers = reply["answers"]
    return list(answers.values()) if isinstance(answers, dict) else answers


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _reply(answers: Any, model: str) -> dict[str, Any] | None:
    if not isinstance(answers, list | dict) or len(answers) > MOST_ANSWERS:
        return None
    if isinstance(answers, list):
        named = [{**_reduced(answer), **_name(answer)} for answer in answers]
        return {"model": model, "answers": named}
    questions = {_question(name, place): _reduced(answer) for place, (name, answer) in enumerate(answers.items())}
    return {"model": model, "answers": questions}


def _name(answer: Any) -> dict[str, str]:
    name = identifier_or_blank(answer.get("name")) if isinstance(answer, Mapping) else ""
    return {"name": name} if name else {}


def _question(name: str, place: int) -> str:
    return identifier_or_blank(name) or f"question:{place}"


def _reduced(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, Mapping):
        return {}
    if answer.get("uncertain") is True:
        return {"type": _REFUSAL}
    kept: dict[str, Any] = {"type": identifier_or_blank(answer.get("type"))}
    kept |= {name: answer[name] for name in _NUMBERS if _is_number(answer.get(name))}
    if "choice" in answer:
        kept |= _reduced_choice(answer)
    return kept


def _reduced_choice(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return which of the options was chosen, and the probabilities, without their labels."""
    given = answer.get("probabilities")
    chosen = _typed(answer["choice"])
    if isinstance(given, Mapping):
        labels = [_typed(label) for label in given]
        numbers: list[Any] = list(given.values())
    else:
        options = [option for option in given if isinstance(option, Mapping)] if isinstance(given, list) else []
        labels = [_typed(option.get("value")) for option in options]
        numbers = [option.get("probability") for option in options]
    numbers = [number if _is_number(number) else None for number in numbers]
    choice = str(labels.index(chosen)) if chosen in labels else _NO_OPTION
    if isinstance(given, Mapping):
        return {"choice": choice, "probabilities": {str(place): number for place, number in enumerate(numbers)}}
    rows = [{"value": str(place), "probability": number} for place, number in enumerate(numbers)]
    return {"choice": choice, "probabilities": rows}


def _typed(label: Any) -> tuple[type, Any]:
    # The string "true" and the boolean are two options.
    return type(label), label


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
