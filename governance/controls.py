"""What stands over a policy at this moment: switches, toggles, blocked sources, audit sampling. Read at every call."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery

from confidence_project.errors import NotFound
from governance.models import AuditSampling, BlockedSource, KillSwitch, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The controls over one policy key of one workspace. `audit_rate` None: no audit sampling."""

    kill_switch: bool
    automation_enabled: bool
    blocked_providers: frozenset[str]
    blocked_models: frozenset[str]
    audit_rate: Decimal | None


def read_controls(workspace: Workspace, policy_key: str) -> Controls:
    """Return the controls in force now, from the database: two indexed queries.

    Raises
    ------
    NotFound
        The workspace is gone.
    """
    switches = KillSwitch.objects.in_force().covering(policy_key).filter(workspace_id=OuterRef("pk"))
    sampling = AuditSampling.objects.in_force().filter(workspace_id=OuterRef("pk"), policy_key=policy_key)
    row = (
        Workspace.objects.filter(pk=workspace.pk)
        .annotate(killed=Exists(switches), audit_rate=Subquery(sampling.values("rate")[:1]))
        .values_list("automation_enabled", "killed", "audit_rate")
        .first()
    )
    if row is None:
        raise NotFound("The workspace does not exist any more.")
    automation_enabled, killed, audit_rate = row
    blocked = BlockedSource.objects.in_workspace(workspace).in_force().covering(policy_key).values_list("kind", "value")
    by_kind: dict[str, set[str]] = {kind: set() for kind in BlockedSource.Kind.values}
    for kind, value in blocked:
        by_kind[kind].add(value)
    return Controls(
        kill_switch=killed or settings.CONFIDENCE_KILL_SWITCH,
        automation_enabled=automation_enabled,
        blocked_providers=frozenset(by_kind[BlockedSource.Kind.PROVIDER]),
        blocked_models=frozenset(by_kind[BlockedSource.Kind.MODEL]),
        audit_rate=audit_rate,
    )
