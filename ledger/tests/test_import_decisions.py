"""`manage.py import_decisions`: what a good file becomes, and that twice is once."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.imports import services
from ledger.imports.mapping import ImportMapping
from ledger.imports.records import CsvFormat
from ledger.imports.rejects import RejectsFile
from ledger.imports.source import Source
from ledger.models import DecisionExternalId, DecisionOutcome, DecisionRecord
from ledger.tests.imports import HEADER, csv_file, import_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def test_import__csv__becomes_records_with_outcomes(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(
        tmp_path, "2026-01-31T09:30:00+02:00,acme,large,triage,0.8,1", "2026-02-01T00:00:00Z,acme,large,,1,0"
    )
    assert import_file(path).startswith("2 rows: 2 imported (0 of them unlabelled), 0 unchanged, 0 rejected.")
    first, second = DecisionRecord.objects.order_by("decision_id")
    assert (first.workspace, first.policy_key, first.provider, first.model) == (
        workspace, "confidence_gate", "acme", "large",
    )  # fmt: skip
    assert first.occurred_at == datetime(2026, 1, 31, 7, 30, tzinfo=UTC)
    assert (first.origin, first.gate_reason, first.gate_verdict) == ("import", "imported", "allow")
    assert (first.policy_version, first.thresholds, first.schema_valid) == (None, {}, True)
    assert (first.llm_confidence, first.ml_risk_score, first.confidence_kind) == (Decimal("0.8"), None, "unspecified")
    assert (first.task, second.task) == ("triage", "")
    outcome = first.outcomes.get()
    assert (outcome.success, outcome.source, outcome.reporter) == (True, "import", "import_decisions")
    assert outcome.observed_at == first.occurred_at
    assert second.outcomes.get().success is False


def test_import__every_column__is_kept(workspace: Workspace, tmp_path: Path) -> None:
    row = {
        "external_id": "case-1/7",
        "decided_at": "2026-01-31T09:30:00Z",
        "policy_key": "decision_gate",
        "provider": "acme",
        "model": "large",
        "task": "triage",
        "confidence": "0.12346",
        "confidence_kind": "token_probability",
        "channel": "mail",
        "prompt_hash": "ab" * 32,
        "ml_risk_score": "0.3",
        "case_key": "case-1",
        "action_type": "retry",
        "gate_verdict": "block",
        "audit_selected": "true",
        "label_propensity": "0.05",
        "success": "0",
        "outcome_source": "human_review",
        "automation_executed": "0",
        "downstream_failure": "false",
        "observed_at": "2026-02-01T00:00:00Z",
    }
    path = tmp_path / "all.csv"
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n", "utf-8")
    import_file(path, policy_key=None)
    record = DecisionRecord.objects.get()
    assert (record.external_id, record.policy_key, record.channel) == ("case-1/7", "decision_gate", "mail")
    assert (record.llm_confidence, record.ml_risk_score) == (Decimal("0.1235"), Decimal("0.3"))
    assert (record.confidence_kind, record.prompt_hash) == ("token_probability", "ab" * 32)
    assert (record.case_key, record.action_type, record.gate_verdict) == ("case-1", "retry", "block")
    assert (record.audit_selected, record.label_propensity) == (True, Decimal("0.05"))
    outcome = DecisionOutcome.objects.get()
    assert (outcome.source, outcome.automation_executed, outcome.downstream_failure) == ("human_review", False, False)
    assert outcome.observed_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_import__json_lines__is_the_same_as_csv(workspace: Workspace, tmp_path: Path) -> None:
    row = {"provider": "acme", "model": "large", "confidence": 0.98766, "success": True, "task": None, "channel": ""}
    path = tmp_path / "history.jsonl"
    path.write_text(json.dumps({**row, "decided_at": "2026-01-31T09:30:00Z", "policy_key": "confidence_gate"}), "utf-8")
    import_file(path, policy_key=None)
    record = DecisionRecord.objects.get()
    assert (record.llm_confidence, record.task, record.channel) == (Decimal("0.9877"), "", "")
    assert record.outcomes.get().success is True


def test_import__options__stand_in_for_absent_and_blank_columns(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    lines = [
        "decided_at,policy_key,provider,model,task,confidence,success",
        ",,acme,large,,0.5,1",
        "2026-01-31T09:30:00Z,decision_gate,acme,large,,0.5,1",
    ]
    path.write_text("\n".join(lines), "utf-8")
    import_file(path, decided_at="2026-02-02T02:02:02Z", confidence_kind="self_reported")
    first, second = DecisionRecord.objects.order_by("decision_id")
    assert (first.policy_key, second.policy_key) == ("confidence_gate", "decision_gate")
    assert first.occurred_at == datetime(2026, 2, 2, 2, 2, 2, tzinfo=UTC)
    assert second.occurred_at == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert {first.confidence_kind, second.confidence_kind} == {"self_reported"}


def test_import__blank_success__is_unlabelled(workspace: Workspace, tmp_path: Path) -> None:
    output = import_file(csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,"))
    assert "1 imported (1 of them unlabelled)" in output
    assert not DecisionOutcome.objects.exists()


def test_import__row_without_an_id__is_named_by_content_and_line(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    import_file(path)
    assert DecisionExternalId.objects.get().external_id == f"sha256:{digest}:2"


def test_import__same_file_again_also_packed__changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1", "2026-01-31T09:30:01Z,acme,large,,0.7,")
    import_file(path)
    packed = tmp_path / "history.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert "0 imported (0 of them unlabelled), 2 unchanged, 0 rejected" in import_file(path)
    assert "0 imported (0 of them unlabelled), 2 unchanged, 0 rejected" in import_file(packed)
    assert (DecisionRecord.objects.count(), DecisionOutcome.objects.count()) == (2, 1)


def test_import__same_file_into_another_workspace__is_another_history(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1")
    import_file(path)
    WorkspaceFactory(slug="other")
    assert "1 imported" in import_file(path, workspace="other")


def test_import__known_id_with_another_body__is_rejected(workspace: Workspace, tmp_path: Path) -> None:
    header = f"external_id,{HEADER}"
    import_file(csv_file(tmp_path, "id-1,2026-01-31T09:30:00Z,acme,large,triage,0.8,1", header=header))
    again = csv_file(
        tmp_path,
        "id-1,2026-01-31T09:30:00Z,acme,large,triage,0.8,0",
        "id-2,2026-01-31T09:30:00Z,acme,large,triage,0.8,1",
        "id-2,2026-01-31T09:30:00Z,acme,large,triage,0.9,1",
        "id-2,2026-01-31T09:30:00Z,acme,large,triage,0.8,1",
        header=header,
    )
    errors: list[str] = []
    with pytest.raises(CommandError, match="2 rows were rejected"):
        import_file(again, errors=errors)
    assert errors == [
        "line 2: another record with this external_id exists",
        "line 4: another record with this external_id exists",
    ]
    assert DecisionRecord.objects.count() == 2


def test_import__more_than_a_chunk__is_all_there(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "CHUNK", 7)
    rows = [f"2026-01-31T09:30:00Z,acme,large,triage,0.{number:04d},{number % 2}" for number in range(100)]
    import_file(csv_file(tmp_path, *rows))
    assert DecisionRecord.objects.count() == DecisionOutcome.objects.count() == 100


def test_import__broken_off_and_started_again__goes_on_where_it_was(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "CHUNK", 10)
    path = csv_file(tmp_path, *[f"2026-01-31T09:30:00Z,acme,large,triage,0.{number:04d},1" for number in range(40)])
    chunks = iter(range(2))

    def pull_the_plug(phase: str) -> None:
        if phase == "importing" and next(chunks, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), RejectsFile(tmp_path / "rejects") as rejects:
        services.import_decisions(
            workspace=workspace,
            source=Source(path),
            format=CsvFormat(),
            mapping=ImportMapping(constants={"policy_key": "confidence_gate"}),
            rejects=rejects,
            on_rejected=lambda number, reason: None,
            on_progress=pull_the_plug,
        )
    assert DecisionRecord.objects.count() == 30
    assert "10 imported (0 of them unlabelled), 30 unchanged" in import_file(path)


def test_import__pipe__is_read_like_a_file(workspace: Workspace, tmp_path: Path) -> None:
    pipe = tmp_path / "history.csv"
    os.mkfifo(pipe)
    content = f"{HEADER}\n2026-01-31T09:30:00Z,acme,large,triage,0.8,1\n".encode()
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    assert "1 imported" in import_file(pipe)
    writer.join()


def test_import__standard_input__needs_the_format(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"{HEADER}\n2026-01-31T09:30:00Z,acme,large,triage,0.8,1\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(CommandError, match="--format"):
        import_file("-")
    assert "1 imported" in import_file("-", format="csv")


def test_import__dry_run__checks_and_stores_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1", "2026-01-31T09:30:00Z,acme,large,,2,1")
    with pytest.raises(CommandError, match="1 rows were rejected"):
        import_file(path, dry_run=True, scale="1")
    assert not DecisionRecord.objects.exists()


def test_import__unknown_workspace__is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no workspace"):
        import_file(csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"policy_key": "no.such.key"}, "policy key"),
        ({"policy_key": "lead_context_bundle"}, "policy key"),
        ({"decided_at": "yesterday"}, "RFC 3339"),
        ({"decided_at": "2999-01-01T00:00:00Z"}, "future"),
    ],
)
def test_import__option_that_cannot_stand_in__is_refused(
    workspace: Workspace, tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(CommandError, match=problem):
        import_file(csv_file(tmp_path, "2026-01-31T09:30:00Z,acme,large,triage,0.8,1"), **options)
    assert not DecisionRecord.objects.exists()
