"""A host's own policy keys from a TOML file, without Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.answer_rules import PredicateReading

GOOD = """
[policies."claims.auto_pay"]
title = "Claims"
description = "Pays a claim without a person."
actions = { pay = { amount = "number" } }

[policies."claims.auto_pay".fields.pay_threshold]
kind = "confidence_threshold"
default = 0.95
minimum = 0.5
max_step = 0.05
"""


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "policies.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_file__good__registers_the_key_with_its_bounds(registry, write):
    definitions.load_definitions_file(write(GOOD))
    definition = definitions.get_definition("claims.auto_pay")
    field = definition.field("pay_threshold")
    assert (field.default, field.minimum, field.maximum, field.max_step) == (0.95, 0.5, 1.0, 0.05)
    assert definition.actions == {"pay": {"amount": "number"}}
    assert definition.gates_decisions


def test_file__read_twice__fine(registry, write):
    path = write(GOOD)
    definitions.load_definitions_file(path)
    definitions.load_definitions_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "",
        "policies = 5",
        GOOD.replace('title = "Claims"', ""),
        GOOD.replace("confidence_threshold", "colour"),
        GOOD.replace("0.95", "0.3"),
        GOOD.replace("0.95", "nan"),
        GOOD.replace("default = 0.95", 'default = "0.95"'),
        GOOD.replace("minimum", "least"),
        GOOD.partition('[policies."claims.auto_pay".fields')[0] + "fields = {}",
        GOOD.replace("claims.auto_pay", "decision_gate"),
        GOOD.replace('amount = "number"', 'amount = "identifier"'),
        GOOD.replace('amount = "number"', "amount = [1, 2]"),
        GOOD.replace('amount = "number"', "amount = { least = 1 }"),
        GOOD.replace('{ amount = "number" }', '"number"'),
    ],
)
def test_file__bad__refused_with_a_reason(registry, write, text):
    with pytest.raises(InvalidInput):
        definitions.load_definitions_file(write(text))


def test_file__missing__refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"absent\.toml cannot be read"):
        definitions.load_definitions_file(tmp_path / "absent.toml")


def test_setting__names_the_file__keys_are_there_when_django_is_up(write):
    root = Path(definitions.__file__).resolve().parent.parent
    code = (
        "import django; django.setup(); from governance.definitions import get_definition;"
        "print(get_definition('claims.auto_pay').title)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={
            **os.environ,
            "CONFIDENCE_DEV": "1",
            "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
            "CONFIDENCE_DEFINITIONS_FILE": str(write(GOOD)),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout.strip() == "Claims", run.stderr


def test_file__answer_rule__is_read(registry, write):
    rule = '[policies."claims.auto_pay".answer]\nquestion = "is_covered"\nconfidence = "max"\n'
    definitions.load_definitions_file(write(f"{GOOD}\n{rule}"))
    answer = definitions.get_definition("claims.auto_pay").answer
    assert (answer.question, answer.confidence) == ("is_covered", PredicateReading.MAX)


def test_file__policy_that_asks_about_both_sides__is_read(registry, write):
    rule = '[policies."claims.auto_pay".answer]\nconfidence = "sides"\n'
    text = GOOD.replace("title =", "asks = true\ntitle =")
    definitions.load_definitions_file(write(f"{text}\n{rule}"))
    definition = definitions.get_definition("claims.auto_pay")
    assert definition.asks
    assert definition.answer.confidence is PredicateReading.SIDES


def test_file__answer_rule_that_reads_a_predicate_otherwise__is_refused(registry, write):
    rule = '[policies."claims.auto_pay".answer]\nquestion = "is_covered"\nconfidence = "min"\n'
    with pytest.raises(InvalidInput, match="min"):
        definitions.load_definitions_file(write(f"{GOOD}\n{rule}"))
