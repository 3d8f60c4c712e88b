"""`sanitize_metadata` keeps the declared statistics, and counts what it removes by reason."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from enum import Enum

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from telemetry.metadata import sanitize_metadata

BUNDLE = {
    "profile": "auto_send.evaluate",
    "tokenBudget": 4000,
    "totalTokens": 3120,
    "truncated": True,
    "sections": {
        "knowledge": {"tokens": 1500, "budget": 1500, "truncated": True},
        "memory": {"tokens": 620, "budget": 1000, "truncated": False},
        "history": {"tokens": 900, "budget": None, "truncated": False},
        "lead": {"tokens": 100},
    },
}
PARSE = {
    "confidence": 0.93,
    "proposedTimesCount": 2,
    "needsTimezoneClarification": False,
    "matchedAvailability": True,
}
GATE = {"decision": "needs_clarification", "confidence": 1, "issuesCount": 0}


def test_sanitize__the_declared_statistics__all_kept():
    raw = {"leadContextBundle": BUNDLE, "followupParse": PARSE, "bookingGate": GATE}
    before = copy.deepcopy(raw)

    result = sanitize_metadata(raw)

    assert result.clean == raw
    assert result.clean is not raw
    assert result.removed == {}
    assert raw == before


@pytest.mark.parametrize("raw", [None, {}, {"leadContextBundle": {}}, {"leadContextBundle": {"sections": {}}}])
def test_sanitize__nothing_to_keep__none_and_nothing_counted(raw):
    assert (sanitize_metadata(raw).clean, sanitize_metadata(raw).removed) == (None, {})


@pytest.mark.parametrize("raw", ["Dear Ann", ["Dear Ann"], 7, True, b"bytes", {1, 2}])
def test_sanitize__not_an_object__removed_whole(raw):
    result = sanitize_metadata(raw)

    assert result.clean is None
    assert result.removed == {"wrong_type": 1}


@pytest.mark.parametrize(
    "entry, reason",
    [
        ({"profile": "Dear Ann, I would like a refund"}, "text"),
        ({"profile": "dear_ann_i_would_like_a_refund"}, "text"),
        ({"profile": "dear.ann.i.would.like.a.refund"}, "text"),
        ({"profile": "ann@example.com"}, "text"),
        ({"profile": "sk-proj-9f8A7b6C5d4E3f2A1b"}, "text"),
        ({"profile": "+49-30-1234567"}, "text"),
        ({"profile": "auto_send"}, "text"),
        ({"profile": "ms_smith_has_measles"}, "text"),
        ({"profile": "measles"}, "text"),
        ({"profile": "AUTO_SEND.EVALUATE"}, "text"),
        ({"profile": "auto_send.evaluate\u200b"}, "text"),
        ({"profile": "auto_send.evaluat\u0435"}, "text"),
        ({"profile": "a" * 65}, "text"),
        ({"profile": "a" * 201}, "too_long"),
        ({"profile": "name\n"}, "text"),
        ({"profile": "nаme"}, "text"),  # a Cyrillic а
        ({"profile": ""}, "text"),
        ({"profile": 5}, "wrong_type"),
        ({"tokenBudget": "4000"}, "text"),
        ({"tokenBudget": 4000.0}, "wrong_type"),
        ({"tokenBudget": True}, "wrong_type"),
        ({"tokenBudget": -1}, "out_of_range"),
        ({"tokenBudget": 10**400}, "out_of_range"),
        ({"truncated": 1}, "wrong_type"),
        ({"truncated": "yes"}, "text"),
        ({"sections": ["knowledge"]}, "wrong_type"),
        ({"sections": {"knowledge": "what we know"}}, "text"),
        ({"sections": {"notes": {"tokens": 5}}}, "unknown_key"),
        ({"excerpt": "what we know"}, "unknown_key"),
    ],
)
def test_sanitize__an_entry_that_does_not_fit__removed_and_counted_once(entry, reason):
    result = sanitize_metadata({"leadContextBundle": {**BUNDLE, **entry}})

    (name,) = entry
    kept = (result.clean or {})["leadContextBundle"]
    assert result.removed == {reason: 1}
    assert kept == {key: value for key, value in BUNDLE.items() if key != name}


@pytest.mark.parametrize(
    "confidence, reason",
    [
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (-float("inf"), "not_finite"),
        (1.2, "out_of_range"),
        (-0.01, "out_of_range"),
        ("0.9", "text"),
    ],
)
def test_sanitize__a_confidence_that_is_none__removed(confidence, reason):
    result = sanitize_metadata({"followupParse": {**PARSE, "confidence": confidence}})

    assert "confidence" not in (result.clean or {})["followupParse"]
    assert result.removed == {reason: 1}


def test_sanitize__a_long_fraction__kept_to_four_decimals():
    result = sanitize_metadata({"bookingGate": {"confidence": 0.123456789}, "followupParse": {"confidence": -0.0}})

    assert result.clean == {"bookingGate": {"confidence": 0.1235}, "followupParse": {"confidence": 0.0}}
    assert json.dumps(result.clean["followupParse"]) == '{"confidence": 0.0}'


def test_sanitize__a_decision_outside_the_vocabulary__removed():
    assert sanitize_metadata({"bookingGate": {**GATE, "decision": "maybe"}}).removed == {"text": 1}


def test_sanitize__several_unknown_keys__each_counted():
    result = sanitize_metadata({"body": "Dear Ann", "prompt": {"a": 1}, 7: None, "followupParse": PARSE})

    assert result.clean == {"followupParse": PARSE}
    assert result.removed == {"unknown_key": 3}


def test_sanitize__an_endless_structure__ends():
    endless: dict[str, object] = {"decision": "deny"}
    endless["bookingGate"] = endless

    assert sanitize_metadata(endless).clean == {"bookingGate": {"decision": "deny"}}


def test_sanitize__a_mapping_that_invents_keys__nothing_invented():
    raw = defaultdict(lambda: {"decision": "deny"})

    assert sanitize_metadata(raw).clean is None
    assert not raw


def test_sanitize__an_enumeration_that_is_text__its_value_is_kept():
    class Decision(str, Enum):  # noqa: UP042 (its str() is not its value, which is the point)
        DENY = "deny"

    kept = sanitize_metadata({"bookingGate": {"decision": Decision.DENY}}).clean

    assert json.dumps(kept) == '{"bookingGate": {"decision": "deny"}}'
    assert type(kept["bookingGate"]["decision"]) is str


@pytest.mark.parametrize("known", ["auto_send.evaluate", "followup.booking.gate.v1", "decision_gate"])
def test_sanitize__a_name_that_the_installation_knows__kept(known):
    assert sanitize_metadata({"leadContextBundle": {"profile": known}}).clean == {
        "leadContextBundle": {"profile": known}
    }


class TestHostSchema:
    def test_sanitize__a_name_of_the_host__kept(self, settings):
        raw = {"leadContextBundle": {"profile": "reengage.short"}}
        assert sanitize_metadata(raw).clean is None

        settings.CONFIDENCE_METADATA_NAMES = ["reengage.short"]

        assert sanitize_metadata(raw).clean == raw

    @pytest.mark.parametrize("name", ["two words", "", "a" * 65, "né"])
    def test_check__a_name_that_is_none__refused(self, settings, name):
        settings.CONFIDENCE_METADATA_NAMES = ["sound", name]

        with pytest.raises(SystemCheckError, match="CONFIDENCE_METADATA_NAMES: a name has"):
            call_command("check")

    def test_sanitize__an_entry_of_the_host__kept_by_its_rules(self, settings):
        settings.CONFIDENCE_METADATA_SCHEMA = {
            "toolUse": {"calls": "count", "ratio": "number", "result": ["done", "gave_up"]}
        }

        result = sanitize_metadata({"toolUse": {"calls": 3, "ratio": -1.23456, "result": "done", "note": "hello"}})

        assert result.clean == {"toolUse": {"calls": 3, "ratio": -1.2346, "result": "done"}}
        assert result.removed == {"unknown_key": 1}

    @pytest.mark.parametrize(
        "schema, complaint",
        [
            ({"bookingGate": "count"}, "standard entry"),
            ({"toolUse": "text"}, "toolUse: use one of"),
            ({"toolUse": {"result": ["gave up"]}}, "toolUse.result: use one of"),
            ({"toolUse": {"result": []}}, "toolUse.result: use one of"),
            ({"tool use": "count"}, "a key is not a name"),
            ({"a": {"b": {"c": {"d": {"e": {"f": {"g": "count"}}}}}}}, "at most 6 deep"),
            ({f"n{number}": "count" for number in range(201)}, "more than 200"),
            (["toolUse"], "must be an object"),
        ],
    )
    def test_check__a_schema_that_cannot_be_used__named(self, settings, schema, complaint):
        settings.CONFIDENCE_METADATA_SCHEMA = schema

        with pytest.raises(SystemCheckError, match=complaint) as failure:
            call_command("check")

        assert "telemetry.E001" in str(failure.value)
