"""Reads of calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Case, F, QuerySet, Value, When, Window
from django.db.models.fields import UUIDField
from django.db.models.functions import RowNumber
from django.utils import timezone

from calibration.models import AnswersAlarm, ConfidenceCalibrationRun, PolicyAlarm
from confidence_project.foundation.errors import InvalidInput
from governance.definitions import PolicyDefinition
from governance.models import (
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    Rollout,
    Workspace,
)
from governance.models.scoping import WorkspaceScopedQuerySet
from governance.policies.config import PolicyConfig, parse_config
from ledger.models import DecisionRecord

Status = ConfidenceCalibrationRun.Status


def completed_runs(workspace: Workspace) -> QuerySet[ConfidenceCalibrationRun]:
    """Return the completed runs of a workspace, the newest first."""
    return ConfidenceCalibrationRun.objects.in_workspace(workspace).filter(status=Status.COMPLETE)


def configs_in_force(
    workspace: Workspace, definition: PolicyDefinition, start: datetime, end: datetime
) -> list[PolicyConfig]:
    """Return every config of a policy that ruled over decisions at some time in `start <= time < end`.

    That includes what was in rollout as a canary. A config that no longer meets the definition is left out: the gate
    has not used it since.
    """
    revisions = ConfidencePolicyRevision.objects.in_workspace(workspace).filter(policy_key=definition.key)
    before = revisions.filter(created_at__lte=start).order_by("-version").values_list("config_after", flat=True)[:1]
    within = revisions.filter(created_at__gt=start, created_at__lt=end).values_list("config_after", flat=True)
    canaries = (
        Rollout.objects.in_workspace(workspace)
        .filter(policy_key=definition.key, share__gt=0, started_at__lt=end)
        .exclude(ended_at__lte=start)
        .values_list("proposal__config", flat=True)
    )
    configs = []
    for raw in [*(before or [PolicyConfig({}).as_json()]), *within, *canaries]:
        try:
            configs.append(parse_config(definition, raw))
        except InvalidInput:
            continue
    return configs


def needs_bootstrap(workspace: Workspace, policy_key: str) -> bool:
    """True when the defaults of a policy were never put on record, nor proposed; an expired proposal does not count."""
    offered = ConfidencePolicyProposal.objects.in_workspace(workspace).filter(
        policy_key=policy_key, origin=ConfidencePolicyProposal.Origin.BOOTSTRAP
    )
    return not (
        ConfidencePolicy.objects.in_workspace(workspace).filter(policy_key=policy_key).exists()
        or offered.exclude(status=ConfidencePolicyProposal.Status.EXPIRED).exists()
    )


def previous_output(workspace: Workspace, policy_key: str, *, other_than: str) -> Mapping[str, Any] | None:
    """Return what the last completed run with other inputs put out for a policy key; None when there is none.

    Parameters
    ----------
    other_than
        The hash of the present inputs: a run with the same inputs has seen nothing else.
    """
    for run_id, metrics in completed_runs(workspace).values_list("pk", "metrics").iterator():
        if metrics["inputs"].get(policy_key, other_than) != other_than:
            output = completed_runs(workspace).values_list("output", flat=True).get(pk=run_id)
            policies: list[dict[str, Any]] = output["policies"]
            return next(policy for policy in policies if policy["policy_key"] == policy_key)
    return None


COUNTED_IN_METRICS = ("statement_sha256", "counts_sha256")
"""What the metrics of a run keep of each policy key that was counted in an engine."""


class EarlierCounts(NamedTuple):
    """Which run was told which counts."""

    run_id: int
    counts_sha256: str


def earlier_counts(workspace: Workspace, policy_key: str, statement_sha256: str) -> EarlierCounts | None:
    """Return what the last completed run was told that asked an engine the same statement; None when there is none."""
    for run_id, metrics in completed_runs(workspace).filter(engine__isnull=False).values_list("pk", "metrics"):
        statement, counts = metrics.get("counted_in", {}).get(policy_key, ("", ""))
        if statement == statement_sha256:
            return EarlierCounts(run_id, counts)
    return None


def due_workspaces(policy_keys: Sequence[str]) -> QuerySet[Workspace]:
    """Return the workspaces that have no run for which they may wait; see `runs_not_due`."""
    return Workspace.objects.exclude(pk__in=runs_not_due(policy_keys).values("workspace_id"))


def runs_not_due(policy_keys: Sequence[str]) -> WorkspaceScopedQuerySet[ConfidenceCalibrationRun]:
    """Return the runs that did what a recurring run over these keys does, so lately that their workspaces may wait.

    Such a run is complete, younger than `CONFIDENCE_CALIBRATION_EVERY_DAYS`, no dry run, looked at just these policy
    keys, and at recent decisions: its window reaches into those days, or ended at most a day before them.
    """
    since = timezone.now() - timedelta(days=settings.CONFIDENCE_CALIBRATION_EVERY_DAYS)
    return ConfidenceCalibrationRun.objects.filter(
        status=Status.COMPLETE,
        created_at__gt=since,
        window_to__gt=since - timedelta(days=1),
        dry_run=False,
        scope=list(policy_keys),
    )


def proposals_of(run: ConfidenceCalibrationRun) -> QuerySet[ConfidencePolicyProposal]:
    """Return the proposals that a run opened."""
    return ConfidencePolicyProposal.objects.filter(pk__in=run.metrics.get("proposals", []))


def first_of_each_case(decisions: QuerySet[DecisionRecord]) -> QuerySet[DecisionRecord]:
    """Return of each case the earliest of these decisions; one without a case key is a case of its own."""
    of_its_own = Case(When(case_key="", then=F("decision_id")), default=Value(None), output_field=UUIDField(null=True))
    place = Window(RowNumber(), partition_by=[F("case_key"), of_its_own], order_by=[F("occurred_at"), F("decision_id")])
    return DecisionRecord.objects.filter(pk__in=decisions.order_by().annotate(place=place).filter(place=1).values("pk"))


def alarms_in_force(user: Any) -> QuerySet[PolicyAlarm]:
    """Return the alarms that `user` may see over versions that are still in force, the newest first: one query."""
    alarms: QuerySet[PolicyAlarm] = PolicyAlarm.objects.visible_to(user).filter(
        revision__version=F("revision__policy__version")
    )
    return alarms.select_related("workspace", "revision", "look")


def changed_answers(user: Any) -> QuerySet[AnswersAlarm]:
    """Return the alarms over changed answers that `user` may see, of versions still in force: one query."""
    alarms: QuerySet[AnswersAlarm] = AnswersAlarm.objects.visible_to(user).filter(
        revision__version=F("revision__policy__version")
    )
    return alarms.select_related("workspace", "revision")
