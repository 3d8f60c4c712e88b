"""A proposed config held against recorded decisions: one aggregate in the database, no rows loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Case, Count, DecimalField, Q, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput
from governance.definitions import LATTICE, FieldDefinition, FieldKind, PolicyDefinition, get_definition, to_lattice
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies.config import PolicyConfig, parse_config
from governance.workflow.consequences import Backtest
from ledger.gate import THRESHOLD_REASONS, Reason
from ledger.models import DecisionRecord
from ledger.selectors import ruling_success

_DECIDED_BY_THRESHOLDS = Q(gate_reason__in=[Reason.ALLOWED.value, *(reason.value for reason in THRESHOLD_REASONS)])

Combination = tuple[bool, bool, bool | None]
"""Allowed by the config in force, allowed by the proposed one, success of the ruling outcome (None: unlabelled)."""


def backtest_proposal(proposal: ConfidencePolicyProposal) -> Backtest:
    """Hold a proposal against recorded decisions; raises as `backtest_configs`."""
    definition = get_definition(proposal.policy_key)
    before, after = (parse_config(definition, raw) for raw in (proposal.base_config, proposal.config))
    return backtest_configs(proposal.workspace, definition, before, after)


def backtest_configs(
    workspace: Workspace, definition: PolicyDefinition, before: PolicyConfig, after: PolicyConfig
) -> Backtest:
    """Hold two configs against the decisions of the last `CONFIDENCE_CALIBRATION_WINDOW_DAYS`.

    Only decisions that thresholds decided count, and imported history; what a switch, a blocked model or a broken
    contract decided stays as it is under any config.

    Raises
    ------
    InvalidInput
        The policy gates no decisions, or the definition refuses a config.
    """
    if not definition.gates_decisions:
        raise InvalidInput("This policy holds budgets: it has no decisions to be held against.")
    window_to = timezone.now()
    window_from = window_to - timedelta(days=settings.CONFIDENCE_CALIBRATION_WINDOW_DAYS)
    decided = DecisionRecord.objects.in_workspace(workspace).filter(
        _DECIDED_BY_THRESHOLDS | Q(origin=DecisionRecord.Origin.IMPORT),
        policy_key=definition.key,
        occurred_at__gte=window_from,
        occurred_at__lt=window_to,
        llm_confidence__isnull=False,
    )
    counts = (
        decided.annotate(
            before=_allowed(definition, before),
            after=_allowed(definition, after),
            succeeded=ruling_success(window_to),
        )
        .order_by()
        .values_list("before", "after", "succeeded")
        .annotate(decisions=Count("*"))
    )
    return _summary({(before, after, won): n for before, after, won, n in counts}, window_from, window_to)


def _summary(counts: dict[Combination, int], window_from: Any, window_to: Any) -> Backtest:
    def total(holds: Callable[[bool, bool, bool | None], bool]) -> int:
        return sum(number for combination, number in counts.items() if holds(*combination))

    return Backtest(
        window_from=window_from,
        window_to=window_to,
        decisions=sum(counts.values()),
        allowed_before=total(lambda before, after, won: before),
        allowed_after=total(lambda before, after, won: after),
        to_block=total(lambda before, after, won: before and not after),
        to_allow=total(lambda before, after, won: after and not before),
        labelled_before=total(lambda before, after, won: before and won is not None),
        failures_before=total(lambda before, after, won: before and won is False),
        labelled_after=total(lambda before, after, won: after and won is not None),
        failures_after=total(lambda before, after, won: after and won is False),
        newly_allowed_unlabelled=total(lambda before, after, won: after and not before and won is None),
    )


def _allowed(definition: PolicyDefinition, config: PolicyConfig) -> Combinable:
    """Whether the config allows a decision, by the rule of the gate. A missing risk score is not below a threshold."""
    conditions = Q()
    confidence = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    if confidence is not None:
        conditions &= Q(llm_confidence__gte=_threshold(definition, config, confidence))
    ceiling = definition.field_of_kind(FieldKind.CONFIDENCE_CEILING)
    if ceiling is not None:
        conditions &= Q(llm_confidence__lte=_threshold(definition, config, ceiling))
    risk = definition.field_of_kind(FieldKind.RISK_THRESHOLD)
    if risk is not None:
        conditions &= Q(ml_risk_score__lt=_threshold(definition, config, risk))
    return Case(When(conditions, then=True), default=False, output_field=BooleanField())


def _threshold(definition: PolicyDefinition, config: PolicyConfig, field: FieldDefinition) -> Combinable:
    """The value of a field for the segment of each decision; overrides stand in their order of precedence."""
    cases = [
        When(**dict(override.match), then=_decimal(override.values[field.name]))
        for override in config.overrides
        if field.name in override.values
    ]
    elsewhere = _decimal(config.value(definition, field.name, {}))
    return Case(*cases, default=elsewhere, output_field=_four_decimals()) if cases else elsewhere


def _decimal(value: float) -> Value:
    return Value(Decimal(to_lattice(value)) / LATTICE, output_field=_four_decimals())


def _four_decimals() -> DecimalField[Any, Any]:
    return DecimalField(max_digits=5, decimal_places=4)
