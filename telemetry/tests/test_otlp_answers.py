"""A decision model's reply is reduced to its numbers before anything else sees it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.otlp.answers import reduced_reply

SECRET = "marked-secret 4711 of Ann Example"


def test_reduce__the_openai_form__numbers_types_and_names_stay():
    reply = {
        "id": SECRET,
        "model": "luna-1",
        "answers": [
            {"type": "predicate", "name": "is_refund", "probability": 0.93, "explanation": SECRET},
            {
                "type": "choice",
                "name": "department",
                "choice": SECRET,
                "confidence": 0.8,
                "probabilities": [{"value": "sales", "probability": 0.2}, {"value": SECRET, "probability": 0.8}],
            },
            {"type": "score", "score": 3.5, "confidence": 0.7, "probabilities": [{"label": SECRET}]},
            {"type": "refusal", "name": SECRET},
        ],
        "usage": {"input_tokens": 10},
    }

    assert reduced_reply(json.dumps(reply)) == {
        "model": "luna-1",
        "answers": [
            {"type": "predicate", "name": "is_refund", "probability": 0.93},
            {
                "type": "choice",
                "name": "department",
                "choice": "1",
                "confidence": 0.8,
                "probabilities": [{"value": "0", "probability": 0.2}, {"value": "1", "probability": 0.8}],
            },
            {"type": "score", "score": 3.5, "confidence": 0.7},
            {"type": "refusal"},
        ],
    }


def test_reduce__the_system_one_form__numbers_types_and_names_stay():
    reply = {
        "model": "jev-1.13.0",
        "answers": {
            "is_refund": {"type": "noul", "noul": 0.02},
            SECRET: {"type": "choice", "choice": SECRET, "confidence": 0.6, "probabilities": {"a b": 0.4, SECRET: 0.6}},
        },
    }

    assert reduced_reply(json.dumps(reply)) == {
        "model": "jev-1.13.0",
        "answers": {
            "is_refund": {"type": "noul", "noul": 0.02},
            "question:1": {"type": "choice", "choice": "1", "confidence": 0.6, "probabilities": {"0": 0.4, "1": 0.6}},
        },
    }


@pytest.mark.parametrize("choice, place", [(True, "1"), ("true", "0"), ("yes", "none"), (1, "none"), (None, "none")])
def test_reduce__options_that_are_alike__told_apart_by_their_type(choice, place):
    options = [{"value": "true", "probability": 0.4}, {"value": True, "probability": 0.6}]
    answer = {"type": "choice", "choice": choice, "confidence": 0.6, "probabilities": options}

    reduced = reduced_reply(json.dumps({"model": "m", "answers": [answer]}))

    assert reduced["answers"][0]["choice"] == place


@pytest.mark.parametrize(
    "text", ["", "yes", "[]", "7", '{"answers": "yes"}', "{}", "[" * 100_000, '{"answers": ' + "[1," * 1001]
)
def test_reduce__something_else__none(text):
    assert reduced_reply(text) is None


def test_reduce__endlessly_many_answers__none():
    assert reduced_reply(json.dumps({"model": "m", "answers": [{"type": "refusal"}] * 1001})) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.just(SECRET) | st.text(),
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "name", "choice", "probabilities", "value", "probability", "confidence", SECRET]),
            below,
            max_size=6,
        )
    ),
    max_leaves=40,
)


@settings(deadline=None)
@given(answers=st.lists(ANYTHING, max_size=4) | st.dictionaries(st.text() | st.just(SECRET), ANYTHING, max_size=4))
def test_reduce__whatever_is_in_the_answers__no_text_comes_out(answers):
    reduced = reduced_reply(json.dumps({"model": SECRET, "answers": answers}))

    assert reduced is not None
    assert " " not in json.dumps(reduced, separators=(",", ":"))
