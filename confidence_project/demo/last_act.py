"""The last act: which labels the refused model would need, and what they would show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from textwrap import wrap

from django.utils import timezone

from calibration.planning.planning import plan_label_purchase
from calibration.planning.question import PlanQuestion, Target
from calibration.planning.report import plan_in_words
from governance.models import Workspace

MODEL = "gaussian-nb"
COST, BUDGET = 2, 200
WANTED = (0.05, 0.2)
"""The failure rate that was asked for, and one that this model can keep."""

LATER = timedelta(days=15)
"""A plan counts decisions that are old enough to have their outcomes; those of the demo are, so long after it."""


def tell(workspace: Workspace, policy_key: str, say: Callable[[str], None]) -> None:
    """Plan the labels with which the refused model could be certified."""
    say(
        f"What would {MODEL} need? Labels at {COST} each, {BUDGET} a week, planned from those above, as will be said "
        f"in {LATER.days} days, when these are old enough:"
    )
    asked = f"--workspace {workspace.slug} --match model={MODEL} --target certify --cost {COST} --budget {BUDGET}"
    for rate in WANTED:
        print(f"   manage.py plan_labels {policy_key} {asked} --target-failure-rate {rate}")
        question = PlanQuestion(
            policy_key=policy_key,
            target=Target.CERTIFY,
            cost=COST,
            budget=BUDGET,
            segment={"model": MODEL},
            target_failure_rate=rate,
        )
        plan = plan_label_purchase(workspace=workspace, question=question, now=timezone.now() + LATER)
        for sentence in plan_in_words(plan)[:2]:
            print("\n".join(wrap(sentence, 120, initial_indent="   ", subsequent_indent="   ")))
    print("   So no labels mend a model that fails too often; where it may, they say how often, and what that allows.")
