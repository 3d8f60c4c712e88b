"""`manage.py export_labels --workspace SLUG --days N`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from confidence_project.foundation.commands import DomainCommand
from governance.selectors import workspace_by_slug
from ledger.labelling.outgoing import queue_of, take_queue
from ledger.labelling.tools import WRITERS


class Command(DomainCommand):
    help = (
        "Take decisions that wait for labels, for a team that works elsewhere: ids, links and times, no text, and what "
        "model and gate said only where the policy is not labelled blind. The workbench shows them to nobody "
        "meanwhile, and what has no answer after the days is given back."
    )
    examples = """
  manage.py export_labels --workspace acme --days 7 --output waiting.csv
  manage.py export_labels --workspace acme --days 14 --limit 500 --form label-studio --output tasks.json
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--days", required=True, type=int, metavar="N", help="so long they are the team's: 1 to 365"
        )
        parser.add_argument("--policy-key", default="", metavar="KEY", help="default: every policy")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many; default: all that waits")
        parser.add_argument("--form", choices=sorted(WRITERS), default="csv")
        parser.add_argument("--output", type=Path, metavar="PATH", help="default: standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = workspace_by_slug(options["workspace"])
        limit, policy_key = options["limit"], options["policy_key"]
        if limit is not None and limit < 1:
            raise CommandError("--limit is at least 1.")
        waiting = queue_of(workspace, policy_key).count()
        total = waiting if limit is None else min(waiting, limit)
        rows = take_queue(workspace, days=options["days"], limit=limit, policy_key=policy_key, given_by="export_labels")
        with (
            self._file(options["output"]) as file,
            # A progress bar on a terminal only.
            tqdm(rows, total=total, unit="decision", disable=None) as counted,
        ):
            written = WRITERS[options["form"]](counted, file)
        self.stderr.write(f"{written} decisions taken for {options['days']} days.")

    def _file(self, path: Path | None) -> Any:
        if path is None:
            return nullcontext(self.stdout)
        try:
            # Nothing that was exported before is written over: it may hold answers by now.
            return path.open("x", encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error.strerror}.") from error
