"""Engines: who declares them, what a run over one says, what is refused, and that reviews fix where they read."""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from calibration.engines.declaring import declare_engine, withdraw_engine
from calibration.models import ConfidenceCalibrationRun, EvidenceEngine
from calibration.reviews.setting import set_review_calendar
from calibration.runner import run_calibration
from calibration.runs.report import run_as_text
from calibration.tests.factories import HONEST, START, WINDOW
from confidence_project.foundation.errors import AlreadySo, Conflict, DomainError, InvalidInput, NotFound, Unavailable
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.browser import signed_in, text, words
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.models import LogLeaf
from ledger.tests.transparency import SIGNER
from ledger.tests.transparency import run as run_command

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).parents[2]
VARIABLE = "CONFIDENCE_ENGINE_LAKE"
KEY = "confidence_gate"
DAY = timedelta(days=1)
ONE_TABLE: dict[str, Any] = {
    "columns": {"external_id": "id", "decided_at": "at", "confidence": "c", "model": "model"},
    "outcome_columns": {"success": "ok"},
    "constants": {"policy_key": KEY, "provider": "acme"},
}
DATED: dict[str, Any] = {
    **ONE_TABLE,
    "columns": {**ONE_TABLE["columns"], "recorded_at": "at"},
    "outcome_columns": {"success": "ok", "recorded_at": "known"},
}
LIST, ADD = "admin:calibration_evidenceengine_changelist", "admin:calibration_evidenceengine_add"


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory(slug="acme")
    Workspace.objects.update(created_at=START - 300 * DAY)
    workspace.refresh_from_db()
    return workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "lake"))
    return tmp_path / "lake"


def rows(counts: dict[float, tuple[int, int]]) -> list[dict[str, Any]]:
    """Rows of one table, as `factories.history` has them."""
    labels = [(confidence, i < won) for confidence, (won, lost) in counts.items() for i in range(won + lost)]
    mixed = [labels[(place * 7919) % len(labels)] for place in range(len(labels))]
    return [
        {
            "id": f"d{place}",
            "at": START + timedelta(minutes=place),
            "known": START + timedelta(minutes=place + 60),
            "c": confidence,
            "model": "m1",
            "ok": won,
        }
        for place, (confidence, won) in enumerate(mixed)
    ]


def write(folder: Path, table: list[dict[str, Any]], name: str = "d.parquet") -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), folder / name)


def declared(workspace: Workspace, mapping: dict[str, Any] | None = None, **fields: Any) -> EvidenceEngine:
    asked: dict[str, Any] = {
        "actor": SuperuserFactory(),
        "name": "lake",
        "kind": "duckdb",
        "address_variable": VARIABLE,
        "decisions": "*.parquet",
        "reason": "Test.",
        **fields,
    }
    return declare_engine(workspace=workspace, mapping=mapping or ONE_TABLE, **asked)


def run(workspace: Workspace, engine: EvidenceEngine | None, **asked: Any) -> ConfidenceCalibrationRun:
    return run_calibration(workspace=workspace, engine=engine, **{"policy_keys": [KEY], **WINDOW, **asked})


def counted(done: ConfidenceCalibrationRun) -> tuple[int, int, int]:
    (finding,) = done.output["policies"][0]["findings"]
    return finding["decisions"], finding["labelled"], finding["successes"]


# --- what a run over an engine says ----------------------------------------------------------------------------------


def test_run__over_a_declared_engine__says_where_it_counted_and_proposes(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    write(folder, rows({0.99: (600, 0), 0.9: (60, 40)}))
    mapping, admin = tmp_path / "mapping.json", admin_of(workspace)
    mapping.write_text(json.dumps(ONE_TABLE))
    said = StringIO()
    call_command(
        "declare_engine", "lake", workspace="acme", kind="duckdb", address_variable=VARIABLE, decisions="d.parquet",
        mapping=mapping, username=admin.username, reason="Our lake", stdout=said,
    )  # fmt: skip
    assert "lake (DuckDB) is declared" in said.getvalue()
    table = StringIO()
    call_command(
        "run_calibration", workspace="acme", engine="lake", policy_key=[KEY], window_from=WINDOW["window_from"],
        window_to=WINDOW["window_to"], maturity_days=0, stdout=table,
    )  # fmt: skip
    done = ConfidenceCalibrationRun.objects.get()
    told = done.output["policies"][0]["engine"]
    assert (done.engine.name, told["engine"], told["kind"], told["groups"]) == ("lake", "lake", "duckdb", 2)
    assert told["counts_sha256"] in table.getvalue().replace("\n    ", " ")
    assert "Counted in the engine lake at " in table.getvalue()
    assert str(folder) not in json.dumps(done.output)
    proposal = ConfidencePolicyProposal.objects.get(origin="calibration")
    page = reverse("admin:calibration_confidencecalibrationrun_change", args=[done.pk])
    assert "Counted in the engine lake at " in words(signed_in(admin).get(page))
    assert json.loads(proposal.evidence)["engine"]["counts_sha256"] == told["counts_sha256"]
    evidence = reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
    assert "Counted in the engine lake at " in words(signed_in(admin).get(evidence))


def test_run__queued_in_the_admin__offers_the_engines_of_the_workspace(workspace: Workspace, folder: Path) -> None:
    write(folder, rows(HONEST))
    engine, other = declared(workspace), declared(WorkspaceFactory(slug="other"))
    page = text(signed_in(admin_of(workspace)).get(reverse("admin:calibration_confidencecalibrationrun_add")))
    assert f'<option value="{engine.pk}"' in page
    assert f'<option value="{other.pk}"' not in page


def test_source__that_changes_between_two_readings__is_told(workspace: Workspace, folder: Path) -> None:
    table = rows(HONEST)
    write(folder, table)
    engine = declared(workspace)
    first = run(workspace, engine, dry_run=True)
    assert run(workspace, engine, dry_run=True).output["policies"][0]["engine"]["otherwise_in_run"] is None
    call_command("recount_engine", run=first.pk, stdout=(same := StringIO()))
    assert "the same counts" in same.getvalue()
    table[0]["ok"] = not table[0]["ok"]
    write(folder, table)
    later = run(workspace, engine, dry_run=True)
    assert later.output["policies"][0]["engine"]["otherwise_in_run"] is not None
    assert "what the engine holds has changed since" in " ".join(run_as_text(later).split())
    with pytest.raises(CommandError, match="has changed since the run: confidence_gate"):
        call_command("recount_engine", run=first.pk, stdout=StringIO())


# --- what columns may hold -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "change", "times"),
    [
        ("at", lambda row: row["at"].replace(tzinfo=None), "utc"),
        ("at", lambda row: int(row["at"].timestamp()), "s"),
        ("at", lambda row: int(row["at"].timestamp()) * 1_000, "ms"),
        ("at", lambda row: int(row["at"].timestamp()) * 1_000_000, "us"),
        ("at", lambda row: int(row["at"].timestamp()) * 1_000_000_000, "ns"),
    ],
)
def test_times__declared__are_read_and_undeclared_ones_are_refused(
    workspace: Workspace, folder: Path, column: str, change: Any, times: str
) -> None:
    write(folder, [{**row, column: change(row)} for row in rows(HONEST)])
    engine = declared(workspace, {**ONE_TABLE, "times": times})
    assert counted(run(workspace, engine, dry_run=True)) == (1100, 1100, 1006)
    with pytest.raises(InvalidInput, match="must say under times how they are meant"):
        run(workspace, declared(workspace, name="undeclared"), dry_run=True)


def test_scale_and_conditions__are_those_of_imports(workspace: Workspace, folder: Path) -> None:
    write(folder, [{**row, "c": row["c"] * 100, "ok": "KEEP" if row["ok"] else "DROP"} for row in rows(HONEST)])
    mapping = {
        **ONE_TABLE,
        "outcome_columns": {},
        "scale": 100,
        "success_when": [["ok", "KEEP"]],
        "failure_when": [["ok", "DROP"]],
    }
    assert counted(run(workspace, declared(workspace, mapping), dry_run=True)) == (1100, 1100, 1006)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"c": 1.2}, "confidence is no number from 0 to 1; scale says what else stands for certainty: 1 decisions"),
        ({"c": float("nan")}, "confidence is no number from 0 to 1"),
        ({"ok": 2}, "success is neither 0 nor 1"),
        ({"id": ""}, "external_id is blank: 1 decisions"),
        ({"id": "d1"}, "several rows of one external_id say different things: 2 decisions"),
        ({"model": "Ms Miller said"}, "The column for model holds 1 different values that are no names of the ledger"),
    ],
)
def test_row__that_the_ledger_would_not_take__refuses_the_run_without_its_value(
    workspace: Workspace, folder: Path, changes: dict[str, Any], why: str
) -> None:
    # Two confidences, so that the statistics of the file exclude what the third one is.
    table = [{**row, "ok": int(row["ok"])} for row in rows({0.95: (20, 0), 0.9: (20, 0)})]
    write(folder, [{**table[0], **changes}, *table[1:]])
    with pytest.raises(InvalidInput, match=why) as refused:
        run(workspace, declared(workspace), dry_run=True)
    assert not any(str(value) in refused.value.detail for value in changes.values() if len(str(value)) > 3)
    assert ConfidenceCalibrationRun.objects.get().status == "FAILED"


def test_label__of_an_id_told_twice__the_latest_rules_and_of_equals_the_failure(
    workspace: Workspace, folder: Path
) -> None:
    first, *others = rows({0.95: (20, 0)})
    again = [
        {**first, "ok": ok, "known": first["known"] + timedelta(hours=late)} for ok, late in [(False, 2), (True, 2)]
    ]
    write(folder, [first, *again, *others, {**others[0], "ok": None}])
    assert counted(run(workspace, declared(workspace, DATED), dry_run=True)) == (20, 20, 19)


# --- what cannot be declared or read ---------------------------------------------------------------------------------

COLUMNS = ONE_TABLE["columns"]


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"columns": {}}, "nothing says where these are: external_id, decided_at, confidence, policy_key"),
        ({**ONE_TABLE, "columns": {**COLUMNS, "colour": "x"}}, "names of columns are some of external_id"),
        ({**ONE_TABLE, "words": {"low": 0.3}}, "words"),
        ({**ONE_TABLE, "outcome_columns": {}}, "what succeeded is said by success or by success_when"),
        ({**ONE_TABLE, "columns": {**COLUMNS, "audit_selected": "a"}}, "without an origin all is history"),
        ({**ONE_TABLE, "columns": {**COLUMNS, "origin": "o"}}, "with an origin go gate_reason and threshold"),
        ({**ONE_TABLE, "constants": {"policy_key": "nope", "provider": "acme"}}, "is not registered"),
    ],
)
def test_mapping__that_cannot_be_meant__is_refused(workspace: Workspace, mapping: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        declared(workspace, mapping)


@pytest.mark.parametrize(
    "fields",
    [
        {"address_variable": "SECRET_KEY"},
        {"decisions": "../../etc/passwd"},
        {"decisions": "/etc/passwd"},
        {"outcomes": "s3://elsewhere/x.parquet"},
        {"decisions": "d.parquet'); DROP TABLE x"},
        {"kind": "oracle"},
        {"name": "my lake"},
    ],
)
def test_declaration__that_reaches_elsewhere__is_refused(workspace: Workspace, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        declared(workspace, **fields)


def test_files__behind_a_link_out_of_the_folder__are_not_read(workspace: Workspace, folder: Path) -> None:
    write(folder.parent, rows(HONEST), "secret.parquet")
    (folder / "link.parquet").symlink_to(folder.parent / "secret.parquet")
    with pytest.raises(Unavailable, match="No file below the engine's address"):
        run(workspace, declared(workspace), dry_run=True)


def test_engine__not_installed_or_without_address_or_broken__says_what_to_do(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = declared(workspace)
    (folder / "d.parquet").write_bytes(b"no parquet, but secret")
    with pytest.raises(Unavailable, match="DuckDB could not read the declared sources") as broken:
        run(workspace, engine, dry_run=True)
    assert "secret" not in broken.value.detail
    spec = importlib.util.find_spec
    without = mock.patch("calibration.engines.kinds.find_spec", lambda name: None if name == "duckdb" else spec(name))
    with without, pytest.raises(Unavailable, match=r"pip install -r requirements-engines\.txt"):
        run(workspace, engine, dry_run=True)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(Unavailable, match=f"{VARIABLE}, which holds the address of the engine, is not set"):
        run(workspace, engine, dry_run=True)


@pytest.mark.parametrize(
    ("kind", "address", "needs"),
    [
        ("clickhouse", "/srv/lake", "requirements-clickhouse.txt"),
        ("clickhouse", "https://host:8443/ai", "requirements-clickhouse-server.txt"),
        ("spark", "sc://host:15002", "requirements-spark.txt"),
        ("bigquery", "bigquery://project/ai", "requirements-bigquery.txt"),
        ("snowflake", "snowflake://ann:secret@acme/LAKE/AI", "requirements-snowflake.txt"),
        ("trino", "https://ann:secret@host/lake/ai", "requirements-trino.txt"),
    ],
)
def test_engine__without_its_driver__names_the_file_of_requirements(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, kind: str, address: str, needs: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    without = mock.patch("calibration.engines.kinds.find_spec", return_value=None)
    with without, pytest.raises(Unavailable, match=f"pip install -r {needs}"):
        run(workspace, declared(workspace, kind=kind, decisions="decisions"), dry_run=True)
    for file in re.findall(r"-r (\S+)", (ROOT / needs).read_text()):
        assert (ROOT / file).exists()


def test_mapping__of_a_column_that_is_not_there__is_refused(workspace: Workspace, folder: Path) -> None:
    write(folder, rows({0.95: (20, 0)}))
    with pytest.raises(InvalidInput, match="The column for confidence is not there"):
        run(workspace, declared(workspace, {**ONE_TABLE, "columns": {**COLUMNS, "confidence": "C"}}), dry_run=True)


# --- who may ---------------------------------------------------------------------------------------------------------


def test_page__who_may_operate__declares_and_withdraws_and_the_row_stays(workspace: Workspace) -> None:
    admin = admin_of(workspace)
    client = signed_in(admin)
    form = {
        "workspace": workspace.pk, "name": "lake", "kind": "duckdb", "address_variable": VARIABLE,
        "decisions": "d.parquet", "mapping": json.dumps(ONE_TABLE), "reason": "Ours.",
    }  # fmt: skip
    assert client.post(reverse(ADD), form).status_code == 302
    engine = EvidenceEngine.objects.get()
    assert (engine.started_by_name, engine.mapping) == (admin.username, ONE_TABLE)
    assert "declared already" in words(client.post(reverse(ADD), form))
    withdraw = reverse("admin:calibration_evidenceengine_withdraw", args=[engine.pk])
    assert client.post(withdraw, {"reason": "Moved."}).status_code == 302
    engine.refresh_from_db()
    assert (engine.ended_by_name, engine.end_reason) == (admin.username, "Moved.")
    with pytest.raises(NotFound):
        run(workspace, engine, dry_run=True)


def test_declaration_and_end__are_on_the_audit_page_and_in_the_log(workspace: Workspace, settings: Any) -> None:
    settings.CONFIDENCE_LOG_KEY = SIGNER
    withdraw_engine(actor=SuperuserFactory(), engine=declared(workspace), reason="Moved.")
    page = words(signed_in(admin_of(workspace)).get(reverse("admin:audit"), {"workspace": workspace.slug}))
    assert "Evidence engine started" in page
    assert "Evidence engine ended" in page
    run_command("checkpoint_ledger")
    assert {"evidence_engine", "evidence_engine_end"} <= set(LogLeaf.objects.values_list("entry", flat=True))
    assert "agree" in run_command("verify_ledger")


def test_page__viewer_and_outsider__change_nothing(workspace: Workspace) -> None:
    engine = declared(workspace)
    withdraw = reverse("admin:calibration_evidenceengine_withdraw", args=[engine.pk])
    assert signed_in(viewer_of(workspace)).post(withdraw, {"reason": "Mine."}).status_code == 403
    assert signed_in(admin_of(WorkspaceFactory())).post(withdraw, {"reason": "Mine."}).status_code == 404
    assert reverse("admin:calibration_evidenceengine_change", args=[engine.pk]) not in text(
        signed_in(UserFactory()).get(reverse(LIST))
    )
    assert EvidenceEngine.objects.in_force().count() == 1


def test_engine__of_another_workspace__is_not_read_nor_named_by_a_calendar(workspace: Workspace) -> None:
    other = declared(WorkspaceFactory(slug="other"), DATED)
    with pytest.raises(NotFound):
        run(workspace, other, dry_run=True)
    with pytest.raises(NotFound):
        set_review_calendar(actor=None, workspace=workspace, policy_key=KEY, reason="Test.", engine=other)
    assert not ConfidenceCalibrationRun.objects.exists()


def test_name__in_use__is_a_conflict(workspace: Workspace) -> None:
    declared(workspace)
    with pytest.raises(AlreadySo, match="declared already"):
        declared(workspace)


# --- reviews ---------------------------------------------------------------------------------------------------------

OPENING = START + 31 * DAY
LENIENT = {0.95: (600, 0), 0.7: (600, 0)}
"""Everything succeeds, so 0.7 is certified against the 0.9 in force."""


def at(moment: datetime) -> Any:
    return mock.patch("django.utils.timezone.now", return_value=moment)


def calendar(workspace: Workspace, engine: EvidenceEngine, moment: datetime = START - DAY, **terms: Any) -> None:
    asked: dict[str, Any] = {"opening_on": OPENING.date(), "window_days": 31, "maturity_days": 0, **terms}
    with at(moment):
        set_review_calendar(actor=None, workspace=workspace, policy_key=KEY, reason="Test.", engine=engine, **asked)


def test_review__of_a_calendar_that_names_an_engine__reads_it_whatever_was_asked(
    workspace: Workspace, folder: Path
) -> None:
    table = rows(LENIENT)
    # What is known only after the date would spoil it, and does not count.
    late = [{**row, "ok": False, "known": OPENING + DAY} for row in table if row["c"] == 0.7]
    write(folder, [*table, *late])
    engine = declared(workspace, DATED)
    calendar(workspace, engine)
    with at(OPENING - DAY):
        before = run(workspace, engine, dry_run=False)
    with at(OPENING + 5 * DAY):
        held = run_calibration(workspace=workspace, policy_keys=[KEY])
    told = [each.output["policies"][0] for each in (before, held)]
    assert [(each["findings"][0]["recommended"], each["review"]["may_loosen"]) for each in told] == [
        (0.9, False),
        (0.7, True),
    ]
    assert (held.engine, told[1]["engine"]["engine"]) == (engine, "lake")
    withdraw_engine(actor=SuperuserFactory(), engine=engine, reason="Moved.")
    with at(OPENING + 6 * DAY), pytest.raises(Conflict, match="was withdrawn"):
        run_calibration(workspace=workspace, policy_keys=[KEY], again=True)


def test_review__no_calendar_names_the_engine__a_run_over_it_only_tightens(workspace: Workspace, folder: Path) -> None:
    write(folder, rows(LENIENT))
    with at(OPENING + 5 * DAY):
        done = run(workspace, declared(workspace, DATED))
    found = done.output["policies"][0]
    assert (found["findings"][0]["recommended"], found["review"]["may_loosen"]) == (0.9, False)


@pytest.mark.parametrize(
    ("mapping", "terms", "why"),
    [
        (ONE_TABLE, {}, "Declare an engine whose mapping has recorded_at"),
        (DATED, {"opening_on": None, "opening_decisions": 100}, "Give the date of the opening"),
        (DATED, {"moment": START + DAY}, "window has begun already"),
    ],
)
def test_calendar__that_could_not_be_fixed_beforehand__is_refused(
    workspace: Workspace, mapping: dict[str, Any], terms: dict[str, Any], why: str
) -> None:
    with pytest.raises(DomainError, match=why):
        calendar(workspace, declared(workspace, mapping), **terms)
