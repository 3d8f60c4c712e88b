"""What a request says of a question, in digests: the wording, and the options where the reply leaves them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.questions.identity import is_same_text, options_of_choice, options_of_score, wording_of


class Asked(NamedTuple):
    """See `identity` for both; blank where the request says nothing of them."""

    options: str = ""
    wording: str = ""


def asked_of(questions: Mapping[str, Any] | Sequence[Any] | None, name: str, place: int | str) -> Asked:
    """Return what a request says of the question that has this id, or this place in a list where it has none."""
    found = [
        question
        for its_name, its_place, question in _placed(questions)
        if (is_same_text(its_name, name) if name else its_place == place)
    ]
    return Asked(_options_of(found[0]), wording_of(found[0])) if len(found) == 1 else Asked()


def _placed(questions: Mapping[str, Any] | Sequence[Any] | None) -> Iterator[tuple[str, int | str, Mapping[str, Any]]]:
    named = questions.items() if isinstance(questions, Mapping) else enumerate(questions or ())
    for place, question in named:
        if isinstance(question, Mapping):
            name = place if isinstance(place, str) else question.get("name")
            yield name if isinstance(name, str) else "", place, question


def _options_of(question: Mapping[str, Any]) -> str:
    criteria = question.get("criteria")
    choices, levels = question.get("choices"), question.get("levels", criteria)
    if isinstance(choices, list):
        values = [each.get("value") for each in choices if isinstance(each, Mapping)]
        return options_of_choice([value for value in values if isinstance(value, str | bool)])
    if question.get("type") == "choice" and isinstance(criteria, Mapping):
        return options_of_choice(list(criteria))
    if question.get("type") == "score" and isinstance(levels, list):
        return options_of_score(len(levels), [each["label"] if _has_label(each) else each for each in levels])
    return ""


def _has_label(level: object) -> bool:
    return isinstance(level, Mapping) and "label" in level
