"""Bad files and bad lines: each named by its number and reason, never by its content, which goes to one place only."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import stat
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory
from ledger.imports.source import LONGEST_LINE
from ledger.models import DecisionRecord
from ledger.tests.imports import HEADER, csv_file, import_file

pytestmark = pytest.mark.django_db

GOOD = "2026-01-31T09:30:00Z,acme,large,triage,0.8,1"
SECRET = "Private4711"


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


def rejected(path: Path, **options: Any) -> list[str]:
    """What an import that rejects lines said of them."""
    errors: list[str] = []
    with pytest.raises(CommandError, match=r"\d+ rows were rejected; they are in"):
        import_file(path, errors=errors, **options)
    return errors


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"2026-01-31T09:30:00Z,acme,large,triage,0.8,1,{SECRET}", "the line has 7 values for 6 columns"),
        ("2026-01-31T09:30:00Z,acme", "the line has 2 values for 6 columns"),
        ("2026-01-31T09:30:00Z,acme,large,triage,1.2,1", "confidence must be a number from 0 to 1"),
        ("2026-01-31T09:30:00Z,acme,large,triage,-0.01,1", "confidence must be a number from 0 to 1"),
        ("2026-01-31T09:30:00Z,acme,large,triage,NaN,1", "confidence must be a number from 0 to 1"),
        ("2026-01-31T09:30:00Z,acme,large,triage,inf,1", "confidence must be a number from 0 to 1"),
        (f"2026-01-31T09:30:00Z,acme,large,triage,{SECRET},1", "confidence must be a number"),
        ('2026-01-31T09:30:00Z,acme,large,triage,"0,8",1', "confidence must be a number"),
        ("2026-01-31T09:30:00Z,acme,large,triage,,1", "confidence is missing"),
        ("2026-01-31T09:30:00Z,,large,triage,0.8,1", "provider is missing"),
        (
            f"2026-01-31T09:30:00Z,acme,{SECRET} has spaces,triage,0.8,1",
            "model must have 1 to 200 visible characters (ASCII) and no white space; any other",
        ),
        (f"2026-01-31T09:30:00Z,acme,large,triage,0.8,{SECRET}", "success must be 1, 0, true or false"),
        (",acme,large,triage,0.8,1", "decided_at is missing; --decided-at stands in for it"),
        ("2026-01-31T09:30:00,acme,large,triage,0.8,1", "decided_at must be an RFC 3339 time with its offset"),
        ("2026-01-31,acme,large,triage,0.8,1", "decided_at must be an RFC 3339 time with its offset"),
        ("1767225600,acme,large,triage,0.8,1", "decided_at must be an RFC 3339 time with its offset"),
        ("2026-02-30T09:30:00Z,acme,large,triage,0.8,1", "decided_at "),
        ("2999-01-01T00:00:00Z,acme,large,triage,0.8,1", "decided_at lies in the future"),
        ("2014-12-31T23:59:59Z,acme,large,triage,0.8,1", "decided_at lies before the epoch of the workspace"),
        (
            "2026-01-31T09:30:00Z,acme,large,tri\x00age,0.8,1",
            "task must have 1 to 200 visible characters (ASCII) and no white space",
        ),
    ],
)
def test_csv__bad_line__is_named_and_costs_no_other(tmp_path: Path, row: str, reason: str) -> None:
    path = csv_file(tmp_path, GOOD, row, GOOD)
    errors = rejected(path, scale="1")
    assert len(errors) == 1
    assert errors[0].startswith(f"line 3: {reason}")
    assert SECRET not in errors[0]
    assert DecisionRecord.objects.count() == 2
    assert Path(f"{path}.rejects.csv").read_bytes() == f"{HEADER}\n{row}\n".encode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"confidence": "0.9"}, "confidence must be a number"),
        ({"confidence": True}, "confidence must be a number"),
        ({"confidence": None}, "confidence is missing"),
        ({"confidence": float("nan")}, "confidence must be a number from 0 to 1"),
        ({"confidence": 1.2}, "confidence must be a number from 0 to 1"),
        ({"model": 7}, "model must be text"),
        ({"model": "a\ud800b"}, "the line is not valid JSON"),
        ({SECRET: 1}, "a field is not a known column"),
        ({"policy_key": "no.such.key"}, "policy_key is not registered"),
        ({"policy_key": "lead_context_bundle"}, "policy_key is not registered, or has no confidence threshold"),
        ({"action_type": "fly"}, "action_type is not one of"),
        ({"gate_verdict": SECRET}, "gate_verdict should be 'allow', 'block' or 'ask'"),
        ({"confidence_kind": SECRET}, "confidence_kind must be one of"),
        ({"success": None, "automation_executed": True}, "success is blank, and yet"),
        ({"observed_at": "2026-01-30T00:00:00Z"}, "observed_at lies before decided_at"),
        ({"observed_at": "2999-01-01T00:00:00Z"}, "observed_at lies in the future"),
        ({"audit_selected": True}, "audit_selected needs label_propensity"),
        ({"decided_at": 1767225600}, "decided_at must be an RFC 3339 time"),
    ],
)
def test_json_lines__bad_line__is_named_and_costs_no_other(tmp_path: Path, change: dict, reason: str) -> None:
    good = {"decided_at": "2026-01-31T09:30:00Z", "provider": "acme", "model": "large", "confidence": 0.8, "success": 1}
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (good, {**good, **change}, good)), "utf-8")
    errors = rejected(path, scale="1")
    assert len(errors) == 1
    assert errors[0].startswith(f"line 2: {reason}")
    assert SECRET not in errors[0]
    assert DecisionRecord.objects.count() == 2
    assert json.loads(Path(f"{path}.rejects.jsonl").read_text("utf-8")).keys() == {**good, **change}.keys()


@pytest.mark.parametrize("line", ["{", "[1, 2]", "7", '"text"', "not json", '{"a": ' * 500])
def test_json_lines__line_that_is_no_object__is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(line, "utf-8")
    assert rejected(path)[0].startswith("line 1: the line is not ")


def test_line_that_is_not_utf8__is_named_and_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    bad = "2026-01-31T09:30:00Z,acmé,large,triage,0.8,1\n".encode("latin-1")
    path.write_bytes(f"{HEADER}\n{GOOD}\n".encode() + bad + f"{GOOD}\n".encode())
    assert rejected(path) == ["line 3: the line is not UTF-8"]
    assert Path(f"{path}.rejects.csv").read_bytes() == f"{HEADER}\n".encode() + bad
    assert DecisionRecord.objects.count() == 2


def test_line_of_many_megabytes__is_copied_whole_and_costs_no_other(tmp_path: Path) -> None:
    long = "x" * (20 * LONGEST_LINE + 17)
    path = csv_file(tmp_path, GOOD, long, GOOD)
    assert rejected(path) == [f"line 3: the line is longer than {LONGEST_LINE:,} bytes"]
    assert Path(f"{path}.rejects.csv").read_text("utf-8") == f"{HEADER}\n{long}\n"
    assert DecisionRecord.objects.count() == 2


def test_byte_order_mark_and_windows_line_ends__are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{GOOD}\r\n\r\n".encode())
    assert "1 imported" in import_file(path)


def test_quoted_values__are_read_as_csv_has_them(tmp_path: Path) -> None:
    path = csv_file(tmp_path, '"2026-01-31T09:30:00Z","acme", large ,"triage","0.8","1"')
    import_file(path)
    assert DecisionRecord.objects.get().model == "large"


def test_header_alone__is_an_empty_history(tmp_path: Path) -> None:
    assert import_file(csv_file(tmp_path)).startswith("0 rows")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\n\n", "empty"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "UTF-16"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16-be"), "missing"),
        (b"provider,model,confidence,success\n", "missing: task"),
        (f"{HEADER},{SECRET}\n".encode(), "The names of columns 7 are not known"),
        (f"{HEADER},provider\n".encode(), "twice"),
        (HEADER.replace(",", ";").encode(), "missing: provider"),
        (b'"provider,model\n', "line 1 opens a quote that is never closed"),
        (gzip.compress(f"{HEADER}\n{GOOD}\n".encode(), mtime=0)[:-9], "gzip"),
        (b"\x1f\x8b" + b"\x00" * 40, "gzip"),
    ],
)
def test_file_that_cannot_be_read__is_refused_whole(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=problem) as refusal:
        import_file(path)
    assert SECRET not in str(refusal.value)
    assert not DecisionRecord.objects.exists()


def test_file_that_is_absent__is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        import_file(tmp_path / "absent.csv")


def test_file_of_an_unknown_suffix__needs_the_format(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD).rename(tmp_path / "history.txt")
    with pytest.raises(CommandError, match="--format"):
        import_file(path)
    assert "1 imported" in import_file(path, format="csv")


def test_unknown_columns__can_be_left_out(tmp_path: Path) -> None:
    path = csv_file(tmp_path, f"{GOOD},{SECRET}", header=f"{HEADER},note")
    assert "1 imported" in import_file(path, ignore_unknown=True)


def test_rejects__nothing_rejected__no_file(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD)
    import_file(path)
    assert os.listdir(tmp_path) == [path.name]


def test_rejects__file__is_private_and_where_it_was_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    rejected(csv_file(tmp_path, "bad"), rejects=target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_rejects__mended_file__imports(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD, GOOD.replace("0.8", "8"), GOOD.replace("acme", ""))
    rejected(path, scale="1")
    mended = Path(f"{path}.rejects.csv")
    mended.write_text(mended.read_text("utf-8").replace(",8,", ",0.8,").replace("Z,,", "Z,acme,"), "utf-8")
    assert "2 imported" in import_file(mended)
    assert DecisionRecord.objects.count() == 3


def test_rejects__the_file_itself__is_refused(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "bad")
    with pytest.raises(CommandError, match="cannot be the file itself"):
        import_file(path, rejects=path)
    assert path.read_text("utf-8") == f"{HEADER}\nbad\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_rejects__disk_is_full__says_so_instead_of_a_traceback(tmp_path: Path) -> None:
    path = csv_file(tmp_path, GOOD, "bad")
    with pytest.raises(CommandError, match=r"rejects file cannot be written: .*--rejects"):
        import_file(path, rejects=Path("/dev/full"))


def test_gzip__cut_off_inside_of_a_long_line__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.csv.gz"
    noise = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(LONGEST_LINE // 16))
    path.write_bytes(gzip.compress(f"{HEADER}\n{noise}\n".encode())[:-2000])
    with pytest.raises(CommandError, match="gzip stream is broken or cut off"):
        import_file(path)


def test_rejects__folder_that_does_not_exist__is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--rejects"):
        import_file(csv_file(tmp_path, "bad"), rejects=tmp_path / "absent" / "rejects.csv")


def test_epoch__of_the_workspace__is_the_earliest_time(tmp_path: Path, workspace: Workspace) -> None:
    workspace.epoch = timezone.now() - timedelta(days=1)
    workspace.save()
    assert "before the epoch" in rejected(csv_file(tmp_path, GOOD))[0]


@given(
    content=st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda text: f"{HEADER}\n{GOOD}\n{text}".encode("utf-8", "surrogatepass")),
        st.lists(st.text('",0123456789.-:TZe\\\n\racme ', max_size=40), max_size=6).map(
            lambda lines: "\n".join([HEADER, *lines]).encode()
        ),
    ),
    form=st.sampled_from(["csv", "jsonl"]),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_any_bytes__are_imported_rejected_or_refused__and_nothing_else(
    tmp_path: Path, content: bytes, form: str
) -> None:
    path = tmp_path / "anything"
    path.write_bytes(content)
    with suppress(CommandError):
        import_file(path, format=form, dry_run=True)
