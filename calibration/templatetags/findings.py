"""What the pages of calibration ask for beside the figures."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from calibration.engines.wording import counted_in
from calibration.evidence.wording import where_counted
from calibration.findings import wording
from calibration.findings.glossary import GLOSSARY
from calibration.findings.reading import Subject
from confidence_project.foundation.formatting import segment
from governance.definitions import title_of
from governance.models import ConfidencePolicyProposal
from governance.workflow.wording import headline

register = template.Library()

register.filter("costs_in_use", wording.costs_in_use)
register.filter("calendar", wording.calendar)
register.filter("counted_in", counted_in)
register.filter("where_counted", where_counted)
register.filter("headline", headline)
register.filter("policy_title", title_of)

_ALT = {
    "reliability": "Claimed confidence against observed success for {}; the figures are in the tables of this page",
    "risk-coverage": "Failure rate over the share of decisions that is allowed for {}, thresholds marked",
}


@register.simple_tag
def term(label: str, word: str, *place: object) -> SafeString:
    """Write a label that says what it means, on hover, on click and by keyboard; `place` tells it from its like."""
    name = slugify("-".join(map(str, ("term", word, *place))))
    return format_html(
        '<button type="button" class="term" popovertarget="{}" title="{}">{}</button>'
        '<span id="{}" class="glossary" popover>{}</span>',
        *(name, GLOSSARY[word], label, name, GLOSSARY[word]),
    )


@register.inclusion_tag("admin/calibration/_picture.html")
def picture(owner: Any, subject: Subject, chart: str) -> dict[str, Any]:
    """Show a picture of a finding in both themes; the stylesheet hides the one that does not fit."""
    sources = {theme: _picture_url(owner, subject, chart, theme) for theme in ("light", "dark")}
    return {"sources": sources, "alt": _ALT[chart].format(segment(subject.finding.segment))}


def _picture_url(owner: Any, subject: Subject, chart: str, theme: str) -> str:
    if isinstance(owner, ConfidencePolicyProposal):
        return reverse("admin:desk_proposal_picture", args=[owner.pk, subject.place, chart, theme])
    key = subject.finding.policy_key
    return reverse("admin:desk_run_picture", args=[owner.pk, key, subject.place, chart, theme])
