"""What is in force under a policy key, segment by segment, and which figures of the last run are about just that.

A run says what it saw under the values of its time. A figure is shown as one of today only where these values, or those
that the run recommended, are the values in force; else it stands there as what it is, of then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.urls import reverse
from django.utils.http import urlencode

from calibration.findings.finding import Headline
from calibration.models import ConfidenceCalibrationRun, Recommendation
from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.formatting import count, percent
from governance.definitions import PolicyDefinition
from governance.models import BlockedSource, ConfidencePolicy, ConfidencePolicyRevision
from governance.policies.config import PolicyConfig, parse_config

FAR_OFF = 3
"""From so many times the wanted failure rate on, a segment is not to be left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastLook:
    """What the last run that looked at a policy key said of it, and the config that was in force then."""

    run: ConfidenceCalibrationRun
    findings: Sequence[Recommendation]
    config_then: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is allowed and how it goes. `is_of_then`: under values that are not in force (any more)."""

    coverage: float | None
    failure_rate: float | None
    interval: tuple[float, float] | None
    reason: str
    is_of_then: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong with a segment, and the one thing to do about it; `url` blank: the reader may not do it."""

    words: str
    is_bad: bool
    remedy: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInForce:
    """One row: the values in force for a segment and what is known of them. `stopped`: why nothing is allowed."""

    found: Headline
    run: ConfidenceCalibrationRun
    values: Sequence[tuple[str, float]]
    value_then: float
    stopped: str
    figures: Figures
    trouble: Trouble | None

    @property
    def value(self) -> float:
        return self.values[0][1]


def last_looks(workspace_ids: Sequence[int]) -> Mapping[tuple[int, str], LastLook]:
    """Return the last look at each policy key, by workspace and key: three queries, whatever there is."""
    looked_at = Recommendation.objects.filter(workspace__in=workspace_ids).order_by()
    latest = {
        (row["workspace"], row["policy_key"]): row["run"]
        for row in looked_at.values("workspace", "policy_key").annotate(run=Max("run"))
    }
    rows = Recommendation.objects.filter(run__in=set(latest.values())).select_related("run", "proposal")
    found: dict[tuple[int, str], list[Recommendation]] = defaultdict(list)
    for row in rows.defer("run__output", "run__metrics", "proposal__evidence"):
        if latest[row.workspace_id, row.policy_key] == row.run_id:
            found[row.workspace_id, row.policy_key].append(row)
    before = _first_changes_since({key: each[0].run for key, each in found.items()})
    return {key: LastLook(run=each[0].run, findings=each, config_then=before.get(key)) for key, each in found.items()}


def _first_changes_since(runs: Mapping[tuple[int, str], ConfidenceCalibrationRun]) -> Mapping[tuple[int, str], object]:
    """Return the config of each policy before it first changed after its run; nothing where it did not."""
    if not runs:
        return {}
    changes = ConfidencePolicyRevision.objects.filter(
        workspace__in={workspace for workspace, _ in runs},
        created_at__gt=min(run.created_at for run in runs.values()),
        version__gt=0,
    ).order_by("version")
    before: dict[tuple[int, str], object] = {}
    for change in changes.only("workspace_id", "policy_key", "config_before", "created_at"):
        run = runs.get((change.workspace_id, change.policy_key))
        if run is not None and change.created_at > run.created_at:
            before.setdefault((change.workspace_id, change.policy_key), change.config_before)
    return before


def segments_in_force(
    definition: PolicyDefinition,
    policy: ConfidencePolicy | None,
    look: LastLook | None,
    *,
    blocked: Iterable[BlockedSource],
    all_stopped: str,
    may_operate: bool,
) -> list[SegmentInForce]:
    """Return a row for each segment that the last run found something about.

    Parameters
    ----------
    all_stopped
        Why nothing at all is allowed under this key; blank where something may be.
    may_operate
        The reader may block sources and propose changes in the workspace.
    """
    if look is None:
        return []
    now = _config(definition, policy.config if policy else {})
    then = now if look.config_then is None else _config(definition, look.config_then)
    by_segment: dict[tuple[Any, ...], list[tuple[Recommendation, Headline]]] = defaultdict(list)
    for each in look.findings:
        # What another release stored in a form of its own is on the page of its run, and must not hide the rest.
        with suppress(InvalidInput):
            by_segment[tuple(sorted(each.segment.items()))].append((each, Headline.from_json(each.evidence)))
    rows = []
    for pairs in by_segment.values():
        first = next((pair for pair in pairs if pair[1].field == definition.fields[0].name), None)
        if first is None:
            continue
        row, found = first
        recommended = {each.field: each.recommended for _, each in pairs if each.recommended is not None}
        values = _values(definition, now, found)
        figures = _figures(found, values, _values(definition, then, found), recommended)
        stopped = all_stopped or _why_blocked(found, blocked) or ("" if values else "the stored values cannot be read")
        trouble = None if stopped else _trouble(row, found, figures, look.run, may_operate)
        rows.append(
            SegmentInForce(
                found=found,
                run=look.run,
                values=_worth_saying(definition, values),
                value_then=found.current,
                stopped=stopped,
                figures=figures,
                trouble=trouble,
            )
        )
    return rows


def _config(definition: PolicyDefinition, raw: object) -> PolicyConfig | None:
    """Return a stored config; None for one that the definition has come to refuse: the gate blocks under it."""
    try:
        return parse_config(definition, raw)
    except InvalidInput:
        return None


def _values(definition: PolicyDefinition, config: PolicyConfig | None, found: Headline) -> dict[str, float]:
    fields = definition.fields if config else ()
    return {field.name: config.value(definition, field.name, found.segment) for field in fields if config}


def _worth_saying(definition: PolicyDefinition, values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Titles and values of the fields, without a ceiling that limits nothing; empty where the values cannot be read."""
    fields = [field for field in definition.fields if values and not field.limits_nothing(values[field.name])]
    return [(field.title or field.name, values[field.name]) for field in fields]


def _figures(
    found: Headline, now: Mapping[str, float], then: Mapping[str, float], recommended: Mapping[str, float]
) -> Figures:
    if now and now != then and now == {**then, **recommended}:
        return Figures(
            coverage=found.coverage,
            failure_rate=found.failure_rate,
            interval=found.failure_rate_interval,
            reason="",
            is_of_then=False,
        )
    point = found.at_current
    return Figures(
        coverage=point.coverage,
        failure_rate=point.failure_rate,
        interval=point.interval,
        reason=point.reason or "",
        is_of_then=now != then,
    )


def _why_blocked(found: Headline, blocked: Iterable[BlockedSource]) -> str:
    for block in blocked:
        if block.policy_key in ("", found.policy_key) and found.segment.get(block.kind) == block.value:
            return f"this {block.kind} is blocked"
    return ""


def _trouble(
    row: Recommendation, found: Headline, figures: Figures, run: ConfidenceCalibrationRun, may_operate: bool
) -> Trouble | None:
    wanted, seen = run.target_failure_rate, figures.failure_rate
    if figures.is_of_then:
        return None
    if seen is not None and seen >= FAR_OFF * wanted:
        words = f"Fails {seen / wanted:.1f} times as often as wanted: {percent(seen)}, at most {percent(wanted)}."
    elif found.reason == "NOT_CERTIFIABLE":
        words = f"Refused: no threshold was found that keeps its failures at or below {percent(wanted)}."
    elif found.reason == "INSUFFICIENT_DATA":
        words = f"Refused: {count(found.labelled)} labelled decisions are too few to certify anything."
        return _with_remedy(words, False, "Label its decisions", _decisions_of(row, found))
    else:
        return None
    if row.proposal is not None and row.proposal.is_open:
        at = reverse("admin:governance_confidencepolicyproposal_change", args=[row.proposal_id])
        return _with_remedy(words, True, f"Decide on proposal {row.proposal_id}", at)
    if not may_operate:
        return _with_remedy(words, True, "A workspace admin can block it", "")
    return _with_remedy(words, True, *_block_or_propose(row, found))


def _with_remedy(words: str, is_bad: bool, remedy: str, url: str) -> Trouble:
    return Trouble(words=words, is_bad=is_bad, remedy=remedy, url=url)


def _block_or_propose(row: Recommendation, found: Headline) -> tuple[str, str]:
    """A model can be blocked; for decisions that name none, a stricter value is what is left."""
    kind = next((kind for kind in ("model", "provider") if found.segment.get(kind)), None)
    if kind is None:
        asked = {"workspace": row.workspace.slug, "policy_key": found.policy_key}
        return "Propose a stricter value", _url("governance_confidencepolicyproposal_add", asked)
    asked = {
        "workspace": str(row.workspace_id),
        "policy_key": found.policy_key,
        "kind": kind,
        "value": found.segment[kind],
    }
    return f"Block this {kind}", _url("governance_blockedsource_add", asked)


def _decisions_of(row: Recommendation, found: Headline) -> str:
    named = {kind: found.segment[kind] for kind in ("provider", "model") if found.segment.get(kind)}
    asked = {"workspace": row.workspace.slug, "policy_key": found.policy_key, **named}
    return _url("ledger_decisionrecord_changelist", asked)


def _url(page: str, asked: Mapping[str, Any]) -> str:
    return f"{reverse(f'admin:{page}')}?{urlencode(asked)}"
