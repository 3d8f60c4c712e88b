"""Helpers of the import tests: files, and the command with what it says."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

HEADER = "decided_at,provider,model,task,confidence,success"


def csv_file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A CSV file of these lines."""
    path = folder / "history.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def import_file(path: Path | str, *, errors: list[str] | None = None, **options: Any) -> str:
    """Import into `acme` under `confidence_gate`; return the output, and put what was said of bad lines in `errors`."""
    defaults = {"workspace": "acme", "policy_key": "confidence_gate"}
    if path == "-":
        defaults["rejects"] = "unused.rejects.csv"
    output, problems = StringIO(), StringIO()
    try:
        call_command("import_decisions", str(path), stdout=output, stderr=problems, **{**defaults, **options})
    finally:
        if errors is not None:
            errors.extend(problems.getvalue().splitlines())
    return output.getvalue()
