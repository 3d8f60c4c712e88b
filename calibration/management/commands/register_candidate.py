"""`manage.py register_candidate`: see `calibration.candidates`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from calibration.candidates.registering import register_candidate
from confidence_project.foundation.commands import DomainCommand, pair
from governance.selectors import person_by_name, workspace_by_slug


class Command(DomainCommand):
    help = (
        "Register a more lenient confidence threshold, to be watched at any time on the decisions from now on. Its "
        "proposal opens once the evidence suffices."
    )
    examples = """
  manage.py register_candidate --workspace acme --policy-key confidence_gate --value 0.8 --reason "The pilot went well"
  manage.py register_candidate --workspace acme --policy-key confidence_gate --value 0.8 --match model=gpt-5 --reason …
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", required=True, metavar="KEY")
        parser.add_argument("--value", type=float, required=True, metavar="THRESHOLD", help="Allow from there on.")
        parser.add_argument(
            "--match", type=pair, action="append", default=[], metavar="KEY=VALUE", help="The segment; again for more."
        )
        parser.add_argument("--reason", required=True, help="Kept with the candidate.")
        parser.add_argument("--as", dest="username", metavar="USERNAME", help="Who registers; default: the operator.")

    def handle(self, *args: Any, **options: Any) -> None:
        candidate = register_candidate(
            actor=person_by_name(options["username"]) if options["username"] else None,
            workspace=workspace_by_slug(options["workspace"]),
            policy_key=options["policy_key"],
            threshold=options["value"],
            match=dict(options["match"]),
            reason=options["reason"],
        )
        self.stdout.write(f"Candidate {candidate.pk}: {candidate}, at a level of {candidate.level:.4g}.")
