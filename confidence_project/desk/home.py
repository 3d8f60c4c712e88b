"""The first page: each workspace at a glance, in a number of queries that does not grow with what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Max

from calibration.models import ConfidenceCalibrationRun, Recommendation
from governance.definitions import PolicyDefinition, all_definitions
from governance.models import (
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicy,
    ConfidencePolicyProposal,
    KillSwitch,
    Rollout,
    Workspace,
)
from governance.permissions import Person, Verb, is_same_person_twice, workspaces_where

Status = ConfidencePolicyProposal.Status

_NEXT_STEP = {Status.PENDING: (Verb.APPROVE, "a workspace admin"), Status.APPROVED: (Verb.APPLY, "a superuser")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A proposal that waits for somebody: for the person who looks, or for `whom`."""

    proposal: ConfidencePolicyProposal
    verb: str
    is_mine: bool
    whom: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAtAGlance:
    """What is in force under a policy key, and what the last calibration saw of it, segment by segment."""

    definition: PolicyDefinition
    policy: ConfidencePolicy | None
    switches: Sequence[KillSwitch]
    findings: Sequence[Recommendation]

    @property
    def values(self) -> list[tuple[str, float]]:
        """Titles and values that hold where no override does."""
        config = self.policy.config if self.policy else {}
        values = self.definition.defaults | config.get("values", {})
        return [(field.title or field.name, values[field.name]) for field in self.definition.fields]

    @property
    def overrides(self) -> int:
        return len(self.policy.config.get("overrides", [])) if self.policy else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAtAGlance:
    """A workspace on the first page."""

    workspace: Workspace
    is_stopped_everywhere: bool
    switches: Sequence[KillSwitch]
    blocked: Sequence[BlockedSource]
    rollouts: Sequence[Rollout]
    waiting: Sequence[Waiting]
    reviews: Sequence[BreakGlassReview]
    failed: ConfidenceCalibrationRun | None
    policies: Sequence[PolicyAtAGlance]
    idle: Sequence[PolicyDefinition]
    may_operate: bool

    @property
    def is_on(self) -> bool:
        """True when the gate may allow anything at all."""
        return not self.is_stopped_everywhere and self.workspace.automation_enabled and not self.whole_switches

    @property
    def whole_switches(self) -> list[KillSwitch]:
        return [switch for switch in self.switches if not switch.policy_key]

    @property
    def waits_for_me(self) -> int:
        return sum(each.is_mine for each in self.waiting)


def workspaces_at_a_glance(person: Person) -> list[WorkspaceAtAGlance]:
    """Return every workspace that `person` sees."""
    workspaces = list(Workspace.objects.visible_to(person))
    ids = [workspace.pk for workspace in workspaces]
    may = {verb: set(workspaces_where(verb, person).values_list("pk", flat=True)) for verb in _VERBS}
    proposals = ConfidencePolicyProposal.objects.filter(workspace__in=ids, status__in=_NEXT_STEP)
    switches = _by_workspace(KillSwitch.objects.filter(workspace__in=ids).in_force())
    blocked = _by_workspace(BlockedSource.objects.filter(workspace__in=ids).in_force())
    rollouts = _by_workspace(Rollout.objects.filter(workspace__in=ids).active())
    reviews = _by_workspace(BreakGlassReview.objects.filter(workspace__in=ids).in_force().select_related("revision"))
    waiting = _by_workspace(proposals.defer("evidence", "config", "base_config"))
    policies = _by_workspace(ConfidencePolicy.objects.filter(workspace__in=ids))
    findings = _latest_findings(ids)
    failed = _last_run_failed(ids)
    return [
        WorkspaceAtAGlance(
            workspace=workspace,
            is_stopped_everywhere=settings.CONFIDENCE_KILL_SWITCH,
            switches=switches[workspace.pk],
            blocked=blocked[workspace.pk],
            rollouts=rollouts[workspace.pk],
            waiting=[_waiting(each, person, may) for each in waiting[workspace.pk]],
            reviews=reviews[workspace.pk],
            failed=failed.get(workspace.pk),
            may_operate=workspace.pk in may[Verb.OPERATE],
            **_policies(policies[workspace.pk], switches[workspace.pk], findings[workspace.pk]),
        )
        for workspace in workspaces
    ]


_VERBS = (Verb.APPROVE, Verb.APPLY, Verb.OPERATE)


def _by_workspace(rows: Iterable[Any]) -> Mapping[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.workspace_id].append(row)
    return grouped


def _waiting(proposal: ConfidencePolicyProposal, person: Person, may: Mapping[Verb, set[int]]) -> Waiting:
    verb, whom = _NEXT_STEP[Status(proposal.status)]
    holds = proposal.workspace_id in may[verb]
    is_second_step = is_same_person_twice(verb, person, proposal)
    return Waiting(
        proposal=proposal,
        verb=verb,
        is_mine=holds and not is_second_step,
        whom=f"{whom} other than you" if holds and is_second_step else whom,
    )


def _latest_findings(workspace_ids: Sequence[int]) -> Mapping[int, list[Recommendation]]:
    """What the last run that looked at a policy key said of its first field, for each workspace."""
    looked_at = Recommendation.objects.filter(workspace__in=workspace_ids).order_by()
    latest = {
        (row["workspace"], row["policy_key"]): row["run"]
        for row in looked_at.values("workspace", "policy_key").annotate(run=Max("run"))
    }
    rows = Recommendation.objects.filter(run__in=set(latest.values())).select_related("run").defer("run__output")
    found: dict[int, list[Recommendation]] = defaultdict(list)
    for row in rows:
        if latest[row.workspace_id, row.policy_key] == row.run_id:
            found[row.workspace_id].append(row)
    return found


def _last_run_failed(workspace_ids: Sequence[int]) -> Mapping[int, ConfidenceCalibrationRun]:
    runs = ConfidenceCalibrationRun.objects.filter(workspace__in=workspace_ids).order_by()
    last = runs.values("workspace").annotate(last=Max("pk")).values("last")
    failed = ConfidenceCalibrationRun.objects.filter(pk__in=last, status=ConfidenceCalibrationRun.Status.FAILED)
    return {run.workspace_id: run for run in failed.defer("output", "metrics")}


def _policies(
    policies: Sequence[ConfidencePolicy], switches: Sequence[KillSwitch], findings: Sequence[Recommendation]
) -> dict[str, Any]:
    """Part the registered policies into those with something to show, and the idle rest."""
    stored = {policy.policy_key: policy for policy in policies}
    shown, idle = [], []
    for definition in all_definitions():
        first = definition.fields[0].name
        glance = PolicyAtAGlance(
            definition=definition,
            policy=stored.get(definition.key),
            switches=[switch for switch in switches if switch.policy_key == definition.key],
            findings=[each for each in findings if each.policy_key == definition.key and each.field == first],
        )
        if glance.policy or glance.findings or glance.switches:
            shown.append(glance)
        else:
            idle.append(definition)
    return {"policies": shown, "idle": idle}
