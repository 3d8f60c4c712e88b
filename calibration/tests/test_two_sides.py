"""A yes/no question with both sides: yes and no are certified each for itself, at half of delta, and the gate obeys."""

from __future__ import annotations

from typing import Any

import pytest

from calibration.statistics.groups import Groups
from calibration.statistics.thresholds import recommend_for_groups
from calibration.tests.factories import WINDOW, history, review
from governance import definitions
from governance.answer_rules import AnswerRule, PredicateReading
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from ledger.tests.bodies import envelope
from ledger.tests.pipelines.replies import answer, openai_reply, predicate

pytestmark = pytest.mark.django_db

KEY = "claims.pay"

YES = {0.99: (396, 4), 0.95: (290, 10), 0.9: (196, 4), 0.8: (120, 80)}
NO = {0.99: (498, 2), 0.97: (198, 2), 0.93: (130, 70), 0.6: (60, 40)}
"""Successes and failures by the probability of the side: a no can be trusted from .97 on, a yes from .9 on."""


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions.DEFINITIONS, "things", dict(definitions.DEFINITIONS.things))
    threshold = FieldDefinition(name="threshold", kind=FieldKind.CONFIDENCE_THRESHOLD, default=0.995, title="Least")
    rule = AnswerRule(confidence=PredicateReading.SIDES)
    definitions.register(PolicyDefinition(KEY, "Claims", "", (threshold,), answer=rule, asks=True))


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def sides(workspace: Workspace, yes: Any = YES, no: Any = NO) -> dict[str, dict[str, Any]]:
    of = {"policy_key": KEY, "task": "safe_to_file", "model": "gpt-6-luna-2026-09-30"}
    history(workspace, yes, confidence_kind="predicate_yes", **of)
    history(workspace, no, confidence_kind="predicate_no", **of)
    run = review(workspace=workspace, policy_keys=[KEY], **WINDOW)
    return {each["segment"]["confidence_kind"]: each for each in run.output["policies"][0]["findings"]}


def alone(counts: dict[float, tuple[int, int]], delta: float) -> float | None:
    n = [won + lost for won, lost in counts.values()]
    groups = Groups.from_arrays(list(counts), n, [won for won, _ in counts.values()])
    return recommend_for_groups(groups, alpha=0.05, delta=delta).threshold


def test_sides__each_at_half_of_delta__proposed_together_and_obeyed(workspace: Workspace) -> None:
    found = sides(workspace)
    assert {side: each["recommended"] for side, each in found.items()} == {
        "predicate_yes": alone(YES, 0.025),
        "predicate_no": alone(NO, 0.025),
    }
    assert (found["predicate_yes"]["recommended"], found["predicate_no"]["recommended"]) == (0.9, 0.97)
    assert all("with probability at most 0.025" in each["statement"] for each in found.values())
    proposal = ConfidencePolicyProposal.objects.get()
    page = signed_in(SuperuserFactory()).get(f"/admin/governance/confidencepolicyproposal/{proposal.pk}/change/")
    assert "P(no)" in words(page)
    assert "P(yes)" in words(page)
    approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    caller, said = Caller(workspace), []
    for yes in (0.95, 0.85, 0.5, 0.05, 0.02):
        given = envelope(policy_key=KEY, decision=None, answer=answer(openai_reply(predicate(yes))))
        reply = caller.post("decisions", given).json()
        said.append((reply["verdict"], reply["side"]))
    assert said == [("allow", "yes"), ("ask", "yes"), ("ask", "yes"), ("ask", "no"), ("allow", "no")]


def test_sides__one_cannot_be_trusted__the_other_is_certified_all_the_same(workspace: Workspace) -> None:
    found = sides(workspace, no={0.99: (80, 20), 0.9: (150, 50)})
    assert found["predicate_yes"]["recommended"] == 0.9
    assert (found["predicate_no"]["recommended"], found["predicate_no"]["reason"]) == (None, "NOT_CERTIFIABLE")
