"""`manage.py propose_policies FILE`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug
from governance.workflow.files import propose_policies


class Command(DomainCommand):
    help = (
        "Open a proposal for each policy of a file (export_policies) that is not what is in force: all of them, or "
        "none. People approve and apply them as any other."
    )
    examples = """
  manage.py propose_policies policies.json --workspace acme --as ann --title "Stricter" --reason "Change 118"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who proposes.")
        parser.add_argument("--title", required=True)
        parser.add_argument("--reason", required=True, help="Why; the proposals' rationale.")
        parser.add_argument("--acknowledge-large-step", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CommandError("The file cannot be read as JSON in UTF-8.") from error
        proposals = propose_policies(
            actor=person_by_name(options["username"]),
            workspace=workspace_by_slug(options["workspace"]),
            document=document,
            title=options["title"],
            rationale=options["reason"],
            acknowledge_large_step=options["acknowledge_large_step"],
        )
        for proposal in proposals:
            self.stdout.write(f"{proposal.pk:>6}  {proposal.policy_key}")
        self.stdout.write(f"{len(proposals)} proposals opened.")
