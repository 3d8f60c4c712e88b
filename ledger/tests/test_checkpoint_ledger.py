"""Appending to the log and signing it: what gets in, in which order, and what is refused."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from confidence_project.foundation.errors import Conflict
from governance.tests.factories import WorkspaceFactory
from ledger.models import Checkpoint, LogLeaf, LogNode, LogWatermark
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.transparency import merkle
from ledger.transparency.leaves import DECISIONS
from ledger.transparency.notes import TreeHead, VerifierKey, open_note
from ledger.transparency.sequencing import unlogged_pages
from ledger.transparency.services import append_leaves
from ledger.transparency.tree import StoredTree, log_size, store_nodes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


def head_of(note: str) -> TreeHead:
    return TreeHead.parse(open_note(note, [VerifierKey.parse(VERIFIER)]))


def test_checkpoint__first_one__covers_every_row_of_the_ledger() -> None:
    DecisionOutcomeFactory()
    LedgerAmendmentFactory()
    head = head_of(run("checkpoint_ledger"))
    assert (head.origin, head.size) == ("PeterNeumann", 4)
    leaves = list(LogLeaf.objects.order_by("position").values_list("position", "entry"))
    assert leaves == [(0, "decision"), (1, "decision"), (2, "outcome"), (3, "amendment")]
    tree = merkle.CompactRange()
    for leaf in LogLeaf.objects.order_by("position"):
        tree.append(bytes(leaf.leaf_hash))
    assert head.root == tree.root()


def test_checkpoint__nothing_new__is_the_same_checkpoint() -> None:
    DecisionRecordFactory()
    assert run("checkpoint_ledger") == run("checkpoint_ledger")
    assert Checkpoint.objects.count() == 1


def test_checkpoint__empty_ledger__signs_the_empty_tree() -> None:
    assert head_of(run("checkpoint_ledger")) == TreeHead("PeterNeumann", 0, merkle.EMPTY_ROOT)


def test_checkpoint__grown_ledger__extends_the_first_one() -> None:
    DecisionRecordFactory.create_batch(3)
    first = head_of(run("checkpoint_ledger"))
    DecisionRecordFactory.create_batch(5)
    proof = run("checkpoint_ledger", consistency_from=3)
    old, *path = proof.partition("\n\n")[0].split("\n")
    second = head_of(proof.partition("\n\n")[2])
    assert (old, second.size) == ("old 3", 9), "five decisions, and what was signed before them"
    assert merkle.verify_consistency(
        first=3,
        second=9,
        first_root=first.root,
        second_root=second.root,
        path=[base64.b64decode(line) for line in path],
    )


@pytest.mark.parametrize("size", [0, 2, -1])
def test_consistency__size_that_the_log_never_had__is_refused(size: int) -> None:
    DecisionRecordFactory()
    with pytest.raises(CommandError, match="size"):
        run("checkpoint_ledger", consistency_from=size)


def test_checkpoint__no_key__appends_signs_nothing_and_says_so(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = ""
    DecisionRecordFactory()
    output, said = StringIO(), StringIO()
    call_command("checkpoint_ledger", stdout=output, stderr=said)
    assert (output.getvalue(), log_size(), Checkpoint.objects.count()) == ("", 1, 0)
    assert "Nothing was signed" in said.getvalue()
    assert "generate_log_key" in said.getvalue()


def test_generate_log_key__its_output__signs_checkpoints(settings: Any) -> None:
    line, comment = run("generate_log_key", "example.com/ledger").splitlines()
    settings.CONFIDENCE_LOG_KEY = line.partition("=")[2]
    verifier = VerifierKey.parse(comment.rpartition(" ")[2])
    assert TreeHead.parse(open_note(run("checkpoint_ledger"), [verifier])).origin == "example.com/ledger"


@pytest.mark.django_db(transaction=True)
def test_append__row_of_a_transaction_that_was_slow__is_found() -> None:
    """It was begun before rows that are in the log already, with a key before theirs."""
    workspace, started, go_on = WorkspaceFactory(), threading.Event(), threading.Event()
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time: nothing is committed out of its turn")

    def write_slowly() -> None:
        try:
            with transaction.atomic():
                DecisionRecordFactory(workspace=workspace)
                started.set()
                go_on.wait(20)
        finally:
            connections.close_all()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    started.wait(20)
    DecisionRecordFactory.create_batch(3, workspace=workspace)
    assert append_leaves() == 3
    go_on.set()
    slow.join()
    DecisionRecordFactory(workspace=workspace)
    assert append_leaves() == 2


@pytest.mark.django_db(transaction=True)
def test_append__row_of_a_clock_that_was_days_behind__is_found() -> None:
    DecisionRecordFactory.create_batch(2)
    append_leaves()
    behind = DecisionRecordFactory.build(workspace=WorkspaceFactory(), timestamp=timezone.now() - timedelta(days=20))
    behind.decision_id = type(behind.decision_id)(int=1 << 80)
    behind.save()
    assert append_leaves() == 1


def test_append__watermark_of_another_server__is_not_believed() -> None:
    """As after a restore: transactions of this server count from a lower number."""
    DecisionRecordFactory()
    append_leaves()
    LogWatermark.objects.update(mark=1 << 60)
    DecisionRecordFactory()
    assert append_leaves() == 1
    assert not LogWatermark.objects.filter(mark__gte=1 << 60).exists()


@pytest.mark.django_db(transaction=True)
def test_append__nothing_new__looks_at_no_old_row() -> None:
    DecisionRecordFactory.create_batch(30)
    append_leaves()
    (page,) = unlogged_pages(DECISIONS)
    assert not page.rows


def test_sign__log_that_no_longer_holds_what_was_signed__is_refused() -> None:
    DecisionRecordFactory.create_batch(3)
    run("checkpoint_ledger")
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE ledger_logleaf SET leaf_hash = %s WHERE position = 1", [bytes(32)])
    DecisionRecordFactory()
    with pytest.raises(CommandError, match="does not extend"):
        run("checkpoint_ledger")


def test_tree__of_seventy_thousand_leaves__reads_two_hundred_times_fewer_rows(
    django_assert_max_num_queries: Any,
) -> None:
    hashes = [merkle.leaf_hash(number.to_bytes(4)) for number in range(70_000)]
    tree = merkle.CompactRange()
    for begin in range(0, len(hashes), 4_096):
        page = hashes[begin : begin + 4_096]
        insert_rows(
            [
                LogLeaf(position=begin + offset, entry="outcome", entry_id=str(begin + offset), leaf_hash=value)
                for offset, value in enumerate(page)
            ]
        )
        store_nodes(begin, begin + len(page))
        for value in page:
            tree.append(value)
    assert LogNode.objects.count() == 70_000 // 256 + 70_000 // 65_536
    stored = StoredTree()
    with django_assert_max_num_queries(10):
        assert stored.root(70_000) == tree.root()
        path = merkle.inclusion_proof(12_345, 70_000, stored.subtree)
    assert merkle.verify_inclusion(index=12_345, size=70_000, leaf=hashes[12_345], path=path, root=tree.root())


@pytest.mark.django_db(transaction=True)
def test_append__two_writers_at_once__leave_no_gap_and_no_double() -> None:
    DecisionRecordFactory.create_batch(40)
    failures: list[Exception] = []

    def work() -> None:
        try:
            append_leaves()
        except Conflict:
            pass
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    append_leaves()
    assert not failures
    assert list(LogLeaf.objects.order_by("position").values_list("position", flat=True)) == list(range(40))
    assert connection.is_usable()
