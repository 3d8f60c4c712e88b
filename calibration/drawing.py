"""Labels of what was drawn, for evidence that is followed from day to day: whether they rule, and at which chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from calibration.statistics.candidates import thinned
from governance.definitions import LATTICE, FieldKind, PolicyDefinition, get_definition, to_lattice
from governance.models import AuditSampling, ConfidencePolicyRevision, Workspace
from governance.policies.config import PolicyConfig, parse_config
from governance.sampling_rates import SamplingRates
from ledger.labelling.rules import label_source_of, rules_at
from ledger.labelling.untold import untold
from ledger.models import LabelSource


def people_label(workspace: Workspace, policy_key: str, at: datetime) -> bool:
    """True where the rules in force at a moment say that labels of what was drawn count, and no others."""
    return label_source_of(workspace, policy_key, at) is LabelSource.DRAWN


def rates_at(workspace: Workspace, policy_key: str, at: datetime) -> SamplingRates | None:
    """Return the rates of drawing in force at a moment, None where nothing was drawn."""
    then = AuditSampling.objects.in_workspace(workspace).filter(policy_key=policy_key, started_at__lte=at)
    sampling = then.exclude(ended_at__lte=at).order_by("-started_at").first()
    return sampling.rates if sampling else None


def count_drawn(
    revision: ConfidencePolicyRevision, segment: Mapping[str, str], allowed: QuerySet[Any], *, as_of: datetime
) -> list[tuple[date, int, int]]:
    """Count by day what was drawn of the decisions that a revision allowed, and the failures among it.

    One without a label is a failure, unless nobody could tell and the labelling rules leave such out. Labels are
    thinned to the lowest rate that was in force with the revision, so that what is counted is like what is allowed;
    there are none where some of that was in no draw.

    Parameters
    ----------
    allowed
        The decisions, with their `day` and whether they `succeeded`.
    """
    definition = get_definition(revision.policy_key)
    rates = rates_at(revision.workspace, revision.policy_key, revision.created_at)
    config = parse_config(definition, revision.config_after)
    common = lowest_allowed(rates, definition, config, segment) if rates else Decimal(0)
    if not common:
        return []
    rules = rules_at(revision.workspace, revision.policy_key, revision.created_at)
    if rules.leaves_out_untold:
        of_policy = untold(revision.workspace, revision.policy_key, as_of)
        allowed = allowed.exclude(of_policy & Q(succeeded__isnull=True))
    days: dict[date, list[int]] = {}
    salt = f"revision-{revision.pk}"
    drawn = allowed.filter(audit_selected=True, label_propensity__gte=common).order_by("pk")
    for decision_id, rate, day, won in drawn.values_list("pk", "label_propensity", "day", "succeeded").iterator():
        if thinned(str(decision_id), propensity=float(rate), common=float(common), salt=salt):
            counted = days.setdefault(day, [0, 0])
            counted[0] += 1
            counted[1] += won is not True
    return [(day, labelled, failures) for day, (labelled, failures) in sorted(days.items())]


def lowest_allowed(
    rates: SamplingRates, definition: PolicyDefinition, config: PolicyConfig, segment: Mapping[str, str]
) -> Decimal:
    """Return the lowest rate at which a config draws what it allows in a segment; 0 where some is in no draw."""
    field = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    assert field is not None  # noqa: S101 - narrows the type; labels are drawn of what has a threshold
    threshold = to_lattice(config.value(definition, field.name, segment))
    return rates.lowest("allowed", (min(threshold, LATTICE), LATTICE), segment)
