"""Findings about token budgets: the smallest one that rarely truncates, for each field of the policy."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from calibration.evidence.lead_context import BudgetEvidence, Bundles
from calibration.findings import wording
from calibration.findings.finding import BUDGET, Finding
from calibration.findings.parts import Basis, LeftOut
from calibration.parameters import CalibrationParameters
from calibration.reviews.judging import Review
from calibration.statistics.budgets import BudgetRecommendation, smallest_budget
from calibration.statistics.claims import certified_budget_statement
from calibration.statistics.operating_points import OperatingPoint
from governance.definitions import FieldDefinition
from governance.policies import EffectivePolicy


def find_budgets(
    evidence: BudgetEvidence, policy: EffectivePolicy, parameters: CalibrationParameters, *, review: Review
) -> list[Finding]:
    """Return a finding for each budget with bundles. The budgets of the policy share δ, so all of them hold at once."""
    delta = review.delta / len(policy.definition.fields)
    return [
        _finding(policy, field, evidence.fields[field.name], parameters.target_failure_rate, delta, review)
        for field in policy.definition.fields
        if field.name in evidence.fields
    ]


def _finding(
    policy: EffectivePolicy, field: FieldDefinition, bundles: Bundles, target: float, delta: float, review: Review
) -> Finding:
    current = policy.value(field.name)
    # A smaller budget truncates more: only a review looks at one.
    found = _recommend(field, bundles if review.may_loosen else _no_smaller(bundles, current), target, delta)
    recommended = None if found.budget is None else float(found.budget)
    # Thresholds are compared by their difference, budgets by their share.
    is_material = recommended is not None and abs(recommended - current) > settings.CONFIDENCE_MATERIALITY * current
    explanation = wording.budget(field.name, current, found)
    if not review.may_loosen:
        explanation += f" {wording.only_stricter(current)}"
    return Finding(
        policy_key=policy.definition.key,
        field=field.name,
        segment={},
        current=current,
        recommended=recommended,
        reason=found.reason,
        explanation=explanation,
        is_material=is_material,
        is_proposable=is_material,
        is_tested=True,
        decisions=bundles.total,
        labelled=bundles.total,
        successes=bundles.total - bundles.truncated,
        label_coverage=1.0,
        cohort=Basis(
            kind="bundles",
            threshold_in_force=None,
            risk_threshold_in_force=None,
            decisions_before_collapse_by_case=bundles.total,
            labels_below_threshold_in_force=0,
            labels_not_pooled=0,
        ),
        left_out=LeftOut(),
        method=BUDGET,
        statement=wording.statement(certified_budget_statement(found), may_loosen=review.may_loosen),
        answer=found,
        at_current=_point(bundles, current),
        at_recommended=None if recommended is None else _point(bundles, recommended),
    )


def _no_smaller(bundles: Bundles, budget: float) -> Bundles:
    """Take every bundle to need as much as the budget, or more: what a smaller one would do is not asked."""
    return replace(bundles, needed=tuple(max(needed, int(budget)) for needed in bundles.needed))


def _recommend(field: FieldDefinition, bundles: Bundles, target: float, delta: float) -> BudgetRecommendation:
    # A truncated bundle needed more than it was given, nobody knows how much more: no budget is taken to hold it.
    too_large = int(field.maximum) + 1
    found = smallest_budget(
        [*bundles.needed, too_large], [*bundles.counts, bundles.truncated], target=target, delta=delta
    )
    if found.budget is None:
        return found
    if found.budget > field.maximum:
        return BudgetRecommendation(budget=None, reason="NOT_CERTIFIABLE", target=target, delta=delta)
    return replace(found, budget=max(found.budget, int(field.minimum)))


def _point(bundles: Bundles, budget: float) -> OperatingPoint:
    """What a budget holds whole ("allowed") and what it truncates at most ("failures")."""
    truncated = bundles.too_large_for(budget)
    return OperatingPoint(
        threshold=budget,
        allowed=bundles.total - truncated,
        labelled=bundles.total,
        failures=truncated,
        coverage=1 - truncated / bundles.total,
        failure_rate=truncated / bundles.total,
        interval=None,
        reason="share of bundles that the budget truncates, at most",
    )
