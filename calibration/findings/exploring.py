"""What the threshold explorer of a page is given: one place for each threshold of the stored curve, and two exact ones.

The curve holds with the other values as they are in force. The two places that matter, what is in force and what is
proposed, are those of the finding itself, every value of them: so the explorer says what the sentence says, of a pair
and of a band, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calibration.findings.finding import Finding
from calibration.findings.parts import CurvePoint
from calibration.statistics.operating_points import OperatingPoint
from confidence_project.foundation.formatting import threshold
from governance.definitions import get_definition


def places_to_explore(findings: Sequence[Finding], target: float) -> dict[str, Any]:
    """Return the places in the order of their thresholds, and which of them is in force and which is proposed.

    Parameters
    ----------
    findings
        Those of one segment, that of the confidence threshold first.
    target
        The failure rate that is wanted.
    """
    finding, others = findings[0], findings[1:]
    with_now = _in_words(others, [each.current for each in others])
    known = {point.threshold for point in finding.fair_curve}
    places = [
        _on_the_curve(finding, point, with_now, is_known=point.threshold in known)
        for point in finding.operating_curve or ()
    ]
    now = {**_exact(finding.at_current), "threshold": finding.current, "with": with_now, "more": 0, "fewer": 0}
    exact = [now]
    proposed = _proposed(findings)
    if proposed is not None:
        exact.append(proposed)
    # A place of the curve under the same values as an exact one is that one, thinned out.
    taken = {(each["threshold"], each["with"]) for each in exact}
    places = [each for each in places if (each["threshold"], each["with"]) not in taken]
    ordered = sorted([*places, *exact], key=lambda each: (each["threshold"], each is proposed))
    return {
        "target": target,
        "current": ordered.index(now),
        "proposed": None if proposed is None else ordered.index(proposed),
        "allowedNow": finding.at_current.allowed,
        "groups": ordered,
    }


def _proposed(findings: Sequence[Finding]) -> dict[str, Any] | None:
    finding, others = findings[0], findings[1:]
    if finding.at_recommended is None or finding.recommended is None:
        return None
    then = [each.current if each.recommended is None else each.recommended for each in others]
    change = finding.change
    flips = {"more": change.block_to_allow, "fewer": change.allow_to_block} if change else {}
    place = {**_exact(finding.at_recommended), "threshold": finding.recommended, **flips}
    return {**place, "with": _in_words(others, then)}


def _in_words(others: Sequence[Finding], values: Sequence[float]) -> str:
    """Name the values beside the confidence threshold; blank where the policy has no other."""
    fields = [get_definition(each.policy_key).field(each.field) for each in others]
    named = [f"{field.title or field.name} {threshold(value)}" for field, value in zip(fields, values, strict=True)]
    return ", ".join(named)


def _exact(point: OperatingPoint) -> dict[str, Any]:
    low, high = point.interval or (None, None)
    return {
        "coverage": point.coverage,
        "allowed": point.allowed,
        "failures": None if point.failure_rate is None else [point.failure_rate, low, high],
        "reason": point.reason or "",
    }


def _on_the_curve(finding: Finding, point: CurvePoint, with_now: str, *, is_known: bool) -> dict[str, Any]:
    coverage = point.coverage or 0.0
    return {
        "threshold": point.threshold,
        "coverage": coverage * finding.share_of_all,
        "allowed": round(coverage * finding.decisions),
        "failures": [point.failure_rate, point.low, point.high] if is_known else None,
        "reason": "only in a review" if is_known else "no fair labels here",
        "with": with_now,
    }
