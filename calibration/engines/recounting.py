"""Asking an engine once more what a run was told, so that a source that changes since is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from calibration.engines.kinds import opened
from calibration.engines.reading import counts_sha256, rows_of
from calibration.models import ConfidenceCalibrationRun, EvidenceEngine
from confidence_project.foundation.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """What the statement of one policy key is told now."""

    policy_key: str
    engine: str
    groups_before: int
    groups: int
    is_same: bool


def recount(run: ConfidenceCalibrationRun) -> Iterator[Recount]:
    """Run each statement of a run again.

    Raises
    ------
    NotFound
        The run read no engine.
    Unavailable, InvalidInput
        As `engines.kinds.opened`.
    """
    told = {each["policy_key"]: each["engine"] for each in run.output.get("policies", []) if each.get("engine")}
    if not told:
        raise NotFound("This run was counted in no engine.")
    for policy_key, counted_in in told.items():
        yield _again(policy_key, counted_in)


def _again(policy_key: str, counted_in: dict[str, Any]) -> Recount:
    with opened(EvidenceEngine.objects.get(pk=counted_in["declaration"])) as engine:
        rows = rows_of(engine, counted_in["statement"])
    return Recount(
        policy_key=policy_key,
        engine=counted_in["engine"],
        groups_before=counted_in["groups"],
        groups=len(rows),
        is_same=counts_sha256(rows) == counted_in["counts_sha256"],
    )
