"""`manage.py set_review_calendar`: see `calibration.reviews.setting`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from calibration.engines.declaring import engine_named
from calibration.findings import wording
from calibration.reviews.calendar import outlook
from calibration.reviews.judging import review_of
from calibration.reviews.setting import set_review_calendar
from confidence_project.foundation.commands import DomainCommand
from governance.selectors import person_by_name, workspace_by_slug


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("give a date, for example 2026-04-01") from None


class Command(DomainCommand):
    help = (
        "Set when the reviews of a policy are that may loosen it, and what they ask: for windows that begin from now "
        "on. The first is on a date, or over the decisions that come in first; an imported file counts as one whole."
    )
    examples = """
  manage.py set_review_calendar --workspace acme --policy-key confidence_gate --reviews 2 --reason "Twice a year"
  manage.py set_review_calendar --workspace acme --policy-key confidence_gate --opening-decisions 2000 --reason "Pilot"
  manage.py set_review_calendar --workspace acme --policy-key confidence_gate --opening 2026-04-01 --reason "Audit"
  manage.py set_review_calendar --workspace acme --policy-key confidence_gate --band --reason "Wrong where certain"
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--policy-key", required=True, metavar="KEY")
        parser.add_argument("--reason", required=True, help="Kept with the calendar.")
        parser.add_argument("--as", dest="username", metavar="USERNAME", help="Who sets it; default: the operator.")
        parser.add_argument(
            "--band",
            action="store_true",
            help="Look for a confidence ceiling, too, for models that are most wrong where they claim certainty.",
        )
        parser.add_argument("--reviews", type=int, default=4, metavar="K", help="A year; default: 4.")
        first = parser.add_mutually_exclusive_group()
        first.add_argument("--opening", type=_day, metavar="DATE", help="Of the first review, UTC: 2026-04-01.")
        first.add_argument("--opening-decisions", type=int, metavar="N", help="The first review is over so many.")
        parser.add_argument("--window-days", type=int, metavar="DAYS", help="Default: that of run_calibration.")
        parser.add_argument("--maturity-days", type=float, metavar="DAYS", help="Leave out what is younger.")
        parser.add_argument("--target-failure-rate", type=float, default=0.05, metavar="RATE", help="Default: 0.05.")
        parser.add_argument("--risk-confidence", type=float, default=0.95, metavar="SHARE", help="Default: 0.95.")
        parser.add_argument(
            "--candidate-share", type=float, default=0.2, metavar="SHARE", help="Of 1 - confidence; default: 0.2."
        )
        parser.add_argument("--engine", metavar="NAME", help="Where decisions are counted; default: in the ledger.")
        parser.add_argument("--segment", default="provider,model", metavar="KEYS", help="Default: provider,model.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace, policy_key = workspace_by_slug(options["workspace"]), options["policy_key"]
        set_review_calendar(
            actor=person_by_name(options["username"]) if options["username"] else None,
            workspace=workspace,
            policy_key=policy_key,
            reason=options["reason"],
            reviews_a_year=options["reviews"],
            opening_on=options["opening"],
            opening_decisions=options["opening_decisions"],
            window_days=options["window_days"],
            maturity_days=options["maturity_days"],
            target_failure_rate=options["target_failure_rate"],
            risk_confidence=options["risk_confidence"],
            candidate_share=options["candidate_share"],
            looks_for_band=options["band"],
            engine=engine_named(workspace, options["engine"]) if options["engine"] else None,
            segment_by=[key.strip() for key in options["segment"].split(",") if key.strip()],
        )
        self.stdout.write(wording.calendar(review_of(outlook(workspace, policy_key, timezone.now())).as_json()))
