"""One contract for every engine: the same decisions give the same counts and the same hash as the ledger's.

`calibration/tests/test_engines.py` holds DuckDB to it, `.ci/interop/test_engines.py` the large ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
from django.core.management import call_command

from calibration.engines.declaring import declare_engine
from calibration.models import ConfidenceCalibrationRun, EvidenceEngine
from calibration.runner import run_calibration
from calibration.tests.factories import START, decision, outcome, store
from confidence_project.foundation.bulk import insert_rows
from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.tests.factories import SuperuserFactory
from governance.workspaces.names import declare_name
from ledger.models import DecisionOutcome, DecisionRecord, OutcomeVoid

VARIABLE = "CONFIDENCE_ENGINE_TEST"
KEYS = ["confidence_gate", "decision_gate"]
WINDOW = {"window_from": START, "window_to": START + timedelta(days=2), "maturity_days": 0.25}
SPLITS = [("provider", "model"), ("task", "channel", "prompt_hash")]

OWN = {
    "columns": {
        name: name
        for name in (
            "external_id", "decided_at", "policy_key", "provider", "model", "task", "options", "channel", "confidence",
            "confidence_kind", "prompt_hash", "ml_risk_score", "case_key", "gate_verdict", "recorded_at", "origin",
            "gate_reason", "threshold", "risk_threshold", "audit_selected", "label_propensity",
        )
    },
    "outcome_columns": {
        "external_id": "decision", "success": "success", "outcome_source": "source", "observed_at": "observed_at",
        "recorded_at": "recorded_at", "sequence": "sequence", "voided_at": "voided_at",
    },
}  # fmt: skip
"""The mapping of the ledger's own columns, as `export` writes them."""

Load = Callable[[Mapping[str, Sequence[Path]]], None]
"""Puts files of Parquet into tables, by their names."""

HALVES = {
    "columns": {"external_id": "id", "decided_at": "at", "confidence": "c"},
    "outcome_columns": {"success": "ok"},
    "constants": {"policy_key": "confidence_gate", "provider": "acme", "model": "m1"},
}


def declared(workspace: Workspace, kind: str, mapping: dict[str, Any], **fields: Any) -> EvidenceEngine:
    """An engine over `*.parquet` of the folder that `VARIABLE` names."""
    asked = {"decisions": "decisions-*.parquet", "outcomes": "outcomes.parquet", "reason": "Test.", **fields}
    return declare_engine(
        actor=SuperuserFactory(),
        workspace=workspace,
        name="lake",
        kind=kind,
        address_variable=VARIABLE,
        mapping=mapping,
        **asked,
    )


def looked_at(workspace: Workspace, engine: EvidenceEngine | None = None, **asked: Any) -> ConfidenceCalibrationRun:
    return run_calibration(
        workspace=workspace, engine=engine, **{"policy_keys": KEYS, "dry_run": True, **WINDOW, **asked}
    )


def seen(run: ConfidenceCalibrationRun) -> list[Any]:
    """What must not differ: hashes of the inputs, and every finding."""
    return [(each["policy_key"], each["inputs_sha256"], each["findings"]) for each in run.output["policies"]]


def every_rule(workspace: Workspace) -> None:
    """Store decisions that meet every rule of the evidence: strata, cases, kinds, ruling outcomes, voids."""
    declare_name(actor=SuperuserFactory(), workspace=workspace, kind="provider", name="übel ai")
    draw = random.Random(18)
    decisions = [_drawn(workspace, draw, place) for place in range(2_500)]
    outcomes = [each for one in decisions for each in _told(one, draw)]
    store(decisions, outcomes)
    stored = DecisionOutcome.objects.in_workspace(workspace).order_by("pk")
    voided = [each for each in stored if draw.random() < 0.05]
    insert_rows(
        [OutcomeVoid(outcome=each, workspace=workspace, at=each.recorded_at, reporter="test") for each in voided]
    )


def _drawn(workspace: Workspace, draw: random.Random, place: int) -> DecisionRecord:
    key = draw.choice(KEYS)
    definition = get_definition(key)
    names = {kind: definition.field_of_kind(kind) for kind in FieldKind}
    origin = draw.choice(["gate", "gate", "import", "observed"])
    verdict = draw.choice(["allow", "allow", "block"])
    reason = {"allow": "allowed", "block": "llm_confidence_below_threshold"}[verdict]
    is_audited = origin == "gate" and draw.random() < (0.4 if verdict == "block" else 0.1)
    thresholds = {
        field.name: draw.choice([0.7, 0.85, 0.9])
        for kind, field in names.items()
        if field and kind in (FieldKind.CONFIDENCE_THRESHOLD, FieldKind.RISK_THRESHOLD)
    }
    return decision(
        workspace,
        confidence=None if draw.random() < 0.03 else draw.randrange(10_001) / 10_000,
        # Some at the very moment of others, so that ids decide which of a case is the earliest.
        minute=draw.randrange(2 * 24 * 60),
        policy_key=key,
        provider=draw.choice(["acme", "übel ai"]),
        model=draw.choice(["m1", "m2"]),
        task=draw.choice(["", "triage"]),
        options=draw.choice([None, f"2-{'c' * 12}", f"3-{'d' * 12}"]),
        channel=draw.choice(["", "mail", "chat"]),
        prompt_hash=draw.choice(["", "a" * 64, "b" * 64]),
        confidence_kind=draw.choice(["unspecified", "self_reported", "decision_model", "predicate_yes"]),
        ml_risk_score=None if draw.random() < 0.1 else Decimal(draw.randrange(10_001)) / 10_000,
        case_key="" if draw.random() < 0.5 else f"case-{draw.randrange(300)}",
        gate_verdict=verdict,
        gate_reason="kill_switch" if origin == "gate" and draw.random() < 0.1 else reason,
        origin=origin,
        thresholds=thresholds if origin == "gate" and draw.random() < 0.9 else {},
        audit_selected=is_audited,
        label_propensity=Decimal("0.2500") if is_audited else None,
        external_id=f"d-{place}",
    )


def _told(of: DecisionRecord, draw: random.Random) -> Iterator[DecisionOutcome]:
    is_late = False
    for sequence in range(1, 1 + draw.choice([0, 1, 1, 1, 2, 3])):
        at = of.occurred_at + timedelta(hours=draw.choice([1, 1, 2]))
        # What comes after something that is not known yet is not known either.
        is_late = is_late or draw.random() < 0.05
        yield outcome(
            of,
            draw.random() < 0.8,
            sequence=sequence,
            source=draw.choice(["downstream_event", "human_review", "booking"]),
            observed_at=at,
            recorded_at=datetime(2099, 1, 1, tzinfo=UTC) if is_late else at,
        )


def export(workspace: Workspace, folder: Path) -> None:
    """Write the ledger of a workspace to Parquet: decisions in two files, with repeated rows, and outcomes."""
    rows = [_as_row(each) for each in DecisionRecord.objects.in_workspace(workspace).order_by("pk")]
    _write(folder / "decisions-1.parquet", rows[::2], _DECISION)
    # The order of columns differs from file to file, and delivery at least once brings rows twice.
    _write(folder / "decisions-2.parquet", rows[1::2] + rows[:50:2], dict(reversed(_DECISION.items())))
    outcomes = DecisionOutcome.objects.in_workspace(workspace).select_related("void")
    told = [
        {
            "decision": str(each.decision_id),
            "success": each.success,
            "source": each.source,
            "observed_at": each.observed_at,
            "recorded_at": each.recorded_at,
            "sequence": each.sequence,
            "voided_at": each.void.at if hasattr(each, "void") else None,
        }
        for each in outcomes
    ]
    _write(folder / "outcomes.parquet", told, _OUTCOME)


_TIME = pyarrow.timestamp("us", "UTC")
_PROBABILITY = pyarrow.decimal128(5, 4)
_DECISION = {
    **{name: pyarrow.string() for name in OWN["columns"]},
    "decided_at": _TIME,
    "recorded_at": _TIME,
    "audit_selected": pyarrow.bool_(),
    **dict.fromkeys(("confidence", "ml_risk_score", "threshold", "risk_threshold", "label_propensity"), _PROBABILITY),
}
_OUTCOME = {
    **dict.fromkeys(("decision", "source"), pyarrow.string()),
    **dict.fromkeys(("observed_at", "recorded_at", "voided_at"), _TIME),
    "success": pyarrow.bool_(),
    "sequence": pyarrow.int32(),
}


def _as_row(of: DecisionRecord) -> dict[str, Any]:
    definition = get_definition(of.policy_key)
    applied = {
        name: of.thresholds.get(field.name) if (field := definition.field_of_kind(kind)) else None
        for name, kind in (
            ("threshold", FieldKind.CONFIDENCE_THRESHOLD),
            ("risk_threshold", FieldKind.RISK_THRESHOLD),
        )
    }
    return {
        "external_id": str(of.pk),
        "decided_at": of.occurred_at,
        "recorded_at": of.timestamp,
        "confidence": of.llm_confidence,
        # Blanks are nulls elsewhere.
        **{
            name: getattr(of, name) or None
            for name in (
                "policy_key", "provider", "model", "task", "options", "channel", "confidence_kind", "prompt_hash",
                "case_key", "gate_verdict", "origin", "gate_reason",
            )
        },
        **{name: getattr(of, name) for name in ("ml_risk_score", "audit_selected", "label_propensity")},
        **{name: None if value is None else Decimal(str(value)) for name, value in applied.items()},
    }  # fmt: skip


def _write(path: Path, rows: list[dict[str, Any]], schema: dict[str, Any]) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, pyarrow.schema(schema.items())), path)


def imported_halves(workspace: Workspace, folder: Path) -> None:
    """Import confidences half-way between two of four decimals, as text; the same as decimals lie in the folder."""
    halves = [Decimal(10 * place + 5) / 100_000 for place in range(0, 10_000, 7)]
    rows = [
        {
            "id": f"h-{place}",
            "at": START + timedelta(seconds=place),
            "c": half,
            "ok": place % 3 > 0 if place % 5 else None,
        }
        for place, half in enumerate(halves)
    ]
    lines = [
        f"{row['id']},{row['at'].isoformat()},{row['c']},{'' if row['ok'] is None else int(row['ok'])}" for row in rows
    ]
    file = folder / "halves.csv"
    file.write_text("\n".join(["id,at,c,ok", *lines]))
    call_command(
        "import_decisions", str(file), workspace=workspace.slug, task="t", policy_key="confidence_gate",
        provider="acme", model="m1", column=["external_id=id,decided_at=at,confidence=c,success=ok"], stdout=StringIO(),
    )  # fmt: skip
    schema = {"id": pyarrow.string(), "at": _TIME, "c": pyarrow.decimal128(6, 5), "ok": pyarrow.bool_()}
    _write(folder / "decisions-halves.parquet", rows, schema)


def into_duckdb(database: Path, tables: Mapping[str, Sequence[Path]]) -> None:
    """A `Load` into a database file of DuckDB."""
    with duckdb.connect(str(database)) as session:
        for table, files in tables.items():
            named = [str(path) for path in files]
            session.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet({named}, union_by_name = true)")


def _sources(folder: Path, load: Load | None, **patterns: str) -> dict[str, str]:
    """What is declared: patterns of files, or the tables into which these were put, called as our views are."""
    if load is None:
        return patterns
    load({name: sorted(folder.glob(pattern)) for name, pattern in patterns.items() if pattern})
    return {name: name if pattern else "" for name, pattern in patterns.items()}


def check_every_rule(workspace: Workspace, kind: str, folder: Path, load: Load | None = None) -> None:
    """Hold an engine to the ledger's counts, whatever findings are split by; over files, or tables with `load`."""
    every_rule(workspace)
    export(workspace, folder)
    sources = _sources(folder, load, decisions="decisions-*.parquet", outcomes="outcomes.parquet")
    engine = declared(workspace, kind, OWN, **sources)
    for split in SPLITS:
        there, here = (looked_at(workspace, each, segment_by=split) for each in (engine, None))
        assert seen(there) == seen(here)
        assert (there.inputs_sha256, there.samples) == (here.inputs_sha256, here.samples)
        assert here.samples > 1_000


def check_halves(workspace: Workspace, kind: str, folder: Path, load: Load | None = None) -> None:
    """Hold an engine to the lattice of the ledger at values half-way between two of its points."""
    imported_halves(workspace, folder)
    sources = _sources(folder, load, decisions="decisions-halves.parquet", outcomes="")
    engine = declared(workspace, kind, HALVES, **sources)
    there, here = (looked_at(workspace, each, policy_keys=["confidence_gate"]) for each in (engine, None))
    assert seen(there) == seen(here)
    assert here.samples > 1_000
