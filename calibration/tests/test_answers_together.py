"""Several answers, one promise: a case fails where any of them is wrong, and the gate obeys their threshold."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.tests.factories import WINDOW, history, review
from governance import definitions
from governance.answer_rules import AnswerRule
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.models import ConfidencePolicyProposal
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, admin_of
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope
from ledger.tests.pipelines.replies import answer, openai_reply, predicate

pytestmark = pytest.mark.django_db

KEY = "claims.pay"


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.99)
    rule = AnswerRule(questions=("covered", "intact"))
    definitions.register(PolicyDefinition(KEY, "Claims", "", (threshold,), answer=rule))


def judged(caller: Caller, covered: float, intact: float) -> dict[str, Any]:
    reply = openai_reply(predicate(covered, "covered"), predicate(intact, "intact"))
    response = caller.post("decisions", envelope(policy_key=KEY, decision=None, answer=answer(reply)))
    return response.json()


def test_together__certified_by_cases_and_obeyed() -> None:
    caller = Caller()
    workspace = caller.workspace
    first = judged(caller, 0.97, 0.97)
    assert first["verdict"] == "block"
    told = {"external_id": "o", "decision_id": first["decision_id"], "success": False, "source": "human_review"}
    assert caller.post("outcomes", told).status_code == 201
    record = DecisionRecord.objects.get()
    of_both = {"policy_key": KEY, "confidence_kind": "together", "task": record.task, "model": record.model}
    history(workspace, {0.98: (596, 4), 0.94: (390, 10), 0.8: (120, 80)}, **of_both)
    run = review(workspace=workspace, policy_keys=[KEY], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    assert (finding["recommended"], finding["segment"]["task"]) == (0.94, record.task)
    proposal = ConfidencePolicyProposal.objects.get()
    approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    # .9409 and .9312: each of the two answers alone would pass in both.
    assert [judged(caller, 0.97, yes)["verdict"] for yes in (0.97, 0.96)] == ["allow", "block"]
