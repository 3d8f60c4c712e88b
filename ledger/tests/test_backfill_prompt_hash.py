"""`manage.py backfill_prompt_hash`: blank prompt hashes get a fallback beside them."""

from __future__ import annotations

import threading

import pytest
from django.core.management import CommandError
from django.db import connection, connections

from governance.tests.factories import WorkspaceFactory
from ledger.amendments import backfill_prompt_hashes
from ledger.contracts import compute_prompt_hash
from ledger.models import DecisionRecord, LedgerAmendment
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import run

pytestmark = pytest.mark.django_db


def effective_hashes() -> dict[str, str]:
    """Decision id to prompt hash, as the view shows them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT decision_id, prompt_hash FROM decision_ledger_effective")
        return {str(decision_id).replace("-", ""): prompt_hash for decision_id, prompt_hash in cursor.fetchall()}


def test_backfill__blank_hash__gets_a_fallback_beside_the_record() -> None:
    blank = DecisionRecordFactory(prompt_hash="", task="triage", channel="mail")
    known = DecisionRecordFactory()
    run("backfill_prompt_hash")
    fallback = compute_prompt_hash("unrecorded:confidence_gate|acme|acme-large|triage|mail", "", None, "1")
    assert DecisionRecord.objects.get(pk=blank.pk).prompt_hash == ""
    assert effective_hashes() == {blank.pk.hex: fallback, known.pk.hex: known.prompt_hash}
    amendment = LedgerAmendment.objects.get()
    assert (amendment.value_before, amendment.value_after) == ("", fallback)
    assert (amendment.actor, amendment.actor_name) == (None, "backfill_prompt_hash")


def test_backfill__again__amends_only_what_is_new() -> None:
    workspace = WorkspaceFactory(slug="acme")
    DecisionRecordFactory.create_batch(5, workspace=workspace, prompt_hash="")
    assert run("backfill_prompt_hash", batch_size=2) == "acme: 5 records amended.\n"
    assert run("backfill_prompt_hash") == "acme: 0 records amended.\n"
    DecisionRecordFactory(workspace=workspace, prompt_hash="")
    assert run("backfill_prompt_hash") == "acme: 1 records amended.\n"
    assert LedgerAmendment.objects.count() == 6


def test_backfill__records_of_one_kind__share_a_hash_and_others_do_not() -> None:
    workspace = WorkspaceFactory()
    same = DecisionRecordFactory.create_batch(2, workspace=workspace, prompt_hash="")
    other = DecisionRecordFactory(workspace=workspace, prompt_hash="", task="other")
    run("backfill_prompt_hash")
    hashes = effective_hashes()
    assert hashes[same[0].pk.hex] == hashes[same[1].pk.hex] != hashes[other.pk.hex]


def test_backfill__dry_run__counts_and_writes_nothing() -> None:
    DecisionRecordFactory(workspace=WorkspaceFactory(slug="acme"), prompt_hash="")
    assert run("backfill_prompt_hash", dry_run=True) == "acme: 1 records would be amended.\n"
    assert not LedgerAmendment.objects.exists()


def test_backfill__one_workspace__leaves_the_others_alone() -> None:
    acme, other = WorkspaceFactory(slug="acme"), WorkspaceFactory()
    for workspace in (acme, other):
        DecisionRecordFactory(workspace=workspace, prompt_hash="")
    run("backfill_prompt_hash", workspace="acme")
    assert [amendment.workspace for amendment in LedgerAmendment.objects.all()] == [acme]


def test_backfill__unknown_workspace__is_refused() -> None:
    with pytest.raises(CommandError, match="no workspace"):
        run("backfill_prompt_hash", workspace="absent")


@pytest.mark.django_db(transaction=True)
def test_backfill__two_runs_at_once__amend_each_record_once() -> None:
    workspace = WorkspaceFactory()
    DecisionRecordFactory.create_batch(60, workspace=workspace, prompt_hash="")
    amended: list[int] = []

    def work() -> None:
        amended.append(backfill_prompt_hashes(workspace=workspace, batch_size=7))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(amended) == LedgerAmendment.objects.count() == 60
