"""A host's own policy keys from a TOML file, without Python."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.answer_rules import Combination, PredicateReading
from governance.declared import load_definitions_file

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
    load_definitions_file(write(GOOD))
    definition = definitions.get_definition("claims.auto_pay")
    field = definition.field("pay_threshold")
    assert (field.default, field.minimum, field.maximum, field.max_step) == (0.95, 0.5, 1.0, 0.05)
    assert definition.actions == {"pay": {"amount": "number"}}
    assert definition.gates_decisions


def test_file__read_twice__fine(registry, write):
    path = write(GOOD)
    load_definitions_file(path)
    load_definitions_file(path)


ANSWER = '\n[policies."claims.auto_pay".answer]\n'
HEAD = GOOD.partition('[policies."claims.auto_pay".fields')[0]
OF = 'Policy "claims.auto_pay": '


@pytest.mark.parametrize(
    "text, told",
    [
        ("not toml", "This is not TOML: .* line 1, column 5"),
        (GOOD.replace("= 0.95", "="), "This is not TOML: .* line 9"),
        ("", r'\[policies."my.key"\]'),
        ("policies = 5", r'\[policies."my.key"\]'),
        (GOOD + "[other]", r'\[policies."my.key"\]'),
        (GOOD.replace('title = "Claims"', ""), f"{OF}title is missing"),
        (GOOD.replace('"Claims"', "5"), f"{OF}title must be text"),
        (GOOD.replace('"Claims"', '" "'), f"{OF}title must not be empty"),
        (HEAD, f"{OF}fields is missing"),
        (HEAD + "fields = 5", f"{OF}fields must be a table"),
        (HEAD + "fields.x = 5", f"{OF}fields.x must be a table"),
        (HEAD + "fields = {}", "claims.auto_pay needs at least one field"),
        (GOOD.replace("confidence_threshold", "colour"), f"{OF}fields.pay_threshold.kind must be one of confidence_"),
        (GOOD.replace("confidence_threshold", "confidence_ceiling"), "claims.auto_pay .* needs a confidence threshold"),
        (GOOD.replace("default = 0.95", ""), f"{OF}fields.pay_threshold.default is missing"),
        (GOOD.replace("0.95", '"0.95"'), f"{OF}fields.pay_threshold.default must be a number"),
        (GOOD.replace("0.95", "1979-05-27"), f"{OF}fields.pay_threshold.default must be a number"),
        (GOOD.replace("0.95", "nan"), "Default of claims.auto_pay.pay_threshold must be a finite number"),
        (GOOD.replace("0.95", "0.3"), "Default of claims.auto_pay.pay_threshold must lie between"),
        (GOOD.replace("0.5", "1.5"), "Minimum of claims.auto_pay.pay_threshold must not be"),
        (GOOD + "maximum = 0.2", "Maximum of claims.auto_pay.pay_threshold must not be below the minimum"),
        (GOOD.replace("= 0.05", "= 0"), "Max_step of claims.auto_pay.pay_threshold must be a number above 0"),
        (GOOD.replace("minimum", "least"), f"{OF}fields.pay_threshold.least is not known here"),
        (GOOD.replace("description", "toggle"), f"{OF}toggle is not known here"),
        (GOOD.replace("claims.auto_pay", "two words"), "A policy key has 1 to 100 letters"),
        (GOOD.replace("claims.auto_pay", "decision_gate"), "registered already under decision_gate"),
        (GOOD.replace('"number"', '"identifier"'), "Parameter amount of action pay of claims.auto_pay is one of"),
        (GOOD.replace('"number"', "[1, 2]"), "Parameter amount of action pay of claims.auto_pay is one of"),
        (GOOD.replace('"number"', "{ least = 1 }"), "Parameter amount of action pay of claims.auto_pay is one of"),
        (GOOD.replace('{ amount = "number" }', '"number"'), f"{OF}actions.pay must be a table"),
        (GOOD.replace("description =", "asks = 1\ndescription ="), f"{OF}asks must be true or false"),
        (GOOD.replace("description", "parent"), "parent of policy key claims.auto_pay is registered before it"),
        (GOOD + ANSWER + "question = 5", f"{OF}answer.question must be text"),
        (GOOD + ANSWER + 'confidence = "min"', f"{OF}answer.confidence must be one of yes, max, sides"),
        (GOOD + ANSWER + "confident = true", f"{OF}answer.confident is not known here"),
    ],
)
def test_file__bad__refused_naming_file_policy_and_key(registry, write, text, told):
    with pytest.raises(InvalidInput, match=rf"policies\.toml: .*{told}"):
        load_definitions_file(write(text))


def test_file__of_the_document__is_complete(registry, write):
    document = (Path(settings.BASE_DIR) / "docs/extending.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```", document, re.M | re.S)
    load_definitions_file(write(example))
    pays, spends = (definitions.get_definition(key) for key in ("claims.auto_pay", "claims.tokens"))
    assert [field.name for field in pays.fields] == ["pay_threshold", "pay_ceiling", "fraud_threshold"]
    assert pays.actions["hand_over"] == {"to": ["desk", "fraud"]}
    assert (pays.answer.question, pays.answer.confidence) == ("is_covered", PredicateReading.YES)
    assert spends.fields[0].kind is definitions.FieldKind.BUDGET
    every_key = {field.name for field in dataclasses.fields(definitions.FieldDefinition)} - {"name"}
    assert all(re.search(rf"^{key} = ", example, re.M) for key in every_key)


def test_file__missing__refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"absent\.toml cannot be read"):
        load_definitions_file(tmp_path / "absent.toml")


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
    load_definitions_file(write(f"{GOOD}\n{rule}"))
    answer = definitions.get_definition("claims.auto_pay").answer
    assert (answer.question, answer.confidence) == ("is_covered", PredicateReading.MAX)


def test_file__policy_that_asks_about_both_sides__is_read(registry, write):
    rule = '[policies."claims.auto_pay".answer]\nconfidence = "sides"\n'
    text = GOOD.replace("title =", "asks = true\ntitle =")
    load_definitions_file(write(f"{text}\n{rule}"))
    definition = definitions.get_definition("claims.auto_pay")
    assert definition.asks
    assert definition.answer.confidence is PredicateReading.SIDES


def test_file__policy_that_rests_on_several_questions__is_read(registry, write):
    rule = '[policies."claims.auto_pay".answer]\nquestions = ["is_covered", "is_intact"]\nof = "any"\n'
    load_definitions_file(write(f"{GOOD}\n{rule}"))
    answer = definitions.get_definition("claims.auto_pay").answer
    assert (answer.questions, answer.of) == (("is_covered", "is_intact"), Combination.ANY)
