"""`manage.py list_candidates`: see `calibration.candidates`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from calibration.candidates.looking import conclude_candidate, explain
from calibration.candidates.registering import open_candidates
from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.formatting import segment
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = "Look at registered candidates: how far each is, what is missing. Opens the proposal of one that passes."
    examples = """
  manage.py list_candidates
  manage.py list_candidates --workspace acme
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", metavar="SLUG", help="Default: all.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["workspace"]
        for candidate in open_candidates(workspace_by_slug(slug) if slug else None):
            name = f"{candidate.workspace.slug} {candidate}, {segment(candidate.segment)}"
            self.stdout.write(f"{candidate.pk:>6}  {name}: {explain(conclude_candidate(candidate))}")
