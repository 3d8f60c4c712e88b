"""`manage.py import_decisions FILE --workspace SLUG`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from governance.selectors import workspace_by_slug
from ledger.imports.mapping import ImportMapping
from ledger.imports.options import add_file_options, format_for, mapping_of, read_mapping_file
from ledger.imports.preview import preview
from ledger.imports.records import Format
from ledger.imports.rejects import RejectsFile
from ledger.imports.rows import COLUMNS
from ledger.imports.saved import save_mapping, saved_mapping
from ledger.imports.services import ImportSummary, import_decisions
from ledger.imports.source import Source, open_source


class Command(DomainCommand):
    help = (
        "Import past decisions with their outcomes from CSV, JSON Lines, JSON or Parquet, plain or gzip. Ends non-zero "
        f"if a row was rejected. Columns: {', '.join(COLUMNS)}."
    )
    examples = """
  manage.py import_decisions history.csv --workspace acme --policy-key confidence_gate --preview
  manage.py import_decisions history.csv --workspace acme --policy-key confidence_gate
  manage.py import_decisions answers.csv --workspace acme --policy-key confidence_gate --scale percent \\
      --column confidence=ai_conf,decided_at=time --provider acme --model large --task triage \\
      --success-when verdict=ACCEPT --failure-when verdict=REJECT,EDIT --missing N/A
  manage.py import_decisions classes.csv --workspace acme --policy-key confidence_gate \\
      --probability cat=p_cat,dog=p_dog --predicted predicted --actual actual
  manage.py import_decisions traces.jsonl --form mlflow --workspace acme --policy-key confidence_gate --task triage
  psql -c "COPY (…) TO STDOUT CSV HEADER" | manage.py import_decisions - --format csv --workspace acme
  manage.py import_decisions history.csv --workspace acme --dry-run      # check every row, store nothing

Needed: provider, model, task, confidence and success (a blank success means that nobody knows: unlabelled), decided_at
and policy_key, in columns or said by an option for the whole file. Times carry their offset. Records are never changed
or deleted, so look with --preview and check with --dry-run first. The same file again changes nothing: a row is known
by its external_id, or by the file's SHA-256 and its own line. Bad rows are named and copied to the rejects file; mend
and import that file.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        add_file_options(parser)
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--mapping", metavar="NAME", help="a mapping that was saved, or a .json file of one")
        parser.add_argument("--save-mapping", metavar="NAME", help="keep what is declared here for the next file")
        parser.add_argument("--preview", action="store_true", help="show what is understood of the first rows and stop")
        parser.add_argument("--rejects", type=Path, metavar="PATH", help="default: FILE.rejects.csv or .jsonl")
        parser.add_argument("--dry-run", action="store_true", help="check every row, look up and store nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = workspace_by_slug(options["workspace"])
        path = None if options["file"] == "-" else Path(options["file"])
        mapping = mapping_of(options, _kept(workspace, options["mapping"]))
        layout = format_for(path, options["format"], mapping)
        rejects = options["rejects"] or Path(f"{path or 'stdin'}.rejects.{layout.rejects}")
        if path is not None and rejects.resolve() == path.resolve():
            raise CommandError("The rejects file cannot be the file itself.")
        with open_source(path, sys.stdin.buffer) as source:
            if options["preview"]:
                self.stdout.write(preview(workspace, source, layout, mapping))
                return
            summary = self._import(workspace, source, layout, mapping, rejects, write=not options["dry_run"])
        if options["save_mapping"]:
            save_mapping(workspace=workspace, name=options["save_mapping"], mapping=mapping)
        verb = "would be imported" if options["dry_run"] else "imported"
        self.stdout.write(
            f"{summary.lines} rows: {summary.imported} {verb} ({summary.unlabelled} of them unlabelled), "
            f"{summary.unchanged} unchanged, {summary.rejected} rejected."
        )
        if summary.rejected:
            raise CommandError(f"{summary.rejected} rows were rejected; they are in {rejects}.")

    def _import(
        self,
        workspace: Workspace,
        source: Source,
        layout: Format,
        mapping: ImportMapping,
        rejects: Path,
        *,
        write: bool,
    ) -> ImportSummary:
        def name_row(number: int, reason: str) -> None:
            with tqdm.external_write_mode(file=self.stderr):
                self.stderr.write(f"line {number}: {reason}")

        # A progress bar on a terminal only.
        with (
            RejectsFile(rejects) as rejects_file,
            tqdm(total=source.size, unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar,
        ):

            def show(phase: str) -> None:
                bar.set_description(phase, refresh=False)
                bar.n = source.position
                bar.refresh()

            return import_decisions(
                workspace=workspace,
                source=source,
                format=layout,
                mapping=mapping,
                rejects=rejects_file,
                on_rejected=name_row,
                on_progress=show,
                write=write,
            )


def _kept(workspace: Workspace, name: str | None) -> Mapping[str, Any] | None:
    if not name:
        return None
    return read_mapping_file(Path(name)) if name.endswith(".json") else saved_mapping(workspace, name)
