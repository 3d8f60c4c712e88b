"""`manage.py declare_engine`: see `calibration.engines.declaring`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from calibration.engines.declaring import declare_engine, engine_named, withdraw_engine
from calibration.models import EvidenceEngine
from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from ledger.imports.options import read_mapping_file


class Command(DomainCommand):
    help = (
        "Declare where decisions and outcomes of a workspace lie, so that run_calibration --engine NAME counts them "
        "there, or withdraw it. The address stands in an environment variable and is not stored."
    )
    examples = """
  export CONFIDENCE_ENGINE_LAKE=/srv/lake
  manage.py declare_engine lake --workspace acme --kind duckdb --address-variable CONFIDENCE_ENGINE_LAKE \\
    --decisions 'decisions/*.parquet' --outcomes 'outcomes/*.parquet' --mapping lake.json --as ann --reason "Our lake"
  manage.py declare_engine lake --workspace acme --withdraw --as ann --reason "Moved"
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who declares it.")
        parser.add_argument("--reason", required=True, help="Kept with the declaration.")
        parser.add_argument("--kind", choices=EvidenceEngine.Kind.values)
        parser.add_argument("--address-variable", default="", metavar="VARIABLE", help="CONFIDENCE_ENGINE_…")
        parser.add_argument("--decisions", default="", metavar="SOURCE", help="Files below the address, or a table.")
        parser.add_argument(
            "--outcomes", default="", metavar="SOURCE", help="Default: they stand in the rows of the decisions."
        )
        parser.add_argument(
            "--mapping", type=Path, metavar="FILE", help="JSON: which column holds what (docs/scale.md)."
        )
        parser.add_argument("--withdraw", action="store_true", help="Let no run read it any more.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace, actor = workspace_by_slug(options["workspace"]), person_by_name(options["username"])
        if options["withdraw"]:
            engine = engine_named(workspace, options["name"])
            withdraw_engine(actor=actor, engine=engine, reason=options["reason"])
            self.stdout.write(f"{engine} is withdrawn.")
            return
        engine = declare_engine(
            actor=actor,
            workspace=workspace,
            name=options["name"],
            kind=options["kind"] or "",
            address_variable=options["address_variable"],
            decisions=options["decisions"],
            outcomes=options["outcomes"],
            mapping=read_mapping_file(options["mapping"]) if options["mapping"] else {},
            reason=options["reason"],
        )
        self.stdout.write(
            f"{engine} is declared: manage.py run_calibration --workspace {workspace.slug} --engine {engine.name}"
        )
