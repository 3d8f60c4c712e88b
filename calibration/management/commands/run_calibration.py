"""`manage.py run_calibration`: see `calibration.runner`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from calibration.engines.declaring import engine_named
from calibration.models import ConfidenceCalibrationRun
from calibration.parameters import Question, policy_keys_in_scope, stated_costs
from calibration.runner import run_calibration
from calibration.runs.report import run_as_json, run_as_text
from calibration.selectors import due_workspaces
from confidence_project.foundation.commands import DomainCommand, moment, number
from confidence_project.foundation.errors import Conflict, DomainError
from governance.models import Workspace

COSTS = {
    "false_allow": "Of a failure that was allowed; all three: show the cheapest threshold, without standing costs.",
    "false_block": "Of a success that was blocked, on top of its review.",
    "review": "Of any decision that was blocked.",
}


def _question(options: Mapping[str, Any]) -> Question:
    return Question(
        policy_keys=options["policy_key"],
        window_from=options["window_from"],
        window_to=options["window_to"],
        target_failure_rate=options["target_failure_rate"],
        risk_confidence=options["risk_confidence"],
        segment_by=[key.strip() for key in options["segment"].split(",") if key.strip()],
        maturity_days=options["maturity_days"],
        dry_run=options["dry_run"],
        tighten_only=options["tighten_only"],
        again=options["again"],
        costs=stated_costs(*(options[f"cost_{name}"] for name in COSTS)),
    )


class Command(DomainCommand):
    """Parse, call `run_calibration`, print."""

    help = (
        "Read the decisions and outcomes of a workspace, say per segment how low the threshold may be and how sure "
        "that is, and open proposals for what differs from the policy in force. On or after the date of a review of "
        "the calendar (set_review_calendar) it holds that review, with its window and question; no other run loosens."
    )

    examples = """
  manage.py run_calibration --workspace acme
  manage.py run_calibration --workspace acme --policy-key confidence_gate --dry-run
  manage.py run_calibration --workspace acme --from 2026-01-01 --to 2026-02-01 --maturity-days 0
  manage.py run_calibration --workspace acme --from 2026-01-01T06:00:00+01:00 --tighten-only
  manage.py run_calibration --workspace acme --target-failure-rate 0.02 --risk-confidence 0.9 --json
  manage.py run_calibration --workspace acme --cost-false-allow 20 --cost-false-block 1 --cost-review 3
  manage.py run_calibration --workspace acme --engine lake --dry-run
  manage.py run_calibration --all-workspaces --due --tighten-only

The last one is for cron, on any number of machines: a workspace that another machine calibrates, or has just
calibrated, is left to it. The exit code is 0 when every run came to its end, whatever it found.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--workspace", metavar="SLUG")
        which.add_argument("--all-workspaces", action="store_true")
        parser.add_argument("--due", action="store_true", help="Leave out workspaces that were calibrated lately.")
        parser.add_argument("--policy-key", action="append", metavar="KEY", help="May be given again; default: all.")
        parser.add_argument(
            "--from",
            dest="window_from",
            type=moment,
            metavar="TIME",
            help="A date, or a time with its offset; default: CONFIDENCE_CALIBRATION_WINDOW_DAYS before --to.",
        )
        parser.add_argument(
            "--to", dest="window_to", type=moment, metavar="TIME", help="Excluded; default: midnight UTC."
        )
        parser.add_argument(
            "--target-failure-rate",
            type=number,
            default=0.05,
            metavar="RATE",
            help="What may fail of what is allowed; default: 0.05.",
        )
        parser.add_argument(
            "--risk-confidence", type=number, default=0.95, metavar="SHARE", help="How sure to be; default: 0.95."
        )
        parser.add_argument(
            "--segment", default="provider,model", metavar="KEYS", help="Comma-separated; default: provider,model."
        )
        parser.add_argument(
            "--engine", metavar="NAME", help="Count where the decisions lie (declare_engine); default: in the ledger."
        )
        parser.add_argument("--maturity-days", type=number, metavar="DAYS", help="Leave out what is younger.")
        parser.add_argument("--dry-run", action="store_true", help="Show figures, propose nothing.")
        parser.add_argument(
            "--tighten-only", action="store_true", help="Hold no review, even if the date of one has come."
        )
        parser.add_argument(
            "--again", action="store_true", help="Hold the last review once more: finds the same, and spends nothing."
        )
        for name, what in COSTS.items():
            parser.add_argument(f"--cost-{name.replace('_', '-')}", type=number, metavar="COST", help=what)
        parser.add_argument("--json", action="store_true", help="Print JSON (docs/calibration.md).")

    def handle(self, **options: Any) -> None:
        question = _question(options)
        problems: list[str] = []
        for workspace in self._workspaces(options):
            try:
                question["engine"] = engine_named(workspace, options["engine"]) if options["engine"] else None
                run = run_calibration(
                    workspace=workspace,
                    only_if_due=options["due"],
                    progress=self._show if self.stderr.isatty() else None,
                    **question,
                )
            except Conflict as error:
                if not options["due"]:
                    problems.append(f"{workspace.slug}: {error.detail}")
                elif options["json"] and not options["all_workspaces"]:
                    # One workspace was asked for: there is one object to read, whatever came of it.
                    self.stdout.write(json.dumps({"run": None, "workspace": workspace.slug, "reason": error.detail}))
            except (DomainError, DatabaseError) as error:
                problems.append(f"{workspace.slug}: {getattr(error, 'detail', type(error).__name__)}")
            else:
                self._print(run, options)
        if problems:
            raise CommandError("\n".join(problems))

    def _workspaces(self, options: Mapping[str, Any]) -> list[Workspace]:
        if options["all_workspaces"]:
            keys = policy_keys_in_scope(options["policy_key"])
            return list(due_workspaces(keys) if options["due"] else Workspace.objects.all())
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError("There is no workspace with this slug.")
        return [workspace]

    def _print(self, run: ConfidenceCalibrationRun, options: Mapping[str, Any]) -> None:
        # One line for each workspace where there may be several, so that a reader can take them one by one.
        indent = None if options["all_workspaces"] else 2
        self.stdout.write(json.dumps(run_as_json(run), indent=indent) if options["json"] else run_as_text(run))

    def _show(self, share: float, text: str) -> None:
        self.stderr.write(f"\r\x1b[K{share:4.0%} {text}", ending="\n" if share >= 1 else "")
