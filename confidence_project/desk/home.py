"""The first page: each workspace at a glance, in a number of queries that does not grow with what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Max, OuterRef, Subquery

from calibration.models import AnswersAlarm, ConfidenceCalibrationRun, PolicyAlarm
from calibration.selectors import alarms_in_force, changed_answers
from confidence_project.desk.in_force import LastLook, SegmentInForce, last_looks, segments_in_force
from confidence_project.desk.trends import Trend, trends
from governance.access.permissions import Person, Verb, is_same_person_twice, workspaces_where
from governance.definitions import PolicyDefinition, all_definitions
from governance.models import (
    AuditSampling,
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicy,
    ConfidencePolicyProposal,
    KillSwitch,
    Rollout,
    Workspace,
    WorkspaceEvent,
)
from governance.selectors import superseded_lately
from governance.workflow.review import is_uncertified
from ledger.labelling.due import count_overdue
from ledger.selectors import MOST_COUNTED, count_waiting_for_review

Status = ConfidencePolicyProposal.Status

_NEXT_STEP = {Status.PENDING: (Verb.APPROVE, "a workspace admin"), Status.APPROVED: (Verb.APPLY, "a superuser")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A proposal that waits for somebody: for the person who looks, or for `whom`.

    `is_uncertified`: it loosens, and nothing bears that out.
    """

    proposal: ConfidencePolicyProposal
    verb: str
    is_mine: bool
    whom: str
    is_uncertified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """An emergency change that a superuser who had no part in it has yet to look at."""

    review: BreakGlassReview
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAtAGlance:
    """What is in force under a policy key, and what the last run saw of it, segment by segment.

    `trend`: what went through it lately; None for nothing that was counted.
    """

    definition: PolicyDefinition
    policy: ConfidencePolicy | None
    segments: Sequence[SegmentInForce]
    stopped: str
    trend: Trend | None

    @property
    def values(self) -> list[tuple[str, float]]:
        """Titles and values that hold where no override does."""
        config = self.policy.config if self.policy else {}
        values = self.definition.defaults | config.get("values", {})
        fields = [each for each in self.definition.fields if not each.limits_nothing(values[each.name])]
        return [(field.title or field.name, values[field.name]) for field in fields]

    @property
    def rows(self) -> int:
        """Rows of its table: of each segment one, one for what troubles it, one for the trend and one for the rest."""
        return len(self.segments) + sum(each.trouble is not None for each in self.segments) + bool(self.trend) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceAtAGlance:
    """A workspace on the first page.

    `switched_off`: the step that switched automation off, None where it is on. `drawn`: how many decisions wait for
    review, where `MOST_COUNTED + 1` means more than `MOST_COUNTED`, and `overdue` how many of these for too long.
    """

    workspace: Workspace
    is_stopped_everywhere: bool
    switched_off: WorkspaceEvent | None
    switches: Sequence[KillSwitch]
    blocked: Sequence[BlockedSource]
    samplings: Sequence[AuditSampling]
    rollouts: Sequence[Rollout]
    alarms: Sequence[PolicyAlarm]
    changed: Sequence[AnswersAlarm]
    waiting: Sequence[Waiting]
    superseded: Sequence[ConfidencePolicyProposal]
    reviews: Sequence[Review]
    failed: ConfidenceCalibrationRun | None
    drawn: int
    overdue: int
    policies: Sequence[PolicyAtAGlance]
    idle: Sequence[PolicyDefinition]
    may_operate: bool
    may_label: bool

    @property
    def is_on(self) -> bool:
        """True when the gate may allow anything at all."""
        return not self.is_stopped_everywhere and self.workspace.automation_enabled and not self.whole_switches

    @property
    def whole_switches(self) -> list[KillSwitch]:
        return [switch for switch in self.switches if not switch.policy_key]

    @property
    def is_restricted(self) -> bool:
        """True when something is blocked for another reason than its thresholds."""
        return bool(self.switches or self.blocked)

    @property
    def waits_for_me(self) -> int:
        """How many things wait for the person who looks; of what they operate also alarms and failed runs, and where
        they label, the review of decisions, which is one thing.
        """
        mine = sum(each.is_mine for each in self.waiting) + sum(each.is_mine for each in self.reviews)
        mine += bool(self.drawn) and self.may_label
        return mine + (len(self.alarms) + len(self.changed) + bool(self.failed) if self.may_operate else 0)

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.reviews or self.alarms or self.changed or self.failed or self.drawn)

    @property
    def drawn_in_words(self) -> str:
        """How many decisions wait for review."""
        return _in_words(self.drawn)

    @property
    def overdue_in_words(self) -> str:
        """How many of these for too long."""
        return _in_words(self.overdue)

    @property
    def urgency(self) -> tuple[bool, bool, bool]:
        """Orders workspaces: alarms first, then what is off, then what waits for the person who looks."""
        return bool(self.alarms or self.changed), not self.is_on, self.waits_for_me > 0


def _in_words(counted: int) -> str:
    return f"{MOST_COUNTED}+" if counted > MOST_COUNTED else str(counted)


ThingT = TypeVar("ThingT", Waiting, Review)


def workspaces_at_a_glance(person: Person, workspaces: Sequence[Workspace]) -> list[WorkspaceAtAGlance]:
    """Return workspaces, of those that `person` sees, the most urgent first."""
    ids = [workspace.pk for workspace in workspaces]
    may = {verb: set(workspaces_where(verb, person).values_list("pk", flat=True)) for verb in _VERBS}
    proposals = ConfidencePolicyProposal.objects.filter(workspace__in=ids).with_status(*_NEXT_STEP)
    switches = _by_workspace(KillSwitch.objects.filter(workspace__in=ids).in_force())
    blocked = _by_workspace(BlockedSource.objects.filter(workspace__in=ids).in_force())
    rollouts = _by_workspace(Rollout.objects.filter(workspace__in=ids).active())
    samplings = _by_workspace(AuditSampling.objects.filter(workspace__in=ids).in_force())
    alarms = _by_workspace(alarms_in_force(person))
    changed = _by_workspace(changed_answers(person))
    reviews = _by_workspace(BreakGlassReview.objects.filter(workspace__in=ids).in_force())
    waiting = _by_workspace(proposals.defer("evidence"))
    superseded = _by_workspace(superseded_lately(person, ids))
    policies = _by_workspace(ConfidencePolicy.objects.filter(workspace__in=ids))
    looks, lately = last_looks(ids), trends(ids)
    failed = _last_run_failed(ids)
    drawn = count_waiting_for_review(workspaces)
    with_drawn = [each for each in workspaces if drawn[each.pk]]
    overdue = count_overdue(with_drawn)
    labels = set(workspaces_where(Verb.LABEL, person).values_list("pk", flat=True)) if with_drawn else set()
    switched_off = _switched_off(workspaces)
    # Looked up once: those that people confirmed are read from the database.
    definitions = all_definitions()
    glances = [
        WorkspaceAtAGlance(
            workspace=workspace,
            is_stopped_everywhere=settings.CONFIDENCE_KILL_SWITCH,
            switched_off=switched_off.get(workspace.pk),
            switches=switches[workspace.pk],
            blocked=blocked[workspace.pk],
            samplings=samplings[workspace.pk],
            rollouts=rollouts[workspace.pk],
            alarms=alarms[workspace.pk],
            changed=changed[workspace.pk],
            waiting=_mine_first([_waiting(each, person, may) for each in waiting[workspace.pk]]),
            superseded=superseded[workspace.pk],
            reviews=_mine_first([_review(each, person, may) for each in reviews[workspace.pk]]),
            failed=failed.get(workspace.pk),
            drawn=drawn[workspace.pk],
            overdue=overdue.get(workspace.pk, 0),
            may_label=workspace.pk in labels,
            may_operate=workspace.pk in may[Verb.OPERATE],
            **_policies(
                workspace,
                definitions,
                policies[workspace.pk],
                looks,
                lately,
                switches=switches[workspace.pk],
                blocked=blocked[workspace.pk],
                may_operate=workspace.pk in may[Verb.OPERATE],
            ),
        )
        for workspace in workspaces
    ]
    return sorted(glances, key=lambda glance: glance.urgency, reverse=True)


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
        is_uncertified=is_uncertified(proposal),
    )


def _review(review: BreakGlassReview, person: Person, may: Mapping[Verb, set[int]]) -> Review:
    is_superuser = review.workspace_id in may[Verb.APPLY]
    return Review(review=review, is_mine=is_superuser and review.started_by_id != person.pk)


def _mine_first(things: list[ThingT]) -> list[ThingT]:
    return sorted(things, key=lambda each: not each.is_mine)


def _last_run_failed(workspace_ids: Sequence[int]) -> Mapping[int, ConfidenceCalibrationRun]:
    runs = ConfidenceCalibrationRun.objects.filter(workspace__in=workspace_ids).order_by()
    last = runs.values("workspace").annotate(last=Max("pk")).values("last")
    failed = ConfidenceCalibrationRun.objects.filter(pk__in=last, status=ConfidenceCalibrationRun.Status.FAILED)
    return {run.workspace_id: run for run in failed.defer("output", "metrics")}


def _switched_off(workspaces: Sequence[Workspace]) -> Mapping[int, WorkspaceEvent]:
    """Who switched automation off where it is off, as far as the history tells."""
    toggled = WorkspaceEvent.objects.filter(
        workspace=OuterRef("pk"), kind=WorkspaceEvent.Kind.TOGGLES_CHANGED, after__has_key="automation_enabled"
    )
    off = Workspace.objects.filter(pk__in=[each.pk for each in workspaces if not each.automation_enabled]).order_by()
    last = off.annotate(last=Subquery(toggled.order_by("-pk").values("pk")[:1])).values("last")
    steps = WorkspaceEvent.objects.filter(pk__in=last)
    return {step.workspace_id: step for step in steps if step.after and step.after["automation_enabled"] is False}


def _policies(
    workspace: Workspace,
    definitions: Sequence[PolicyDefinition],
    policies: Sequence[ConfidencePolicy],
    looks: Mapping[tuple[int, str], LastLook],
    lately: Mapping[tuple[int, str], Trend],
    *,
    switches: Sequence[KillSwitch],
    blocked: Sequence[BlockedSource],
    may_operate: bool,
) -> dict[str, Any]:
    """Part the registered policies into those with something to show, and the idle rest."""
    stored = {policy.policy_key: policy for policy in policies}
    shown, idle = [], []
    for definition in definitions:
        policy, look = stored.get(definition.key), looks.get((workspace.pk, definition.key))
        is_switched_off = any(switch.policy_key == definition.key for switch in switches)
        stopped = _why_stopped(workspace, switches, definition)
        segments = segments_in_force(
            definition, policy, look, blocked=blocked, all_stopped=stopped, may_operate=may_operate
        )
        if policy or segments or is_switched_off:
            trend = lately.get((workspace.pk, definition.key))
            shown.append(
                PolicyAtAGlance(definition=definition, policy=policy, segments=segments, stopped=stopped, trend=trend)
            )
        else:
            idle.append(definition)
    return {"policies": shown, "idle": idle}


def _why_stopped(workspace: Workspace, switches: Sequence[KillSwitch], definition: PolicyDefinition) -> str:
    """Say why nothing is allowed under a policy that gates; blank where something may be."""
    if not definition.gates_decisions:
        return ""
    if settings.CONFIDENCE_KILL_SWITCH or any(each.policy_key in ("", definition.key) for each in switches):
        return "a kill switch is engaged"
    if not workspace.automation_enabled:
        return "automation is off"
    toggle = definition.toggle
    return "" if toggle is None or getattr(workspace, toggle.name) else "its toggle is off"
