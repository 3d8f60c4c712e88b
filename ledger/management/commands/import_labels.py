"""`manage.py import_labels FILE --workspace SLUG`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug
from ledger.imports.mapping import ImportMapping
from ledger.imports.options import format_for
from ledger.imports.records import FORMATS, Record
from ledger.imports.rejects import RejectsFile
from ledger.imports.source import open_source
from ledger.labelling.importing import import_labels


class Command(DomainCommand):
    help = (
        "Record what people answered elsewhere about decisions that wait for labels, from CSV, JSON Lines, JSON, the "
        "JSON export of Label Studio or records of Argilla. Ends non-zero if anything was rejected."
    )
    examples = """
  manage.py import_labels answers.csv --workspace acme
  manage.py import_labels project-1.json --workspace acme         # an export of Label Studio
  manage.py import_labels records.json --workspace acme           # records of Argilla

Columns: decision_id (or decision_external_id), answer (right, wrong, cannot_tell, skipped), reviewer, and, where known,
answered_at (RFC 3339) and seconds; others are passed over, and so is a line without an answer. The same file again
changes nothing: an answer is known by its decision and its reviewer. What is wrong is named by its line and copied to
the rejects file.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- reads standard input")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--format", choices=sorted(FORMATS), help="default: as the file's name says")
        parser.add_argument("--rejects", type=Path, metavar="PATH", help="default: FILE.rejects.csv or .jsonl")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = workspace_by_slug(options["workspace"])
        path = None if options["file"] == "-" else Path(options["file"])
        layout = format_for(path, options["format"], ImportMapping())
        rejects = options["rejects"] or Path(f"{path or 'stdin'}.rejects.{layout.rejects}")
        if path is not None and rejects.resolve() == path.resolve():
            raise CommandError("The rejects file cannot be the file itself.")

        def name_record(record: Record, reason: str) -> None:
            with tqdm.external_write_mode(file=self.stderr):
                self.stderr.write(f"line {record.number}: {reason}")

        with (
            open_source(path, sys.stdin.buffer) as source,
            RejectsFile(rejects) as rejects_file,
            # A progress bar on a terminal only.
            tqdm(total=source.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar,
        ):

            def show() -> None:
                bar.update(source.position - bar.n)

            summary = import_labels(
                workspace=workspace,
                source=source,
                layout=layout,
                rejects=rejects_file,
                reporter="import_labels",
                on_rejected=name_record,
                on_progress=show,
            )
        self.stdout.write(
            f"{summary.records} records: {summary.recorded} answers recorded, {summary.unchanged} unchanged, "
            f"{summary.unanswered} records without an answer, {summary.rejected} rejected."
        )
        if summary.rejected:
            raise CommandError(f"{summary.rejected} records were rejected; they are in {rejects}.")
