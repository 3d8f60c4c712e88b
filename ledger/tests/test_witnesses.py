"""Witnesses: who cosigned a checkpoint, what happens when one is away, and that a fork gets no second cosignature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ledger.models import Checkpoint, Cosignature
from ledger.tests.factories import DecisionRecordFactory
from ledger.tests.transparency import SIGNER, VERIFIER, behind_the_triggers, run
from ledger.tests.witness import Witness, witness
from ledger.transparency.witnesses import WitnessKey, WitnessPolicy

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Iterator[Witness]:
    with witness("ada.example/w", VERIFIER) as server:
        yield server


@pytest.fixture
def ben() -> Iterator[Witness]:
    with witness("ben.example/w", VERIFIER) as server:
        yield server


@pytest.fixture(autouse=True)
def _configured(settings: Any, ada: Witness, ben: Witness) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    settings.CONFIDENCE_LOG_WITNESSES = [ada.configured, ben.configured]


def log_grows_by(number: int) -> str:
    DecisionRecordFactory.create_batch(number, timestamp=timezone.now())
    return run("checkpoint_ledger")


def complaints(**options: Any) -> str:
    problems = StringIO()
    with pytest.raises(CommandError, match="not what was logged"):
        call_command("verify_ledger", stdout=StringIO(), stderr=problems, **options)
    return problems.getvalue()


def test_checkpoint__as_the_log_grows__carries_the_cosignatures_of_both(ada: Witness, ben: Witness) -> None:
    for number in (3, 5, 1):
        note = log_grows_by(number)
        policy = WitnessPolicy([WitnessKey.parse(each.verifier_key) for each in (ada, ben)], 2)
        assert set(policy.cosigned_by(note)) == {"ada.example/w", "ben.example/w"}
    assert (ada.requests, ada.size) == ([200, 200, 200], 11)
    assert "agree" in run("verify_ledger")


def test_proof__of_a_cosigned_checkpoint__carries_the_cosignatures() -> None:
    log_grows_by(2)
    proof = run("prove_decision", str(DecisionRecordFactory._meta.model.objects.first().pk))
    assert re.findall(r"^— (\S+)", proof, re.MULTILINE) == ["PeterNeumann", "ada.example/w", "ben.example/w"]


def test_witness__that_was_away__is_asked_again_and_told_what_it_missed(settings: Any, ada: Witness) -> None:
    both = settings.CONFIDENCE_LOG_WITNESSES
    settings.CONFIDENCE_LOG_WITNESSES = [both[0]]
    log_grows_by(2)
    settings.CONFIDENCE_LOG_WITNESSES = [both[0], both[1].rpartition(":")[0] + ":9/gone"]
    problems = StringIO()
    DecisionRecordFactory(timestamp=timezone.now())
    call_command("checkpoint_ledger", stdout=StringIO(), stderr=problems)
    assert "witness ben.example/w: It did not answer (ConnectError)." in problems.getvalue()
    assert "1 of the 2 witnesses that are needed cosigned it" in complaints()
    assert "agree" in run("verify_ledger", witnesses_needed=1)
    settings.CONFIDENCE_LOG_WITNESSES = both
    run("checkpoint_ledger")
    assert "agree" in run("verify_ledger")


def test_witness__that_knows_more_than_was_kept__is_asked_from_there(ada: Witness) -> None:
    log_grows_by(3)
    with behind_the_triggers() as cursor:
        cursor.execute("DELETE FROM ledger_cosignature")
    log_grows_by(3)
    assert ada.requests == [200, 409, 200]


def test_witness__fork_of_the_log__gets_no_second_cosignature(ada: Witness) -> None:
    log_grows_by(3)
    with behind_the_triggers() as cursor:
        cursor.execute("UPDATE decision_ledger SET model = 'other'")
        for table in ("ledger_logleaf", "ledger_logwatermark", "ledger_cosignature", "ledger_checkpoint"):
            cursor.execute(f"DELETE FROM {table}")
    problems = StringIO()
    call_command("checkpoint_ledger", stdout=StringIO(), stderr=problems)
    assert "ada.example/w: It has cosigned a log that this one does not extend." in problems.getvalue()
    DecisionRecordFactory(timestamp=timezone.now())
    call_command("checkpoint_ledger", stdout=StringIO(), stderr=problems)
    assert problems.getvalue().count("ada.example/w: It has cosigned a log that this one does not extend.") == 2
    assert ada.requests == [200, 409, 409, 409, 422]
    assert (Cosignature.objects.count(), ada.size) == (0, 3)
    assert "0 of the 2 witnesses" in complaints()


def test_verify__cosignature_that_was_changed__is_found() -> None:
    log_grows_by(3)
    line = Cosignature.objects.get(witness="ada.example/w").line
    blob = line.rpartition(" ")[2].strip()
    with behind_the_triggers() as cursor:
        forged = line.replace(blob, blob[:-8] + ("AAAA" if blob[-8:-4] != "AAAA" else "BBBB") + blob[-4:])
        cursor.execute("UPDATE ledger_cosignature SET line = %s WHERE witness = %s", [forged, "ada.example/w"])
    assert "checkpoint of size 3: The cosignature of ada.example/w does not fit the note." in complaints()


def test_verify__kept_checkpoint_that_no_witness_saw__is_not_enough(settings: Any, tmp_path: Path) -> None:
    log_grows_by(3)
    kept = tmp_path / "kept"
    kept.write_text(Checkpoint.objects.get().note, "utf-8")
    assert "kept checkpoint 1: 0 of the 2 witnesses" in complaints(checkpoint=[kept])


def test_verify__witness_keys_of_an_auditor__count_alone(settings: Any, ada: Witness) -> None:
    log_grows_by(3)
    settings.CONFIDENCE_LOG_WITNESSES = []
    assert "agree" in run("verify_ledger", witness_key=[ada.verifier_key])
    with witness("eve.example/w", VERIFIER) as eve:
        assert "1 of the 2" in complaints(witness_key=[ada.verifier_key, eve.verifier_key])


@pytest.mark.parametrize("text", ["", "ada", VERIFIER, f"{VERIFIER} https://w.example"])
def test_witness__setting_that_cannot_be_read__is_refused(settings: Any, text: str) -> None:
    settings.CONFIDENCE_LOG_WITNESSES = [text]
    DecisionRecordFactory()
    with pytest.raises(CommandError):
        run("checkpoint_ledger")
