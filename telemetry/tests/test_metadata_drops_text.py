"""No free text survives `sanitize_metadata`, however it is nested, encoded or disguised."""

from __future__ import annotations

import base64
import copy
import json
import re
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.metadata import STANDARD_SCHEMA, sanitize_metadata

WORD = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=4, max_size=12)
SENTENCE = st.lists(WORD, min_size=3, max_size=60).map(" ".join)
NAME = re.compile(r"[a-z0-9._:/-]{1,64}")

ENCODINGS = [
    str,
    str.upper,
    lambda text: text[::-1],
    lambda text: text.replace(" ", "\u200b"),
    lambda text: text.replace(" ", "\n"),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b32encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: quote(text),
    lambda text: json.dumps({"text": text}),
    lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    lambda text: text.encode("utf-16").decode("latin-1"),
    # As names are written, which is how text gets past a rule that asks for the form of a name.
    lambda text: text.replace(" ", "_")[:64].rstrip("_"),
    lambda text: text.replace(" ", ".")[:64].rstrip("."),
    lambda text: text.replace(" ", "-")[:24].rstrip("-"),
    lambda text: text.split(" ")[0],
    lambda text: "".join(text.split(" "))[:24],
    lambda text: text.encode().hex()[:64],
    lambda text: base64.b32encode(text.encode()).decode().lower().rstrip("="),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: "auto_send.evaluate" + "".join("\u200b" if ord(letter) % 2 else "\u200c" for letter in text),
    lambda text: "auto_send.evaluate." + text.split(" ")[0],
    lambda text: f"auto_send.evaluate\n{text}",
    lambda text: text.replace("a", "а").replace("e", "е"),  # Cyrillic
]
DISGUISES = [
    lambda text: text,
    lambda text: [text],
    lambda text: list(text),
    lambda text: {text: 1},
    lambda text: {text: {"tokens": 1}},
    lambda text: {"tokens": text, "profile": text, "confidence": text, "decision": text},
    lambda text: {"sections": {"lead": {"tokens": text}, text: {"budget": 1}}},
    lambda text: text.encode(),
    lambda text: [ord(letter) for letter in text],
    lambda text: int.from_bytes(text.encode(), "big"),
    lambda text: float(int.from_bytes(text.encode()[:100], "big")),
]


def leaves(value):
    if isinstance(value, dict):
        for below in value.values():
            yield from leaves(below)
    else:
        yield value


def keys(value):
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from keys(below)


def places(schema, path=()):
    """Every place of the schema, inner and leaf."""
    for name, rule in schema.items():
        yield (*path, name)
        if isinstance(rule, dict):
            yield from places(rule, (*path, name))


DECLARED_KEYS = {place[-1] for place in places(STANDARD_SCHEMA)}


def planted(path, value):
    for name in reversed(path):
        value = {name: value}
    return value


@settings(deadline=None)
@given(
    text=SENTENCE,
    path=st.sampled_from([(), *places(STANDARD_SCHEMA)]),
    encode=st.sampled_from(ENCODINGS),
    disguise=st.sampled_from(DISGUISES),
)
def test_sanitize__text_planted_anywhere__nothing_of_it_survives(text, path, encode, disguise):
    hidden = encode(text)

    result = sanitize_metadata(planted(path, disguise(hidden)))

    assert [leaf for leaf in leaves(result.clean) if isinstance(leaf, str | float)] == []
    assert set(keys(result.clean)) <= DECLARED_KEYS
    # A short word may be one of JSON or a reason.
    assert len(hidden) < 20 or hidden not in json.dumps([result.clean, result.removed], ensure_ascii=False)


NUMBERS = st.integers() | st.floats() | st.booleans() | st.none()
ANYTHING = st.recursive(
    NUMBERS | st.text() | st.binary() | st.dates(),
    lambda below: (
        st.lists(below, max_size=5)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(sorted(DECLARED_KEYS)), below, max_size=8)
    ),
    max_leaves=60,
)


@settings(deadline=None)
@given(raw=st.dictionaries(st.sampled_from(sorted(STANDARD_SCHEMA)), ANYTHING))
def test_sanitize__anything_at_all__small_json_of_declared_keys_and_no_more_the_second_time(raw):
    before = repr(copy.deepcopy(raw))

    result = sanitize_metadata(raw)

    assert repr(raw) == before
    written = json.dumps(result.clean, allow_nan=False)
    assert len(written) < 2_000
    assert set(keys(result.clean)) <= DECLARED_KEYS
    for leaf in leaves(result.clean):
        assert leaf is None or type(leaf) in (bool, int, float) or NAME.fullmatch(leaf)
        assert not isinstance(leaf, int) or 0 <= leaf <= 10**9
    again = sanitize_metadata(json.loads(written))
    assert (again.clean, again.removed) == (result.clean, {})
