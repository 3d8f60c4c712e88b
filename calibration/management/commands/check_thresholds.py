"""`manage.py check_thresholds FILE`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from calibration.certified import certified_thresholds, no_longer_in_force, read_thresholds
from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = (
        "Fail when a threshold of a file (GET /api/v1/thresholds, certify --thresholds) is no longer certified and in "
        "force: for CI of software that carries thresholds with it."
    )
    examples = """
  manage.py check_thresholds thresholds.json --workspace acme
  manage.py check_thresholds from_certify.json --workspace acme --policy-key confidence_gate
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", help="Of thresholds that name none.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CommandError("The file cannot be read as JSON in UTF-8.") from error
        read = read_thresholds(document)
        current = certified_thresholds(workspace_by_slug(options["workspace"]))
        gone = no_longer_in_force(read, current, policy_key=options["policy_key"])
        for place, reason in gone:
            self.stdout.write(f"/thresholds/{place}: {reason}")
        if gone:
            raise CommandError(f"{len(gone)} of {len(read.thresholds)} thresholds are no longer in force.")
        self.stdout.write(f"All {len(read.thresholds)} thresholds are in force.")
