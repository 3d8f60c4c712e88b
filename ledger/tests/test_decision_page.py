"""The page of a decision: why, what came of it, what was corrected, how it is proved; nothing of other workspaces."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.models import Workspace
from governance.tests.browser import signed_in
from governance.tests.factories import WorkspaceFactory, in_shadow, viewer_of
from ledger.explorer import in_words
from ledger.models import Checkpoint, DecisionRecord, LogLeaf
from ledger.reasons import PipelineReason, Reason
from ledger.tests.factories import (
    DECIDED_AT,
    RECORDED_AT,
    DecisionOutcomeFactory,
    DecisionRecordFactory,
    LedgerAmendmentFactory,
)
from telemetry.models import AIInteraction

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


@pytest.fixture
def client(workspace: Workspace) -> Client:
    return signed_in(viewer_of(workspace))


def address(decision: DecisionRecord) -> str:
    return reverse("admin:ledger_decisionrecord_change", args=[decision.pk])


def text_of(client: Client, decision: DecisionRecord) -> str:
    """The words of the page, without tags and with single blanks."""
    body = re.search(r'<div id="content-main">.*', client.get(address(decision)).content.decode(), re.DOTALL)[0]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_reasons__each_that_there_is__has_words():
    assert all(in_words(reason.value) for reason in (*Reason, *PipelineReason))
    assert in_words("said by nobody here") == ""


def test_page__verdict__is_said_in_words_with_its_code_and_the_threshold_of_the_time(client, workspace):
    decision = DecisionRecordFactory(
        workspace=workspace,
        gate_verdict="block",
        gate_reason="llm_confidence_below_threshold",
        thresholds={"confidence_threshold": 0.97},
    )
    text = text_of(client, decision)
    assert "Blocked: the confidence lay below the threshold. llm_confidence_below_threshold" in text
    assert "at the time 0.97" in text


def test_page__reason_or_policy_that_is_not_known__shows_the_codes(client, workspace):
    decision = DecisionRecordFactory(
        workspace=workspace, policy_key="gone.since", gate_reason="imported", thresholds={"limit": 0.5}
    )
    text = text_of(client, decision)
    assert "Allowed. imported" in text
    assert "limit, at the time 0.5" in text


@pytest.mark.parametrize("source, first", [("human_review", "Failure rules"), ("sentiment", "Success rules")])
def test_page__outcomes__name_the_one_that_rules(client, workspace, source, first):
    decision = DecisionRecordFactory(workspace=workspace)
    DecisionOutcomeFactory(decision=decision, source=source, success=False)
    later = DECIDED_AT + timedelta(days=1)
    DecisionOutcomeFactory(decision=decision, sequence=2, source="booking", success=True, observed_at=later)
    text = text_of(client, decision)
    assert text.count("rules A") + text.count("rules What") == 1
    assert first in text


def test_page__amended_twice__shows_the_hash_that_holds_and_both_amendments(client, workspace):
    decision = DecisionRecordFactory(workspace=workspace, prompt_hash="")
    LedgerAmendmentFactory(decision=decision, value_after="cd" * 32)
    LedgerAmendmentFactory(decision=decision, value_before="cd" * 32, value_after="ef" * 32)
    text = text_of(client, decision)
    assert f"Prompt hash: {'ef' * 32}" in text
    assert text.count("It was not recorded.") == 2


def test_page__on_trial__shows_what_the_other_config_said(client, workspace):
    rollout = in_shadow(workspace)
    decision = DecisionRecordFactory(
        workspace=workspace,
        rollout_id=rollout.pk,
        rollout_arm="control",
        candidate_verdict="block",
        candidate_reason="llm_confidence_below_threshold",
    )
    text = text_of(client, decision)
    assert f"Proposal {rollout.proposal_id} was in rollout. The verdict is that of the policy in force" in text
    assert "The two differ" in text


def test_page__neighbours__are_of_the_same_workspace(client, workspace):
    older, _, decision, _, newer = (
        DecisionRecordFactory(workspace=each) if each else DecisionRecordFactory()
        for each in (workspace, None, workspace, None, workspace)
    )
    page = client.get(address(decision)).content.decode()
    assert re.search(rf'rel="prev" href="{address(newer)}"', page)
    assert re.search(rf'rel="next" href="{address(older)}"', page)
    assert 'rel="prev" role="link" aria-disabled="true"' in client.get(address(newer)).content.decode()


def call_of(workspace: Workspace) -> AIInteraction:
    return AIInteraction.objects.create(workspace=workspace, external_id="call-1", created_at=RECORDED_AT)


def test_page__ai_call__is_linked(client, workspace):
    decision = DecisionRecordFactory(workspace=workspace, interaction=call_of(workspace))
    assert "call-1" in text_of(client, decision)


def test_page__reference_to_a_call_of_another_workspace__shows_nothing_of_it(client, workspace):
    decision = DecisionRecordFactory(workspace=workspace, interaction=call_of(WorkspaceFactory()))
    text = text_of(client, decision)
    assert "call-1" not in text
    assert "not on record any more" in text


def leaf_of(decision: DecisionRecord, position: int = 4) -> Any:
    return LogLeaf.objects.create(
        position=position, entry="decision", entry_id=str(decision.pk), leaf_hash=bytes(range(32))
    )


def checkpoint(size: int) -> Checkpoint:
    return Checkpoint.objects.create(tree_size=size, root_hash=bytes(32), note="a note", created_at=RECORDED_AT)


def test_proof__not_logged_yet__says_what_logs_it(client, workspace):
    assert "Not in the transparency log yet" in text_of(client, DecisionRecordFactory(workspace=workspace))


def test_proof__logged_and_not_signed__says_so_and_offers_no_proof(client, workspace):
    decision = DecisionRecordFactory(workspace=workspace)
    leaf_of(decision)
    checkpoint(4)
    text = text_of(client, decision)
    assert "Leaf 4 of the transparency log, not yet covered by a signed checkpoint" in text
    assert "prove_decision" not in text


def test_proof__signed__names_the_first_checkpoint_that_covers_it_and_the_command(client, workspace):
    decision = DecisionRecordFactory(workspace=workspace)
    leaf_of(decision)
    for size in (4, 5, 9):
        checkpoint(size)
    text = text_of(client, decision)
    assert "signed checkpoint of size 5" in text
    assert f"manage.py prove_decision {decision.pk}" in text
    assert bytes(range(32)).hex() in text
