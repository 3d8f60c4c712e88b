"""`manage.py import_decisions FILE --workspace SLUG`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.errors import InvalidInput
from governance.selectors import workspace_by_slug
from ledger.imports.formats import FORMATS, Format, format_of
from ledger.imports.rejects import RejectsFile
from ledger.imports.rows import COLUMNS, StandIns, parse_stand_ins
from ledger.imports.services import ImportSummary, import_decisions
from ledger.imports.source import Source, open_source
from ledger.models import ConfidenceKind


class Command(DomainCommand):
    help = (
        "Import past decisions with their outcomes from CSV or JSON Lines, plain or gzip. Ends non-zero if a line was "
        f"rejected. Columns: {', '.join(COLUMNS)}."
    )
    examples = """
  manage.py import_decisions history.csv --workspace acme --policy-key confidence_gate
  manage.py import_decisions answers.csv.gz --workspace acme --policy-key confidence_gate \\
      --decided-at 2026-11-01T00:00:00Z --confidence-kind self_reported
  psql -c "COPY (…) TO STDOUT CSV HEADER" | manage.py import_decisions - --format csv --workspace acme
  manage.py import_decisions history.csv --workspace acme --dry-run      # check every line, store nothing

Needed: provider, model, task, confidence and success (a blank success means that nobody knows: unlabelled), and
decided_at and policy_key where no option stands in. Times carry their offset. Records are never changed or deleted, so
check with --dry-run first. The same file again changes nothing: a line is known by its external_id, or by the file's
SHA-256 and its own number. Bad lines are named and copied to the rejects file; mend and import that file.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="CSV or JSON Lines, plain or gzip; - reads standard input")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", metavar="KEY", help="for rows that name no policy_key")
        parser.add_argument("--decided-at", metavar="TIME", help="for rows without decided_at: 2026-01-31T09:30:00Z")
        parser.add_argument(
            "--confidence-kind", choices=ConfidenceKind.values, help="for rows that name no confidence_kind"
        )
        parser.add_argument("--format", choices=sorted(FORMATS), help="where the file's name does not tell it")
        parser.add_argument("--rejects", type=Path, metavar="PATH", help="default: FILE.rejects.csv or .jsonl")
        parser.add_argument("--ignore-unknown", action="store_true", help="leave out columns that are not listed above")
        parser.add_argument("--dry-run", action="store_true", help="check every line, look up and store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path = None if options["file"] == "-" else Path(options["file"])
        layout = self._format(path, options)
        rejects = options["rejects"] or Path(f"{path or 'stdin'}.rejects.{layout.name}")
        if path is not None and rejects.resolve() == path.resolve():
            raise CommandError("The rejects file cannot be the file itself.")
        with open_source(path, sys.stdin.buffer) as source:
            summary = self._import(source, layout, rejects, options)
        verb = "would be imported" if options["dry_run"] else "imported"
        self.stdout.write(
            f"{summary.lines} rows: {summary.imported} {verb} ({summary.unlabelled} of them unlabelled), "
            f"{summary.unchanged} unchanged, {summary.rejected} rejected."
        )
        if summary.rejected:
            raise CommandError(f"{summary.rejected} rows were rejected; they are in {rejects}.")

    @staticmethod
    def _format(path: Path | None, options: dict[str, Any]) -> Format:
        name = options["format"] or (format_of(path.name) if path else None)
        if name is None:
            raise InvalidInput(
                f"The file's name does not tell its format; give --format {' or '.join(sorted(FORMATS))}."
            )
        return FORMATS[name](ignore_unknown=options["ignore_unknown"])

    def _import(self, source: Source, layout: Format, rejects: Path, options: dict[str, Any]) -> ImportSummary:
        workspace = workspace_by_slug(options["workspace"])
        stand_ins = {name: options[name] for name in StandIns.model_fields}

        def name_line(number: int, reason: str) -> None:
            with tqdm.external_write_mode(file=self.stderr):
                self.stderr.write(f"line {number}: {reason}")

        # A progress bar on a terminal only.
        with (
            RejectsFile(rejects) as rejects_file,
            tqdm(total=source.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar,
        ):
            return import_decisions(
                workspace=workspace,
                source=source,
                format=layout,
                stand_ins=parse_stand_ins(stand_ins, workspace),
                rejects=rejects_file,
                on_rejected=name_line,
                on_progress=lambda: bar.update(source.position - bar.n),
                write=not options["dry_run"],
            )
