"""Replies as they are seen in the field, through the public door, each with its right reading."""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from governance import definitions
from governance.answer_rules import AnswerRule, PredicateReading
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import viewer_of
from ledger.models import DecisionRecord
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

CASES = json.loads((Path(__file__).parent / "reply_cases.json").read_text("utf-8"))
KEY = "reply.case"
ANSWERED = "allowed"


@pytest.fixture
def ask(monkeypatch):
    """Send a reply under a policy that allows every confidence; returns what the host is told, and the record."""
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    caller = Caller()

    def send(
        reply: Any, dialect: str = "system_one", question: str = "q", reading: str = "yes", **more: Any
    ) -> tuple[dict[str, Any], DecisionRecord]:
        definitions.DEFINITIONS.things.pop(KEY, None)
        threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.0)
        rule = AnswerRule(question=question, confidence=PredicateReading(reading))
        definitions.register(PolicyDefinition(KEY, "Case", "", (threshold,), answer=rule))
        sent = {"dialect": dialect, "provider": "acme", "response": reply, **more}
        external_id = f"case-{DecisionRecord.objects.count()}"
        told = caller.post("decisions", {"external_id": external_id, "policy_key": KEY, "answer": sent})
        assert told.status_code == 201, told.content
        return told.json(), DecisionRecord.objects.get(external_id=external_id)

    return send


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_reply__as_it_is_seen_in_the_field__has_its_reading(ask, case):
    asked_model = {"model": case["model"]} if "model" in case else {}
    told, record = ask(case["reply"], case["dialect"], case["question"], case["reading"], **asked_model)
    expected = case["expected"]
    assert told["reason"] == expected["reason"]
    if expected["reason"] == ANSWERED:
        assert (record.llm_confidence, record.confidence_kind, record.model) == (
            Decimal(str(expected["confidence"])),
            expected["kind"],
            expected["model"],
        )
        assert record.schema_valid
        assert record.task.startswith("q:") if expected["task"] == "digest" else record.task == expected["task"]
    else:
        assert record.llm_confidence is None
        assert record.schema_valid is (expected["reason"] != "schema_invalid")
        assert (told["errors"] != []) is (
            expected["reason"] not in ("llm_refusal", "llm_abstention", "missing_llm_decision")
        )
    if "told" in expected:
        assert [error["pointer"] for error in told["errors"]] == [expected["told"]]


IDS = [
    "Is it a refund?",
    "Is it urgent?",
    "退款吗",
    "هل الطلب عاجل؟",
    "refund/2026 (v2)",
    "refund",
    "q:" + "0" * 32,
    " ",
    "\ud800",
]


def noul(question: str, probability: float = 0.97) -> dict[str, Any]:
    return {"model": "d-1.2", "answers": {question: {"type": "noul", "noul": probability}}}


@pytest.mark.parametrize("rule", ["named", "blank"])
def test_questions__of_whatever_ids__never_share_a_task_and_no_sentence_is_stored(ask, rule):
    tasks = [ask(noul(question), question=question if rule == "named" else "")[1].task for question in IDS]
    assert len(set(tasks)) == len(IDS)
    assert "refund" in tasks
    assert "Is it" not in str(list(DecisionRecord.objects.values()))


def test_question__in_another_normal_form__is_the_same(ask):
    composed, taken_apart = (unicodedata.normalize(form, "Stornieren für Ärzte?") for form in ("NFC", "NFD"))
    _, one = ask(noul(composed), question=taken_apart)
    _, other = ask(noul(taken_apart), question=composed)
    assert (one.gate_reason, one.task) == (ANSWERED, other.task)


def test_answer__without_a_name_and_a_policy_without_question__has_a_task_all_the_same(ask):
    reply = {"model": "m", "answers": [{"type": "predicate", "name": None, "probability": 0.9}]}
    _, record = ask(reply, "openai", question="")
    assert record.gate_reason == ANSWERED
    assert record.task.startswith("q:")


def choice(chosen: Any = "a", **more: Any) -> dict[str, Any]:
    return {"type": "choice", "choice": chosen, "probabilities": {"a": 0.9, "b": 0.1}, **more}


def of_q(answer: Any, **more: Any) -> dict[str, Any]:
    return {"model": "d-1.2", "answers": {"q": answer}, **more}


UNJUDGED = [
    (of_q({"type": "essay", "essay": "…"}), "unknown_answer_type", "/answer/response/answers/q/type"),
    (of_q({"type": "box", "box": {}, "confidence": 0.9}), "no_confidence", "/answer/response/answers/q/type"),
    (of_q({"type": "choice", "choice": "a"}), "no_confidence", "/answer/response/answers/q/confidence"),
    (of_q({"type": "score", "score": 1, "confidence": None}), "no_confidence", "/answer/response/answers/q/confidence"),
    (of_q(choice(abstained=True)), "llm_abstention", None),
    (of_q(choice(unknown=True)), "llm_abstention", None),
    (of_q(choice(abstain=1)), "llm_abstention", None),
    (of_q(choice(abstain="true")), "llm_abstention", None),
    (of_q(choice(abstention="abstained")), "llm_abstention", None),
    (of_q(choice(action="abstain")), "llm_abstention", None),
    (of_q({"type": "abstain"}), "llm_abstention", None),
    (of_q({"type": "refusal"}), "llm_refusal", None),
    (of_q({"uncertain": True}), "llm_refusal", None),
    (of_q(True), "schema_invalid", "/answer/response/answers/q"),
    (of_q({"type": ["choice"]}), "schema_invalid", "/answer/response/answers/q/type"),
    (of_q({"confidence": 0.9}), "schema_invalid", "/answer/response/answers/q/type"),
    ({"answers": {"q": choice()}}, "schema_invalid", "/answer/response/model"),
    (of_q(choice(confidence=0.85)), "schema_invalid", "/answer/response/answers/q"),
    (
        of_q({"type": "score", "score": 2.6, "confidence": 0.4, "probabilities": [0.1, 0.2, 0.7, 0.0]}),
        "schema_invalid",
        "/answer/response/answers/q",
    ),
    (
        of_q({"type": "score", "score": 2.6, "confidence": 0.4, "probabilities": {"1": 0.1, "2": 0.2, "3": 0.7}}),
        "schema_invalid",
        "/answer/response/answers/q",
    ),
    (
        of_q({"type": "score", "score": 0.5, "confidence": 0.4, "probabilities": [0.9, 0.5]}),
        "schema_invalid",
        "/answer/response/answers/q",
    ),
]


@pytest.mark.parametrize("reply, reason, pointer", UNJUDGED)
def test_answer__that_cannot_be_judged__a_reason_of_its_own_and_where(ask, reply, reason, pointer):
    told, record = ask(reply)
    assert (told["verdict"], told["reason"], record.llm_confidence) == ("block", reason, None)
    assert [error["pointer"] for error in told["errors"]] == ([pointer] if pointer else [])
    assert record.schema_valid is (reason != "schema_invalid")


READ = [
    # Routers leave out confidences, and round to two decimals.
    ("system_one", of_q(choice(), id="gen-1", provider="acme", usage={"cost": 0.1}), 0.9, "choice_probability"),
    ("system_one", of_q(choice(confidence=None)), 0.9, "choice_probability"),
    ("system_one", of_q({"type": "choice", "choice": "a", "confidence": 0.8}), 0.8, "system_one_choice"),
    ("google", of_q({"type": "choice", "choice": "a", "confidence": 0.8}), 0.8, "google_choice"),
    ("system_one", of_q(choice(action={"act_probability": 0.1})), 0.9, "choice_probability"),
    ("system_one", of_q(choice(abstention="passed", unknown=0.02, low_confidence=True)), 0.9, "choice_probability"),
    ("system_one", of_q({"type": "score", "score": 1, "confidence": 0.4}), 0.4, "system_one_score"),
    ("google", of_q({"type": "noul", "noul": 0.99}), 0.99, "predicate_yes"),
    (
        "openai",
        {"model": "m", "answers": [{"name": "q", "probability": 0.93}], "routing": {}, "extra_fields": {"latency": 3}},
        0.93,
        "predicate_yes",
    ),
]


@pytest.mark.parametrize("dialect, reply, confidence, kind", READ)
def test_reply__of_those_who_pass_it_on__is_read(ask, dialect, reply, confidence, kind):
    _, record = ask(reply, dialect)
    assert (record.gate_reason, record.llm_confidence, record.confidence_kind) == (
        ANSWERED,
        Decimal(str(confidence)),
        kind,
    )


@pytest.mark.parametrize(
    "model", ["openai/gpt-6-luna", "~openai/gpt-luna-latest", "@cf/cloudflare/clef-flash", "models/gemini-decision-1"]
)
def test_model__as_routers_call_it__is_kept(ask, model):
    assert ask({**noul("q"), "model": model})[1].model == model


def test_model__of_the_reply__counts_before_the_one_that_was_asked(ask):
    assert ask(noul("q"), model="d-latest")[1].model == "d-1.2"
    assert ask({"answers": noul("q")["answers"]}, model="d-latest")[1].model == "d-latest"


@pytest.mark.parametrize(
    "answer",
    [
        {"type": "noul", "noul": 0.9, "confidence": 0.2},
        {"type": "score", "score": 1.75, "confidence": 0.6, "probabilities": {"0": 0.05, "1": 0.15, "2": 0.8}},
    ],
)
def test_google__confidence_that_is_not_the_largest_probability__is_broken(ask, answer):
    told, _ = ask({"answers": {"q": answer}}, "google", model="gemini-decision-1")
    assert told["reason"] == "schema_invalid"


def test_google__answers_beside_a_block__are_refused(ask):
    blocked = {"answers": {"q": {"type": "noul", "noul": 0.9}}, "prompt_feedback": {"block_reason": "other"}}
    assert ask(blocked, "google", model="g")[0]["reason"] == "llm_refusal"
    assert ask({"prompt_feedback": {}}, "google", model="g")[0]["reason"] == "missing_llm_decision"


def options_of(ask, answer: Any, **more: Any) -> str | None:
    record = ask(of_q(answer), **more)[1]
    assert record.gate_reason == ANSWERED
    return record.options


def test_options__number_and_set__whatever_their_order(ask):
    two = options_of(ask, choice())
    assert two == options_of(ask, {"type": "choice", "choice": "a", "probabilities": {"b": 0.1, "a": 0.9}})
    others = options_of(ask, {"type": "choice", "choice": "a", "probabilities": {"a": 0.9, "c": 0.1}})
    five = options_of(
        ask, {"type": "choice", "choice": "a", "probabilities": {"a": 0.9, "b": 0.1, "c": 0, "d": 0, "e": 0}}
    )
    assert (two[:2], others[:2], five[:2]) == ("2:", "2:", "5:")
    assert len({two, others, five}) == 3
    assert options_of(ask, {"type": "noul", "noul": 0.9}) is None


def test_options__of_a_scale__are_its_levels(ask):
    scale = {"type": "score", "score": 0.9, "confidence": 0.8, "probabilities": {"0": 0.1, "1": 0.9}}
    assert options_of(ask, scale) == "2"
    told = options_of(ask, {**scale, "legend": {"0": "no", "1": "yes"}})
    assert told.startswith("2:")
    assert told == options_of(ask, {**scale, "legend": ["no", "yes"]})
    assert told != options_of(ask, {**scale, "legend": {"0": "yes", "1": "no"}})


WORDED = {"q": {"type": "choice", "instructions": "Where to, Ann Example?", "criteria": {"a": None, "b": "or there"}}}


def test_questions__beside_the_reply__are_hashed_and_not_kept(ask):
    _, record = ask(of_q(choice()), questions=WORDED)
    assert len(record.prompt_hash) == 64
    assert record.prompt_hash == ask(of_q(choice()), questions={"other": {"type": "noul"}, **WORDED})[1].prompt_hash
    reworded = {"q": {**WORDED["q"], "instructions": "Where to now?"}}
    assert record.prompt_hash != ask(of_q(choice()), questions=reworded)[1].prompt_hash
    assert "Ann" not in str(list(DecisionRecord.objects.values()))


def test_questions__beside_a_reply_without_probabilities__say_the_options(ask):
    bare = {"type": "choice", "choice": "a", "confidence": 0.8}
    assert options_of(ask, bare) is None
    assert options_of(ask, bare, questions=WORDED) == options_of(ask, choice())


def test_questions__of_openai__found_by_name_or_by_place(ask):
    predicates = [
        {"type": "predicate", "name": "tone", "instructions": "x"},
        {"type": "predicate", "instructions": "y"},
    ]
    named = {"model": "m", "answers": [{"type": "predicate", "name": "tone", "probability": 0.9}]}
    unnamed = {"model": "m", "answers": [{"type": "predicate", "name": None, "probability": 0.9}]}
    by_name = ask(named, "openai", "tone", questions=predicates)[1].prompt_hash
    by_place = ask(unnamed, "openai", "", questions=[predicates[0] | {"name": None}])[1].prompt_hash
    assert len(by_name) == 64
    assert by_name == by_place
    assert ask(named, "openai", "tone", questions=[predicates[1]])[1].prompt_hash == ""


def test_questions__beside_a_hash_of_them__422():
    sent = {"dialect": "google", "provider": "acme", "response": {}, "questions": {}, "prompt_hash": "0" * 64}
    refused = Caller().post("decisions", {"external_id": "a", "policy_key": "confidence_gate", "answer": sent})
    assert refused.status_code == 422
    assert "not both" in refused.content.decode()


@pytest.mark.parametrize(
    "model, alias",
    [
        ("jev-latest", True),
        ("~openai/gpt-6-luna", True),
        ("llama3:latest", True),
        ("latest", True),
        ("openrouter/auto", True),
        ("d-1.2", False),
        ("gpt-6-luna-2026-09-30", False),
        ("latest-news-1", False),
        ("", False),
    ],
)
def test_model__that_is_named_by_an_alias__is_marked(model, alias):
    caller = Caller()
    record = DecisionRecordFactory(workspace=caller.workspace, model=model)
    assert caller.get(f"decisions/{record.pk}").json()["model_is_alias"] is alias
    page = signed_in(viewer_of(caller.workspace)).get(reverse("admin:ledger_decisionrecord_change", args=[record.pk]))
    assert ("which version answered is not known" in words(page)) is alias
