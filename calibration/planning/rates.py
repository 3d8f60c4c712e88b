"""The rates of a plan, set as audit sampling beside what is drawn already."""

from __future__ import annotations

from django.db import transaction

from governance.access.permissions import Person, Verb, require
from governance.controls.services import set_audit_sampling
from governance.models import AuditSampling, Workspace
from governance.sampling_rates import SamplingRates, SamplingRule


def rates_with(rule: SamplingRule, sampling: AuditSampling | None) -> SamplingRates:
    """Return the rates in force with the rule of a plan in place of what was drawn of the same segment."""
    before = sampling.rates if sampling else SamplingRates()
    return SamplingRates(before.blocked, (rule, *(each for each in before.rules if each.match != rule.match)))


def use_rates(
    *, actor: Person, workspace: Workspace, policy_key: str, rule: SamplingRule, reason: str
) -> AuditSampling:
    """Draw by the rule of a plan from now on, beside what is drawn of other segments.

    Raises
    ------
    PermissionRefused, NotFound, UnknownPolicyKey, InvalidInput
        As `set_audit_sampling`.
    """
    require(Verb.OPERATE, actor, workspace)
    with transaction.atomic():
        # Two people who plan at once must not undo each other's rules.
        workspace.lock()
        sampling = AuditSampling.objects.in_workspace(workspace).in_force().filter(policy_key=policy_key).first()
        rates = rates_with(rule, sampling)
        return set_audit_sampling(actor=actor, workspace=workspace, policy_key=policy_key, rates=rates, reason=reason)
