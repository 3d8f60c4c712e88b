"""What changed since the last run that had other inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.statistics.drift import distribution_drift
from calibration.statistics.groups import Groups


def since_last_run(finding: Mapping[str, Any], previous: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Compare a finding with the previous output of its policy key; None when that has none for its segment.

    Parameters
    ----------
    previous : mapping, optional
        The entry of the policy key in the output of an earlier run.
    """
    if previous is None:
        return None
    wanted = (finding["field"], finding["segment"])
    before = next((each for each in previous["findings"] if (each["field"], each["segment"]) == wanted), None)
    if before is None:
        return None
    return {
        "inputs_sha256": previous["inputs_sha256"],
        "current_before": before["current"],
        "recommended_before": before["recommended"],
        "reason_before": before["reason"],
        "labelled_before": before["labelled"],
        "ece_before": (before["calibration_error"] or {}).get("ece"),
        **_drift(before, finding),
        "buckets": _buckets(before, finding),
    }


def _drift(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, float | None]:
    """Drift of the confidences. Ten bins are all that PSI looks at; of KS they show the distance at their ends."""
    if not before["reliability"] or not now["reliability"]:
        return {"psi": None, "ks_at_least": None}
    found = distribution_drift(*(_by_tenths(each["reliability"]["equal_width"]["bins"]) for each in (before, now)))
    return {"psi": found.psi, "ks_at_least": found.ks}


def _by_tenths(bins: Sequence[Mapping[str, Any]]) -> Groups:
    no_labels = [0] * len(bins)
    return Groups.from_arrays([each["low"] for each in bins], no_labels, no_labels, [each["total"] for each in bins])


def _buckets(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    if not before["reliability"] or not now["reliability"]:
        return None
    pairs = zip(before["reliability"]["equal_width"]["bins"], now["reliability"]["equal_width"]["bins"], strict=True)
    return [
        {
            "low": new["low"],
            "high": new["high"],
            "labelled_before": old["n"],
            "labelled": new["n"],
            "success_rate_before": old["success_rate"],
            "success_rate": new["success_rate"],
        }
        for old, new in pairs
    ]
