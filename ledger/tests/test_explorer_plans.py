"""The databases read each page of the explorer from the index that is made for it, and ask a fixed number of times."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import Workspace
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, viewer_of
from ledger.models import DecisionOutcome, DecisionRecord, LogLeaf
from ledger.models.decisions import new_decision_id
from ledger.tests.factories import RECORDED_AT, DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:ledger_decisionrecord_changelist")

INDEX_OF = {
    "": "ledger_by_workspace",
    "verdict=block": "ledger_by_verdict",
    "verdict=allow": "ledger_allowed",
    "verdict=ask": "ledger_asked",
    "reason=kill_switch": "ledger_by_reason",
    "reason=allowed": "ledger_allowed",
    "policy_key=decision_gate": "ledger_by_policy_key",
    "provider=provider-3": "ledger_by_provider",
    "model=model-3": "ledger_by_model",
    "prompt_hash=" + "3" * 64: "ledger_by_prompt_hash",
    "from=2026-01-01T00:00&to=2036-01-01T00:00": "ledger_by_workspace",
    "model=model-3&from=2026-01-01T00:00": "ledger_by_model",
    "import=3": "ledger_by_import",
    "review=drawn": "ledger_drawn",
    "review=waiting": "ledger_drawn",
}


@pytest.fixture
def workspace() -> Workspace:
    """One of two workspaces with some hundred decisions each: its own came first, so that newer ones are in its way."""
    workspaces = [WorkspaceFactory(slug="post"), WorkspaceFactory(slug="quay")]
    for each in workspaces:
        DecisionRecord.objects.bulk_create(
            DecisionRecordFactory.build(
                decision_id=new_decision_id(),
                workspace=each,
                gate_verdict="allow" if place % 3 else "block" if place % 2 else "ask",
                gate_reason="allowed" if place % 3 else "kill_switch",
                policy_key="confidence_gate" if place % 3 else "decision_gate",
                provider=f"provider-{place % 4}",
                model=f"model-{place % 5}",
                prompt_hash=f"{place % 6}" * 64,
                audit_selected=place % 12 == 0,
                import_id=place % 7 or None,
            )
            for place in range(300)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE decision_ledger")
    return workspaces[0]


@pytest.fixture
def planner() -> None:
    """PostgreSQL plans for these few rows as for millions: by an index that holds the order, if there is one."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")


def plan_of_page(client: Client, query: str) -> str:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"{LIST}?{query}").context["cl"].result_list
    (page,) = [each["sql"] for each in queries if 'FROM "decision_ledger"' in each["sql"] and "LIMIT 51" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + page)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("query", INDEX_OF)
@pytest.mark.parametrize("who", ["member", "superuser"])
def test_page__each_filter__is_read_in_order_from_its_index(workspace, planner, query, who):
    client = signed_in(viewer_of(workspace) if who == "member" else SuperuserFactory())
    plan = plan_of_page(client, f"workspace=post&{query}")
    assert INDEX_OF[query] in plan
    assert "Sort  (cost" not in plan  # a partition after the other, or merged, each in its order
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("query", INDEX_OF)
def test_page__after_a_place__is_read_from_the_same_index(workspace, planner, query):
    place = DecisionRecord.objects.filter(workspace=workspace).order_by("pk")[250].pk
    plan = plan_of_page(signed_in(viewer_of(workspace)), f"{query}&after={place}")
    assert INDEX_OF[query] in plan
    assert "Sort  (cost" not in plan  # a partition after the other, or merged, each in its order
    assert "TEMP B-TREE" not in plan


MOST_OF_A_LIST, MOST_OF_A_RECORD = 29, 44
"""Queries of a page, with those of every page: session, account, alarms."""


def asked(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_list__any_page__asks_a_fixed_number_of_times(workspace):
    client = signed_in(viewer_of(workspace))
    client.get(LIST)
    pages = [
        "",
        "reason=kill_switch",
        "review=waiting",
        "model=none",
        "import=3",
        "model=model-3&reason=allowed",
        "from=2026-01-01T00:00",
    ]
    (number,) = {asked(client, f"{LIST}?{query}") for query in pages}
    assert number <= MOST_OF_A_LIST
    place = DecisionRecord.objects.filter(workspace=workspace).order_by("pk")[100].pk
    assert asked(client, f"{LIST}?after={place}") == number + 1


def test_record__with_everything_on_it__asks_as_often_as_a_bare_one(workspace):
    client = signed_in(viewer_of(workspace))
    full, bare = DecisionRecord.objects.filter(workspace=workspace).order_by("pk")[100:102]
    for sequence in (1, 2, 3):
        DecisionOutcomeFactory(decision=full, sequence=sequence)
        LedgerAmendmentFactory(decision=full)
    LogLeaf.objects.create(position=0, entry="decision", entry_id=str(bare.pk), leaf_hash=bytes(32))
    LogLeaf.objects.create(position=1, entry="decision", entry_id=str(full.pk), leaf_hash=bytes(32))
    client.get(LIST)
    pages = [reverse("admin:ledger_decisionrecord_change", args=[decision.pk]) for decision in (full, bare)]
    client.get(pages[0])
    (number,) = {asked(client, page) for page in pages}
    assert number <= MOST_OF_A_RECORD


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the planner of PostgreSQL")
def test_outcomes__of_a_workspace_that_was_idle__do_not_walk_over_those_of_the_others(workspace, planner):
    decisions = list(DecisionRecord.objects.order_by("pk"))
    DecisionOutcome.objects.bulk_create(
        DecisionOutcome(
            decision=each, workspace_id=each.workspace_id, sequence=1, success=True, source="booking",
            observed_at=RECORDED_AT, recorded_at=RECORDED_AT, reporter="host",
        )
        for each in decisions
    )  # fmt: skip
    client = signed_in(viewer_of(workspace))
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:ledger_decisionoutcome_changelist"))
    (page,) = [each["sql"] for each in queries if 'FROM "ledger_decisionoutcome"' in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_decisionoutcome")
        cursor.execute(f"EXPLAIN {page}")
        assert "outcome_by_workspace" in "\n".join(row[0] for row in cursor.fetchall())
