"""`manage.py plan_labels`: see `calibration.planning`."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import Any

from django.core.management.base import CommandParser

from calibration.planning.planning import plan_label_purchase
from calibration.planning.question import PlanQuestion, Target
from calibration.planning.report import plan_as_json, plan_in_words, table_of_bands, table_of_options
from calibration.runs.report import WIDTH, table
from confidence_project.foundation.commands import DomainCommand, number, pair
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = (
        "Say which labels to buy: how many, from which confidence upwards, at which rate of drawing and until when, "
        "and with what chance they certify what is wanted. Plans from the labels of the window; changes nothing."
    )
    examples = """
  manage.py plan_labels confidence_gate --workspace acme --target certify --cost 2 --budget 300
  manage.py plan_labels confidence_gate --workspace acme --target confirm --cost 2 --budget 300 --weeks 4
  manage.py plan_labels confidence_gate --workspace acme --target loosen --to 0.8 --cost 2 --budget 300 --alpha 0.1
  manage.py plan_labels confidence_gate --workspace acme --target watch --to 0.1 --cost 2 --budget 300 --json
  manage.py plan_labels confidence_gate --workspace acme --match model=gpt-5 --target certify --cost 2 --budget 300

The rates are set on the page "Plan labels" of the desk, or under "Audit sampling".
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("policy_key", metavar="POLICY")
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--target",
            required=True,
            choices=[target.value for target in Target],
            help="The threshold that allows most; the one in force; a lower one; or a failure rate to be told of.",
        )
        parser.add_argument("--to", type=number, metavar="NUMBER", help="The lower threshold, or the failure rate.")
        parser.add_argument("--cost", type=number, required=True, help="Of a label.")
        parser.add_argument("--budget", type=number, required=True, help="Of a week, in the same unit.")
        parser.add_argument("--weeks", type=int, default=8, help="For which the budget is there; default: 8.")
        parser.add_argument(
            "--target-failure-rate",
            "--alpha",
            type=number,
            metavar="RATE",
            help="What may fail of what is allowed; default: as the next review asks, or 0.05.",
        )
        parser.add_argument(
            "--risk-confidence",
            type=number,
            metavar="SHARE",
            help="How sure to be; default: at the level of the next review, or 0.95.",
        )
        parser.add_argument(
            "--match",
            type=pair,
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="The segment; again for more. Default: the one with most decisions.",
        )
        parser.add_argument("--json", action="store_true", help="Print JSON (docs/labels.md).")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = plan_label_purchase(
            workspace=workspace_by_slug(options["workspace"]),
            question=PlanQuestion(
                policy_key=options["policy_key"],
                target=Target(options["target"]),
                to=options["to"],
                cost=options["cost"],
                budget=options["budget"],
                weeks=options["weeks"],
                target_failure_rate=options["target_failure_rate"],
                risk_confidence=options["risk_confidence"],
                segment=dict(options["match"]),
            ),
        )
        if options["json"]:
            self.stdout.write(json.dumps(plan_as_json(plan), indent=2))
            return
        for sentence in plan_in_words(plan):
            self.stdout.write("\n".join(wrap(sentence, WIDTH)))
        for rows in (table_of_bands(plan), table_of_options(plan)):
            self.stdout.write("\n".join(["", *table(rows)]))
