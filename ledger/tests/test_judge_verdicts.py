"""What a judge by machine says of drawn decisions: kept before people look, and it spares some of their labels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from confidence_project.foundation.errors import InvalidInput
from governance.tests.callers import Caller
from governance.tests.factories import admin_of, reviewer_of
from ledger.labelling.judges import _LOTTERY
from ledger.labelling.queue import next_task
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionOutcome, DecisionRecord, JudgeVerdict
from ledger.reviews import record_review
from ledger.selectors import count_waiting_for_review
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"


@pytest.fixture
def caller() -> Caller:
    caller = Caller()
    judged(caller)
    return caller


def judged(caller: Caller, share: str = "0.6") -> None:
    set_labelling_rules(
        actor=admin_of(caller.workspace), workspace=caller.workspace, policy_key=KEY, reason="A judge reads first.",
        label_source="drawn", judged_share=Decimal(share),
    )  # fmt: skip


def drawn(caller: Caller, **values) -> DecisionRecord:
    told = {"audit_selected": True, "label_propensity": "0.05", **values}
    return DecisionRecordFactory(workspace=caller.workspace, policy_key=KEY, **told)


def said(decision: DecisionRecord, success: bool) -> dict[str, object]:
    return {"external_id": f"judge-{decision.pk}", "decision_id": str(decision.pk), "success": success}


@pytest.fixture
def lot(monkeypatch):
    """The next lots, one after another."""

    def draws(*numbers: int) -> None:
        coming = iter(numbers)
        monkeypatch.setattr(_LOTTERY, "randrange", lambda stop: next(coming))

    return draws


def test_verdicts__by_lot__spare_people_what_the_judge_calls_right(caller, lot):
    lot(6_000, 5_999, 9_999)
    decisions = [drawn(caller) for _ in range(3)]
    replies = [
        caller.post("judge-verdicts", said(each, success))
        for each, success in zip(decisions, (True, True, False), strict=True)
    ]
    assert [reply.status_code for reply in replies] == [201, 201, 201]
    assert [reply.json()["is_spared"] for reply in replies] == [True, False, False]
    assert list(JudgeVerdict.objects.order_by("id").values_list("lot", "share")) == [
        (number, Decimal("0.6")) for number in (6_000, 5_999, 9_999)
    ]
    # A verdict labels nothing, and people are shown what it leaves them.
    assert not DecisionOutcome.objects.exists()
    assert count_waiting_for_review([caller.workspace]) == {caller.workspace.pk: 2}
    task = next_task(person=reviewer_of(caller.workspace), workspace=caller.workspace)
    assert task is not None
    assert task.decision == decisions[1]


def test_verdicts__the_same_again__is_the_first_with_its_lot(caller):
    body = said(drawn(caller), True)
    first, again = caller.post("judge-verdicts", body), caller.post("judge-verdicts", body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert caller.post("judge-verdicts", {**body, "success": False}).status_code == 409


def test_verdicts__in_bulk__errors_stand_beside_what_is_kept(caller):
    twice, fine = drawn(caller), drawn(caller)
    elsewhere = drawn(Caller())
    not_drawn = drawn(caller, audit_selected=False)
    known = drawn(caller)
    record_review(actor=admin_of(caller.workspace), decision=known, success=True, seen=0)
    bodies = [said(each, True) for each in (twice, elsewhere, not_drawn, known, fine)]
    reply = caller.post_lines("judge-verdicts", [*bodies, {**said(twice, False), "external_id": "another"}])
    assert reply.status_code == 207
    assert [(each["index"], each["code"]) for each in reply.json()["errors"]] == [
        (1, "not_found"), (2, "wrong_state"), (3, "conflict"), (5, "conflict"),
    ]  # fmt: skip
    assert set(JudgeVerdict.objects.values_list("decision_id", flat=True)) == {twice.pk, fine.pk}


def test_verdicts__rules_without_a_judge__refused_and_nothing_kept(caller):
    set_labelling_rules(actor=admin_of(caller.workspace), workspace=caller.workspace, policy_key=KEY, reason="No more.")
    reply = caller.post("judge-verdicts", said(drawn(caller), True))
    assert (reply.status_code, reply.json()["code"]) == (409, "wrong_state")
    assert not JudgeVerdict.objects.exists()


def test_verdicts__without_the_scope__forbidden(caller):
    reader = Caller(workspace=caller.workspace, scopes=["read"])
    assert reader.post("judge-verdicts", said(drawn(caller), True)).status_code == 403


@pytest.mark.parametrize(
    ("key", "terms", "why"),
    [
        (KEY, {"label_source": "events", "judged_share": Decimal("0.6")}, "label_source"),
        (KEY, {"label_source": "drawn", "judged_share": Decimal("0.04")}, "0.05"),
        ("decision_gate", {"label_source": "drawn", "judged_share": Decimal("0.6")}, "risk threshold"),
    ],
)
def test_rules__a_judge_that_would_spare_what_counts__is_refused(caller, key, terms, why):
    with pytest.raises(InvalidInput, match=why):
        set_labelling_rules(
            actor=admin_of(caller.workspace), workspace=caller.workspace, policy_key=key, reason="No.", **terms
        )
