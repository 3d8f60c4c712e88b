"""What changed since the last run that had other inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from calibration.findings.finding import Finding
from calibration.findings.parts import BucketSinceLastRun, Reliability, SinceLastRun
from calibration.statistics.drift import distribution_drift
from calibration.statistics.groups import Groups
from calibration.statistics.reliability import ReliabilityBin
from confidence_project.foundation.errors import InvalidInput


def since_last_run(finding: Finding, previous: Mapping[str, Any] | None) -> SinceLastRun | None:
    """Compare a finding with the previous output of its policy key; None when that has none for its segment.

    Parameters
    ----------
    previous : mapping, optional
        The entry of the policy key in the output of an earlier run.
    """
    stored = previous["findings"] if previous else ()
    wanted = (finding.field, finding.segment)
    before = next((each for each in _readable(stored) if (each.field, each.segment) == wanted), None)
    if before is None or previous is None:
        return None
    psi, ks = _drift(before.reliability, finding.reliability)
    return SinceLastRun(
        inputs_sha256=previous["inputs_sha256"],
        current_before=before.current,
        recommended_before=before.recommended,
        reason_before=before.reason,
        labelled_before=before.labelled,
        ece_before=before.ece,
        psi=psi,
        ks_at_least=ks,
        buckets=_buckets(before.reliability, finding.reliability),
    )


def _readable(findings: Iterable[object]) -> Iterable[Finding]:
    """What a release before this one stored in a form of its own is compared with nothing."""
    for stored in findings:
        try:
            yield Finding.from_json(stored)
        except InvalidInput:
            continue


def _drift(before: Reliability | None, now: Reliability | None) -> tuple[float | None, float | None]:
    """Drift of the confidences. Ten bins are all that PSI looks at; of KS they show the distance at their ends."""
    if not before or not now:
        return None, None
    found = distribution_drift(*(_by_tenths(each.equal_width.bins) for each in (before, now)))
    return found.psi, found.ks


def _by_tenths(bins: Sequence[ReliabilityBin]) -> Groups:
    no_labels = [0] * len(bins)
    return Groups.from_arrays([each.low or 0.0 for each in bins], no_labels, no_labels, [each.total for each in bins])


def _buckets(before: Reliability | None, now: Reliability | None) -> tuple[BucketSinceLastRun, ...] | None:
    if not before or not now:
        return None
    return tuple(
        BucketSinceLastRun(
            low=new.low,
            high=new.high,
            labelled_before=old.n,
            labelled=new.n,
            success_rate_before=old.success_rate,
            success_rate=new.success_rate,
        )
        for old, new in zip(before.equal_width.bins, now.equal_width.bins, strict=True)
    )
