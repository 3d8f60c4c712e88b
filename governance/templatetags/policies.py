"""What the pages of governance ask for beside the figures."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

from governance.definitions import title_of
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies.changes import Change
from governance.workflow.review import is_uncertified, real_changes

register = template.Library()

register.filter("policy_title", title_of)


@register.filter
def changed(revision: ConfidencePolicyRevision) -> list[Change]:
    """Return what a revision changed, as far as it can still be read."""
    return real_changes(revision.policy_key, revision.config_before, revision.config_after)


@register.filter
def uncertified(proposal: ConfidencePolicyProposal | None) -> bool:
    """Say whether a proposal loosens without a certificate; a change without a proposal does not."""
    return proposal is not None and is_uncertified(proposal)


@register.filter
def changed_first(changes: Sequence[Change]) -> list[Change]:
    """Return what changes before what stays."""
    return sorted(changes, key=lambda change: not change.is_change)
