"""`manage.py calibration_report`: show a run that has been made."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.template.loader import render_to_string

from calibration.models import ConfidenceCalibrationRun
from calibration.runs.report import run_as_json, run_as_text
from confidence_project.foundation.commands import DomainCommand

Run = ConfidenceCalibrationRun


def _run_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        # argparse's own message would repeat what was given.
        raise ArgumentTypeError("give the number of a run, as `run_calibration` prints it")
    return int(text)


class Command(DomainCommand):
    """Find the run, print it."""

    help = "Print a calibration run: as text, as one JSON object or as a page of HTML that needs nothing else."
    examples = """
  manage.py calibration_report 12
  manage.py calibration_report 12 --json | jq '.policies[].findings[].explanation'
  manage.py calibration_report 12 --html > run-12.html
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=_run_number, metavar="RUN", help="The number of the run.")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="One JSON object (docs/calibration.md).")
        form.add_argument("--html", action="store_true", help="A page to send or to file.")

    def handle(self, **options: Any) -> None:
        run = Run.objects.select_related("workspace").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError("There is no run with this number.")
        if run.status != Run.Status.COMPLETE:
            raise CommandError(f"The run is {run.status}, there is nothing to report. {run.error}".strip())
        if options["json"]:
            self.stdout.write(json.dumps(run_as_json(run), indent=2))
        elif options["html"]:
            self.stdout.write(render_to_string("calibration/report.html", {"run": run, "report": run_as_json(run)}))
        else:
            self.stdout.write(run_as_text(run))
