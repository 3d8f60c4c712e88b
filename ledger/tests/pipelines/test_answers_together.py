"""A policy that rests on several questions: one decision, one confidence, and one outcome of all that is acted on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from confidence_project.foundation.errors import InvalidInput
from governance import definitions
from governance.answer_rules import AnswerRule, Combination, JointScore, PredicateReading
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, admin_of
from ledger.gateway.services import bind_question
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope
from ledger.tests.pipelines.replies import answer, choice, openai_reply, predicate, refusal
from ledger.tests.through_the_gateway import ask, bind, connect, reply_of, verdicts
from ledger.transparency.services import append_leaves

pytestmark = pytest.mark.django_db

ALL, ANY, LEAST = "claims.all", "claims.any", "claims.least"

BELOW = "llm_confidence_below_threshold"

ABSTAINED = {"type": "abstain", "name": "intact"}


@pytest.fixture(autouse=True)
def policies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.9)
    ways = {ALL: {}, ANY: {"of": Combination.ANY}, LEAST: {"score": JointScore.LEAST}}
    for key, way in ways.items():
        rule = AnswerRule(confidence=PredicateReading.MAX, questions=("covered", "intact", "kind"), **way)
        definitions.register(PolicyDefinition(key, "Claims", "", (threshold,), answer=rule, asks=True))


@pytest.fixture
def caller() -> Caller:
    return Caller()


def kind(probability: float = 0.98) -> dict[str, Any]:
    shares = [
        {"value": "file", "probability": probability},
        {"value": "hold", "probability": round(1 - probability, 4)},
    ]
    return choice(name="kind", confidence=0.9, probabilities=shares)


def judged(caller: Caller, policy_key: str, *answers: Any, **changes: Any) -> DecisionRecord:
    body = envelope(policy_key=policy_key, decision=None, answer=answer(openai_reply(*answers), **changes))
    response = caller.post("decisions", body)
    assert response.status_code == 201, response.content
    return DecisionRecord.objects.get(pk=response.json()["decision_id"])


@pytest.mark.parametrize(
    ("policy_key", "covered", "intact", "expected"),
    [
        (ALL, predicate(0.99, "covered"), predicate(0.03, "intact"), ("allow", "allowed", "0.9411")),  # .99 · .97 · .98
        (ALL, predicate(0.99, "covered"), predicate(0.1, "intact"), ("ask", BELOW, "0.8732")),
        (LEAST, predicate(0.99, "covered"), predicate(0.08, "intact"), ("allow", "allowed", "0.9200")),
        (LEAST, predicate(0.99, "covered"), predicate(0.3, "intact"), ("ask", BELOW, "0.7000")),
        (ALL, predicate(0.99, "covered"), ABSTAINED, ("ask", "llm_abstention", "None")),
        (ALL, predicate(0.99, "covered"), refusal("intact"), ("block", "llm_refusal", "None")),
        (ANY, predicate(0.99, "covered"), ABSTAINED, ("allow", "allowed", "0.9702")),
        (ANY, predicate(0.99, "covered"), refusal("intact"), ("allow", "allowed", "0.9702")),
        # What is missing or broken is no abstention.
        (ANY, predicate(0.99, "covered"), predicate(0.99, "another"), ("block", "missing_llm_decision", "None")),
        (ANY, predicate(0.99, "covered"), predicate(7, "intact"), ("block", "schema_invalid", "None")),
        (ALL, predicate(7, "covered"), predicate(0.99, "intact"), ("block", "schema_invalid", "None")),
    ],
)  # fmt: skip
def test_several__one_confidence_of_what_is_acted_on(
    caller: Caller, policy_key: str, covered: Any, intact: Any, expected: tuple[str, str, str]
) -> None:
    record = judged(caller, policy_key, covered, intact, kind())
    assert (record.gate_verdict, record.gate_reason, str(record.llm_confidence)) == expected
    assert record.confidence_kind == "together"


def test_several__each_answer_is_on_record__and_no_word_of_a_question(caller: Caller) -> None:
    record = judged(caller, ANY, predicate(0.99, "covered"), ABSTAINED, kind())
    assert json.loads(record.action_params or "") == {
        "covered": {"confidence": 0.99, "kind": "predicate_max", "acted": True},
        "intact": {"confidence": None, "kind": "decision_model", "acted": False},
        "kind": {"confidence": 0.98, "kind": "choice_probability", "acted": True},
    }
    assert (record.task[:2], len(record.task), record.options.partition(":")[0]) == ("q:", 34, "2")  # type: ignore[union-attr]
    assert append_leaves() > 0
    page = words(signed_in(SuperuserFactory()).get(reverse("admin:ledger_decisionrecord_change", args=[record.pk])))
    assert "Answers that it rests on" in page
    assert "An outcome is a success if every answer that is acted on was right." in page


def test_several__all_abstained__is_an_abstention(caller: Caller) -> None:
    nothing = [{"type": "abstain", "name": name} for name in ("covered", "intact", "kind")]
    record = judged(caller, ANY, *nothing)
    assert (record.gate_verdict, record.gate_reason, record.llm_confidence) == ("ask", "llm_abstention", None)


def test_several__another_score_wording_or_set_of_options__another_question(caller: Caller) -> None:
    given = [predicate(0.99, "covered"), predicate(0.99, "intact"), kind()]
    asked = [
        {"type": "predicate", "name": name, "instructions": "Is it?"} for name in ("covered", "intact")
    ] + [{"type": "choice", "name": "kind", "choices": [{"value": "file"}, {"value": "hold"}]}]  # fmt: skip
    reworded = [{**asked[0], "instructions": "Was it?"}, *asked[1:]]
    plain, least = judged(caller, ALL, *given), judged(caller, LEAST, *given)
    worded, otherwise = judged(caller, ALL, *given, questions=asked), judged(caller, ALL, *given, questions=reworded)
    assert plain.task != least.task
    assert plain.task == worded.task == otherwise.task
    assert len({plain.prompt_hash, worded.prompt_hash, otherwise.prompt_hash}) == 3
    wider = [
        {"value": value, "probability": share} for value, share in (("file", 0.98), ("hold", 0.01), ("drop", 0.01))
    ]
    other = judged(caller, ALL, *given[:2], choice(name="kind", probabilities=wider))
    assert other.options != plain.options


def test_gateway__bound_to_one_policy__one_decision_whose_verdict_is_in_each_answer(
    caller, model, dialect, monkeypatch, settings
):
    settings.CONFIDENCE_MODEL_HOSTS = ["127.0.0.1"]
    settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = True
    monkeypatch.setenv("CONFIDENCE_MODEL_KEY_TEST", "sk-of-the-model")
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.7)
    rule = AnswerRule(questions=("refund", "team"))
    definitions.register(PolicyDefinition("refunds", "Refunds", "", (threshold,), answer=rule))
    connect(caller, model, dialect)
    bind(caller, "refund", "team", policy_key="refunds")
    model.reply = reply_of(dialect)
    reply = ask(caller, dialect)
    assert reply["X-Confidence"] == "allow;allowed=2;answers=2"
    record = DecisionRecord.objects.get()
    said = verdicts(reply)
    assert said["refund"] == said["team"]
    assert (said["team"]["confidence"], said["team"]["decision_id"]) == (0.776, str(record.pk))  # .97 · .8
    assert len(record.prompt_hash) == 64
    assert ask(caller, dialect).status_code == 200
    assert DecisionRecord.objects.count() == 1


@pytest.mark.parametrize("question", ["", "another"])
def test_gateway__question_that_the_policy_does_not_rest_on__cannot_be_bound(caller: Caller, question: str) -> None:
    with pytest.raises(InvalidInput, match="reads the answers to other questions"):
        bind_question(
            actor=admin_of(caller.workspace), workspace=caller.workspace, question=question, policy_key=ALL, reason="R."
        )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"questions": ("one",)}, "two or more names"),
        ({"questions": ("one", "one")}, "each once"),
        ({"questions": ("one", 2)}, "two or more names"),
        ({"questions": ("one", "two"), "question": "one"}, "either question or questions"),
        ({"questions": ("one", "two"), "confidence": PredicateReading.SIDES}, "sides of one question only"),
    ],
)
def test_definition__rule_that_cannot_be_used__refused(rule: Any, words: str) -> None:
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.9)
    with pytest.raises(InvalidInput, match=rf"answer rule of policy key claims\.other: .*{words}"):
        definitions.register(PolicyDefinition("claims.other", "", "", (threshold,), answer=AnswerRule(**rule)))
