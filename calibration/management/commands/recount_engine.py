"""`manage.py recount_engine`: see `calibration.engines.recounting`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from calibration.engines.recounting import recount
from calibration.models import ConfidenceCalibrationRun
from confidence_project.foundation.commands import DomainCommand


class Command(DomainCommand):
    help = (
        "Ask the engine of a calibration run the same statements once more, and say whether it gives the same counts. "
        "Changes nothing. The exit code is 1 where it does not."
    )
    examples = """
  manage.py recount_engine --run 12
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--run", type=int, required=True, metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        run = ConfidenceCalibrationRun.objects.filter(pk=options["run"]).first()
        if run is None:
            raise CommandError("There is no such run.")
        differs = []
        for each in recount(run):
            said = "the same counts" if each.is_same else "OTHER counts"
            self.stdout.write(
                f"{each.policy_key} in {each.engine}: {said} ({each.groups_before:,} groups then, {each.groups:,} now)"
            )
            differs += [] if each.is_same else [each.policy_key]
        if differs:
            raise CommandError(f"What the engine holds has changed since the run: {', '.join(differs)}.")
