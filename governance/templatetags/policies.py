"""What the pages of governance ask for beside the figures."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

from governance.definitions import title_of
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies.changes import Change
from governance.workflow.review import is_uncertified, is_uncertified_change, real_changes
from governance.workflow.wording import grounds, headline

register = template.Library()

register.filter("policy_title", title_of)
register.filter("headline", headline)
register.filter("uncertified", is_uncertified)
register.filter("uncertified_change", is_uncertified_change)


@register.filter("grounds")
def grounds_of(proposal: ConfidencePolicyProposal) -> str:
    """Return on which evidence a proposal rests."""
    return grounds(proposal, uncertified=is_uncertified(proposal))


@register.filter
def changed(revision: ConfidencePolicyRevision) -> list[Change]:
    """Return what a revision changed, as far as it can still be read."""
    return real_changes(revision.policy_key, revision.config_before, revision.config_after)


@register.filter
def changed_first(changes: Sequence[Change]) -> list[Change]:
    """Return what changes before what stays."""
    return sorted(changes, key=lambda change: not change.is_change)
