"""What the pages of telemetry ask for beside the figures: intervals, and the lengths of bars."""

from __future__ import annotations

from typing import Any, NamedTuple

import scipy
from django import template

from confidence_project.foundation.formatting import said, threshold
from governance.definitions import title_of
from telemetry.bundles import Bundle, Section, read_bundle
from telemetry.figures import BundleTotals, SectionTotals, TokenTotal
from telemetry.metadata import Removal
from telemetry.models import AIInteraction

register = template.Library()

register.filter("policy_title", title_of)

WHY_REMOVED = {
    Removal.UNKNOWN_KEY: "Not declared in the schema",
    Removal.WRONG_TYPE: "Of another type than declared",
    Removal.TEXT: "Text where no text may stand",
    Removal.TOO_LONG: "Text of more than 200 characters",
    Removal.NOT_FINITE: "Not a finite number",
    Removal.OUT_OF_RANGE: "A number out of its range",
}

COUNTED_TOKENS = {
    "input": "Input tokens",
    "output": "Output tokens",
    "cached": "Of the input, cached",
    "reasoning": "Of the output, reasoning",
}


class Rate(NamedTuple):
    """A share with its two-sided 95 % Wilson interval; None where there was nothing to count."""

    share: float | None
    low: float | None
    high: float | None


class SectionBar(NamedTuple):
    """A section with its bar: `width` and `mark` (the budget) of 100 on the scale of the longest."""

    section: Section
    share: float | None
    width: float
    mark: float | None


class SectionShares(NamedTuple):
    """A section over many bundles: its share of all tokens, and how often it was truncated."""

    section: SectionTotals
    mean: float
    share: float | None
    truncated: Rate

    @property
    def width(self) -> float:
        """Length of the bar of its share, of 100."""
        return 100 * (self.share or 0)

    @property
    def truncated_width(self) -> float:
        """Length of the bar of its truncations, of 100."""
        return 100 * (self.truncated.share or 0)


@register.simple_tag
def rate_of(hits: int, trials: int) -> Rate:
    """Return a share with its interval."""
    if not trials:
        return Rate(None, None, None)
    low, high = scipy.stats.binomtest(hits, trials).proportion_ci(method="wilson")
    return Rate(hits / trials, float(low), float(high))


@register.simple_tag
def bundle_of(call: AIInteraction) -> Bundle | None:
    """Return of what the context of a call was made; None when it came without a bundle."""
    return read_bundle(call.metadata)


@register.filter
def section_bars(bundle: Bundle) -> list[SectionBar]:
    """Return the sections of a bundle, each with its bar."""
    sections = bundle.sections
    longest = max((max(each.tokens or 0, each.budget or 0) for each in sections), default=0) or 1
    total = sum(each.tokens or 0 for each in sections)
    return [
        SectionBar(
            section=each,
            share=each.tokens / total if each.tokens is not None and total else None,
            width=100 * (each.tokens or 0) / longest,
            # The mark is a line of its own width, which stays inside.
            mark=None if each.budget is None else min(100 * each.budget / longest, 99.2),
        )
        for each in sections
    ]


@register.filter
def section_shares(totals: BundleTotals) -> list[SectionShares]:
    """Return the sections of many bundles with their shares."""
    tokens = sum(each.tokens for each in totals.sections)
    return [
        SectionShares(
            section=each,
            mean=each.tokens / each.calls,
            share=each.tokens / tokens if tokens else None,
            truncated=rate_of(each.truncated, each.judged),
        )
        for each in totals.sections
    ]


@register.filter
def follow_up(call: AIInteraction) -> list[tuple[str, str]]:
    """Return what the parser and the booking gate said, each with its name; a dash for what they left out."""
    metadata = call.metadata or {}
    parse, gate = metadata.get("followupParse") or {}, metadata.get("bookingGate") or {}
    of_parse = [
        ("Parse confidence", threshold(parse.get("confidence"))),
        ("Proposed times", threshold(parse.get("proposedTimesCount"))),
        ("Time zone to be clarified", said(parse.get("needsTimezoneClarification"))),
        ("Free in the calendar", said(parse.get("matchedAvailability"))),
    ]
    of_gate = [
        ("Booking gate", str(gate.get("decision") or "–")),
        ("Its confidence", threshold(gate.get("confidence"))),
        ("Issues", threshold(gate.get("issuesCount"))),
    ]
    return (of_parse if parse else []) + (of_gate if gate else [])


@register.filter
def removed_entries(call: AIInteraction) -> list[tuple[str, int]]:
    """Return how many entries of the metadata were removed, by reason in words."""
    removed: dict[str, Any] = call.metadata_removed or {}
    words = {reason.value: sentence for reason, sentence in WHY_REMOVED.items()}
    return [(words.get(reason, reason), number) for reason, number in sorted(removed.items())]


@register.filter
def of_host(call: AIInteraction) -> dict[str, Any]:
    """Return the entries of the metadata that the host's own schema declares."""
    standard = {"leadContextBundle", "followupParse", "bookingGate"}
    return {name: value for name, value in (call.metadata or {}).items() if name not in standard}


@register.filter
def token_name(total: TokenTotal) -> str:
    """Say which tokens these are."""
    return COUNTED_TOKENS[total.kind]
