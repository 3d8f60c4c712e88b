"""What the templates of the desk ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django import template
from django.db.models.options import Options
from django.urls import reverse
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from calibration.findings import wording
from calibration.models import ConfidenceCalibrationRun
from calibration.selectors import proposals_of
from confidence_project.desk import evidence as reading
from confidence_project.desk import menu
from confidence_project.desk.views import PALETTES
from confidence_project.foundation.errors import DomainError, UnknownPolicyKey
from governance.definitions import get_definition
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies.changes import Change, Match, changes_between
from governance.policies.config import PolicyConfig, parse_config

register = template.Library()


@register.simple_tag
def evidence_of(proposal: ConfidencePolicyProposal) -> reading.Evidence | None:
    """Return the evidence of a proposal for reading; None where it holds no findings."""
    return reading.read_evidence(json.loads(proposal.evidence))


@register.simple_tag
def evidence_of_run(run: ConfidenceCalibrationRun) -> list[reading.Evidence]:
    """Return what a run found, by policy key."""
    found = [reading.read_evidence(policy) for policy in run.output.get("policies", [])]
    return [each for each in found if each is not None]


@register.simple_tag
def proposals_of_run(run: ConfidenceCalibrationRun) -> Any:
    """Return the proposals that a run opened."""
    return proposals_of(run)


@register.simple_tag
def history_of(workspace: Any, policy_key: str) -> Any:
    """Return the revisions of a policy, the newest first, each with what it changed."""
    policy = ConfidencePolicy.objects.in_workspace(workspace).filter(policy_key=policy_key).first()
    return policy.revisions.all() if policy else []


@register.filter
def percent(share: float | Literal[""] | None) -> str:
    """Write a share as a percentage of three significant digits; a dash where the template found none."""
    return reading.percent(None if share == "" else share)


@register.filter
def count(number: int | None) -> str:
    """Write a number of things, thousands apart."""
    return "–" if number is None else f"{number:,}"


@register.filter
def threshold(value: float | None) -> str:
    """Write a value of a policy: up to four decimals, none of them idle."""
    return reading.value_text(value)


@register.filter
def segment(values: Mapping[str, str] | Match) -> str:
    """Write a segment."""
    return wording.segment(dict(values))


@register.filter
def changed(revision: ConfidencePolicyRevision) -> list[Change]:
    """Return what a revision changed, as far as it can still be read."""
    return [
        change
        for change in _changes(revision.policy_key, revision.config_before, revision.config_after)
        if change.is_change
    ]


@register.simple_tag
def compared(revisions: Sequence[ConfidencePolicyRevision], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Compare the two versions that `from` and `to` of the address name; without them the last two."""
    by_version = {str(revision.version): revision for revision in revisions}
    after = by_version.get(chosen.get("to", ""), revisions[0])
    before = by_version.get(chosen.get("from", ""), revisions[1])
    changes = _changes(after.policy_key, before.config_after, after.config_after)
    return {"before": before, "after": after, "changes": [change for change in changes if change.is_change]}


@register.filter
def page_name(opts: Options[Any]) -> str:
    """Return the heading of a model's list: as the menu calls it."""
    return menu.page_name(str(opts.model_name)) or str(capfirst(opts.verbose_name_plural))


@register.filter
def changed_first(changes: Sequence[Change]) -> list[Change]:
    """Return what changes before what stays."""
    return sorted(changes, key=lambda change: not change.is_change)


@register.filter
def gates_decisions(policy_key: str) -> bool:
    """True for a policy whose decisions can be replayed."""
    try:
        return get_definition(policy_key).gates_decisions
    except UnknownPolicyKey:
        return False


@register.filter
def policy_title(policy_key: str) -> str:
    """Return the title of a policy, or its key when it is not registered any more."""
    try:
        return get_definition(policy_key).title
    except UnknownPolicyKey:
        return policy_key


@register.simple_tag
def values_of(policy: ConfidencePolicy) -> list[Change]:
    """Return the values of a policy against the defaults."""
    return _changes(policy.policy_key, PolicyConfig({}).as_json(), policy.config)


@register.simple_tag
def json_of(data: Any, place: int) -> SafeString:
    """Put data into the page for a script to read; the content security policy takes it for data."""
    return json_script(data, f"groups-{place}")


@register.inclusion_tag("desk/picture.html")
def picture(owner: Any, subject: reading.Subject, chart: str) -> dict[str, Any]:
    """Show a picture of a finding in both themes; the stylesheet hides the one that does not fit."""
    sources = {theme: _picture_url(owner, subject, chart, theme) for theme in PALETTES}
    return {"sources": sources, "alt": _ALT[chart].format(subject.segment)}


@register.inclusion_tag("desk/sparkline.html")
def sparkline(rates: list[float | None] | None) -> dict[str, Any]:
    """Draw success rates over the periods of a window, the worst seen at the foot."""
    known = [(place, rate) for place, rate in enumerate(rates or ()) if rate is not None]
    if len(known) < 2:
        return {}
    low, high = min(rate for _, rate in known), max(rate for _, rate in known)
    points = [(4 + 12 * place, 20 - 16 * (rate - low) / ((high - low) or 1)) for place, rate in known]
    return {
        "points": " ".join(f"{x:g},{y:.1f}" for x, y in points),
        "last": points[-1],
        "label": f"Success rate by period: {', '.join(reading.percent(rate) for _, rate in known)}",
    }


_ALT = {
    "reliability": "Claimed confidence against observed success for {}; the figures are in the tables of this page",
    "risk-coverage": "Failure rate over the share of decisions that is allowed for {}, thresholds marked",
}


def _picture_url(owner: Any, subject: reading.Subject, chart: str, theme: str) -> str:
    if isinstance(owner, ConfidencePolicyProposal):
        return reverse("admin:desk_proposal_picture", args=[owner.pk, subject.place, chart, theme])
    key = subject.finding["policy_key"]
    return reverse("admin:desk_run_picture", args=[owner.pk, key, subject.place, chart, theme])


def _changes(policy_key: str, before: object, after: object) -> list[Change]:
    try:
        definition = get_definition(policy_key)
        return changes_between(definition, before, parse_config(definition, after))
    except DomainError:
        return []
