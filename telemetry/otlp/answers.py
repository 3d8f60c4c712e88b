"""The reply of a decision model on a span, as far as it has to be known before it is judged.

Some send the answers alone, and answers without a probability: true, a word, `{"uncertain": true}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MOST_ANSWERS = 1_000

_NUMBERS = frozenset({"probability", "noul", "confidence", "score", "probabilities"})
_DECLINES = ("uncertain", "abstain", "abstained", "unknown")


def read_reply(text: str, *, answers_alone: bool = False) -> dict[str, Any] | None:
    """Return a reply in JSON; None when it is none, or holds more answers than any request asks questions."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    reply = {"answers": document} if answers_alone else document
    if not isinstance(reply, dict):
        return None
    answers = reply.get("answers", {})
    return reply if isinstance(answers, list | dict) and len(answers) <= MOST_ANSWERS else None


def holds_a_number(reply: Mapping[str, Any]) -> bool:
    """True when one of the answers comes with a probability or a confidence."""
    return any(each.keys() & _NUMBERS for each in _answers_in(reply))


def declines(reply: Mapping[str, Any]) -> bool:
    """True when the model declined one of the questions, or abstained from it."""
    answers = _answers_in(reply)
    return any(each.get("type") == "refusal" or any(each.get(name) is True for name in _DECLINES) for each in answers)


def _answers_in(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    answers = reply.get("answers", {})
    return [each for each in (answers.values() if isinstance(answers, dict) else answers) if isinstance(each, Mapping)]
