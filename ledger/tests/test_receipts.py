"""COSE receipts, as an implementation that is not ours reads them: `scitt-cose`."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import CommandError, call_command
from scitt_cose import ReceiptResult, verify_receipt

from governance.tests.callers import Caller
from ledger.models import DecisionRecord
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, VERIFIER, run
from ledger.transparency.notes import VerifierKey

pytestmark = pytest.mark.django_db

PEM = (
    Ed25519PublicKey.from_public_bytes(VerifierKey.parse(VERIFIER).public_key)
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.fixture(autouse=True)
def _key(settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def decision(caller: Caller) -> DecisionRecord:
    decisions: list[DecisionRecord] = DecisionRecordFactory.create_batch(11, workspace=caller.workspace)
    run("checkpoint_ledger")
    return decisions[6]


def read(receipt: bytes, entry: bytes) -> ReceiptResult:
    return verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=PEM)


def test_receipt__over_http__is_accepted_by_an_independent_reader(caller: Caller, decision: DecisionRecord) -> None:
    entry = caller.get(f"decisions/{decision.pk}/entry")
    receipt = caller.get(f"decisions/{decision.pk}/receipt")
    assert (entry.status_code, entry.headers["Content-Type"]) == (200, "application/json")
    assert (receipt.status_code, receipt.headers["Content-Type"]) == (200, "application/scitt-receipt+cose")
    result = read(receipt.content, entry.content)
    assert result.ok, result.errors
    assert (result.issuer, result.subject) == ("PeterNeumann", f"urn:uuid:{decision.pk}")
    assert (result.tree_size, result.leaf_index) == (11, 6)


def test_receipt__any_byte_changed_in_it_or_in_the_entry__is_refused(caller: Caller, decision: DecisionRecord) -> None:
    entry = caller.get(f"decisions/{decision.pk}/entry").content
    receipt = caller.get(f"decisions/{decision.pk}/receipt").content
    for place in range(len(receipt)):
        changed = bytearray(receipt)
        changed[place] ^= random.Random(place).randint(1, 255)
        assert not read(bytes(changed), entry).ok, f"byte {place} of the receipt"
    for place in range(len(entry)):
        changed = bytearray(entry)
        changed[place] ^= random.Random(place).randint(1, 255)
        assert not read(receipt, bytes(changed)).ok, f"byte {place} of the entry"


def test_receipt__of_the_command__is_that_of_the_api(caller: Caller, decision: DecisionRecord) -> None:
    output = io.TextIOWrapper(io.BytesIO())
    call_command("prove_decision", str(decision.pk), format="cose", stdout=output)
    assert output.buffer.getvalue() == caller.get(f"decisions/{decision.pk}/receipt").content  # type: ignore[attr-defined]


def test_receipt__of_another_workspace__is_not_there(decision: DecisionRecord) -> None:
    for what in ("entry", "receipt"):
        assert Caller().get(f"decisions/{decision.pk}/{what}").status_code == 404


def test_receipt__before_a_checkpoint__is_not_there_yet(caller: Caller, decision: DecisionRecord) -> None:
    late = DecisionRecordFactory(workspace=caller.workspace)
    reply = caller.get(f"decisions/{late.pk}/receipt")
    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "application/problem+json")
    assert "checkpoint" in reply.json()["detail"]


def test_receipt__without_a_key__cannot_be_signed(caller: Caller, decision: DecisionRecord, settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = ""
    assert caller.get(f"decisions/{decision.pk}/receipt").status_code == 503
    with pytest.raises(CommandError, match="generate_log_key"):
        run("prove_decision", str(decision.pk), format="cose")
