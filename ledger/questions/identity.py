"""What tells a question of a decision model from every other one, without keeping a word of it.

Two texts are the same where Unicode's normal form C makes them so.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from governance.vocabulary import is_visible

_DIGITS = 32

_DIGEST = re.compile(rf"q:[0-9a-f]{{{_DIGITS}}}")


def is_same_text(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


def task_of(name: str) -> str:
    """Return what the ledger calls the question of this id: the id itself where it is a name, else a digest of it.

    An id may be any text, such as the whole question, in which people may be named. One that looks like a digest has a
    digest of its own, so that no two ids have one task. Of a question without an id: the digest of the empty text.
    """
    if is_visible(name) and not _DIGEST.fullmatch(name):
        return name
    return f"q:{_sha256(name)[:_DIGITS]}"


def options_of_choice(labels: Collection[str | bool]) -> str:
    """Return number and digest of a set of options, in whatever order they come: `3:` and hex digits."""
    return f"{len(labels)}:{_digest(sorted(json.dumps(label) for label in labels))}"


def options_of_score(levels: int, labels: Sequence[Any] = ()) -> str:
    """Return number and digest of the levels of a scale; the number alone where nothing says what they are."""
    return f"{levels}:{_digest(list(labels))}" if labels else f"{levels}"


def wording_of(question: Mapping[str, Any]) -> str:
    """Return the SHA-256 (64 hex digits) of everything that a request says of a question but its name."""
    return _sha256(_canonical({key: value for key, value in question.items() if key != "name"}))


def _digest(value: Any) -> str:
    return _sha256(_canonical(value))[:_DIGITS]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sha256(text: str) -> str:
    # Lone surrogates are no UTF-8, and yet such an id is another than every other.
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")).hexdigest()
