"""The ledger in the admin: own rows only, everything about a decision on its page, and nothing to change."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.tests.factories import SuperuserFactory, UserFactory, viewer_of
from ledger.models import (
    Checkpoint,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
    LogLeaf,
    LogNode,
)
from ledger.tests.factories import RECORDED_AT, DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory

pytestmark = pytest.mark.django_db

OF_A_WORKSPACE = [DecisionRecord, DecisionOutcome, LedgerAmendment]
OF_THE_LOG = [LogLeaf, LogNode, Checkpoint]


def list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_url(row: models.Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def rows() -> dict[type[models.Model], models.Model]:
    """One row of each table, those of a workspace in the same one."""
    outcome = DecisionOutcomeFactory(decision__external_id="host-1")
    decision = outcome.decision
    made: list[models.Model] = [
        decision,
        outcome,
        LedgerAmendmentFactory(decision=decision),
        DecisionExternalId.objects.create(
            workspace=decision.workspace, external_id="host-1", decision_id=decision.pk, body_sha256="a" * 64
        ),
        LogLeaf.objects.create(position=0, entry="decision", entry_id=str(decision.pk), leaf_hash=bytes(32)),
        LogNode.objects.create(level=8, index=0, node_hash=bytes(32)),
        Checkpoint.objects.create(tree_size=1, root_hash=bytes(32), note="a signed note", created_at=RECORDED_AT),
    ]
    return {type(row): row for row in made}


@pytest.mark.parametrize("model", OF_A_WORKSPACE)
def test_member__sees_the_rows_of_the_workspace_and_no_others(model: type[models.Model], rows: dict) -> None:
    member = signed_in(viewer_of(rows[DecisionRecord].workspace))
    stranger = signed_in(viewer_of(DecisionRecordFactory().workspace))
    assert list(member.get(list_url(model)).context["cl"].result_list) == [rows[model]]
    assert rows[model] not in stranger.get(list_url(model)).context["cl"].result_list
    assert member.get(page_url(rows[model])).status_code == 200
    assert stranger.get(page_url(rows[model])).status_code == 302


@pytest.mark.parametrize("model", OF_THE_LOG)
def test_superuser__sees_the_log(model: type[models.Model], rows: dict) -> None:
    client = signed_in(SuperuserFactory())
    assert list(client.get(list_url(model)).context["cl"].result_list) == [rows[model]]
    assert client.get(page_url(rows[model])).status_code == 200


def test_member__sees_checkpoints_and_no_leaves(rows: dict) -> None:
    member = signed_in(viewer_of(rows[DecisionRecord].workspace))
    assert "a signed note" in member.get(page_url(rows[Checkpoint])).content.decode()
    assert member.get(list_url(LogLeaf)).status_code == 403
    assert member.get(page_url(rows[LogNode])).status_code == 403


@pytest.mark.parametrize("model", OF_A_WORKSPACE + OF_THE_LOG)
def test_superuser__cannot_add_change_or_delete(model: type[models.Model], rows: dict) -> None:
    client = signed_in(SuperuserFactory())
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    before = list(model._default_manager.values())
    assert client.post(reverse(f"{name}_add"), {}).status_code == 403
    assert client.post(page_url(rows[model]), {}).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[rows[model].pk]), {"post": "yes"}).status_code == 403
    selection = {"action": "delete_selected", "_selected_action": [str(rows[model].pk)], "post": "yes"}
    client.post(list_url(model), selection)
    assert list(model._default_manager.values()) == before


def test_page__of_a_decision__shows_outcomes_thresholds_and_amendments(rows: dict) -> None:
    page = signed_in(SuperuserFactory()).get(page_url(rows[DecisionRecord])).content.decode()
    for content in ("A person looked", "confidence_threshold", "cd" * 32, "It was not recorded."):
        assert content in page


def test_page__interaction_that_is_gone__still_opens() -> None:
    decision = DecisionRecordFactory(interaction_id=4711)
    assert "4711" in signed_in(SuperuserFactory()).get(page_url(decision)).content.decode()


@pytest.mark.parametrize("by", ["id", "host's id"])
def test_search__an_id__finds_the_decision(by: str, rows: dict) -> None:
    DecisionRecordFactory.create_batch(2)
    term = str(rows[DecisionRecord].pk) if by == "id" else "host-1"
    page = signed_in(SuperuserFactory()).get(list_url(DecisionRecord), {"q": f" {term} "})
    assert list(page.context["cl"].result_list) == [rows[DecisionRecord]]


@pytest.mark.parametrize("term", ["nothing", str(uuid.UUID(int=7)), "'; --"])
def test_search__anything_else__finds_nothing(term: str, rows: dict) -> None:
    page = signed_in(SuperuserFactory()).get(list_url(DecisionRecord), {"q": term})
    assert list(page.context["cl"].result_list) == []


def test_search__id_of_another_workspace__finds_nothing(rows: dict) -> None:
    stranger = signed_in(viewer_of(DecisionRecordFactory().workspace))
    for term in (str(rows[DecisionRecord].pk), "host-1"):
        assert list(stranger.get(list_url(DecisionRecord), {"q": term}).context["cl"].result_list) == []


def test_list__of_many__takes_the_queries_of_one() -> None:
    workspace = DecisionRecordFactory().workspace
    client = signed_in(viewer_of(workspace))
    with CaptureQueriesContext(connection) as for_one:
        client.get(list_url(DecisionRecord))
    DecisionRecordFactory.create_batch(30, workspace=workspace)
    with CaptureQueriesContext(connection) as for_many:
        client.get(list_url(DecisionRecord))
    assert len(for_many) == len(for_one)


def test_stranger_to_the_admin__is_sent_to_the_sign_in(rows: dict) -> None:
    client = signed_in(UserFactory(is_staff=False))
    assert client.get(list_url(DecisionRecord)).status_code == 302
