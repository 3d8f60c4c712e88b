"""What is governed: the policy with its fields, the models that were asked in the period, and the people who decide."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Min, Q

from calibration.statistics import STATISTICS_VERSION
from confidence_project.desk.definitions import DescribedDefinition
from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Row, as_time, moment
from confidence_project.foundation.formatting import count, threshold
from governance.models import Membership
from ledger.models import DecisionRecord


def inventory(frame: Frame) -> Iterator[Part]:
    """Yield what there is, which models were asked, and who belongs to the workspace."""
    definition, workspace = frame.asked.definition, frame.workspace
    described = DescribedDefinition(definition)
    toggle = definition.toggle
    facts: list[Row] = [
        {"what": "Workspace", "value": f"{workspace.name} ({workspace.slug})"},
        {"what": "Policy", "value": f"{definition.title} ({definition.key})"},
        {"what": "What it decides", "value": definition.description},
        *(
            {
                "what": f"Field {each.field.name}",
                "value": f"{each.kind}, {threshold(each.field.minimum)} to {threshold(each.field.maximum)}, "
                f"default {threshold(each.field.default)}: {each.direction}",
            }
            for each in described.fields
        ),
        {"what": "Evidence from", "value": described.evidence_source},
        {"what": "Automation of the workspace", "value": "on" if workspace.automation_enabled else "off"},
        *([{"what": f"Toggle {toggle.name}", "value": _state(workspace, toggle.name)}] if toggle else []),
        {"what": "Version of the statistics", "value": STATISTICS_VERSION},
    ]
    yield Part(
        name="inventory",
        title="Inventory",
        says=["What is governed here. Switches are as they stand when the pack is made; their history is below."],
        columns=[Column("what", "What"), Column("value", "Value")],
        rows=facts,
    )
    yield _models(frame)
    yield _people(frame)


def _state(workspace: object, toggle: str) -> str:
    return "on" if getattr(workspace, toggle) else "off"


def _models(frame: Frame) -> Part:
    allowed = Count("pk", filter=Q(gate_verdict=DecisionRecord.Verdict.ALLOW))
    found = (
        frame.decisions()
        .order_by()
        .values("provider", "model", "confidence_kind", "origin")
        .annotate(decisions=Count("pk"), allowed=allowed, first=Min("timestamp"), last=Max("timestamp"))
        .order_by("provider", "model", "confidence_kind", "origin")
    )
    rows = [{**each, "first": moment(each["first"]), "last": moment(each["last"])} for each in found]
    return Part(
        name="models",
        title="Models that were asked",
        says=[] if rows else ["No decision under this policy was recorded in the period."],
        columns=[
            Column("provider", "Provider"),
            Column("model", "Model"),
            Column("confidence_kind", "Kind of confidence"),
            Column("origin", "Origin"),
            Column("decisions", "Decisions", count, kind="number"),
            Column("allowed", "Allowed", count, kind="number"),
            Column("first", "First (UTC)", as_time, "tight"),
            Column("last", "Last (UTC)", as_time, "tight"),
        ],
        rows=rows,
    )


def _people(frame: Frame) -> Part:
    members = Membership.objects.in_workspace(frame.workspace).order_by("user__username")
    superusers = get_user_model().objects.filter(is_superuser=True, is_active=True).count()
    return Part(
        name="people",
        title="People",
        says=[
            "Members of the workspace when the pack is made. Admins propose, approve and stop; superusers, of whom "
            f"there {'is one' if superusers == 1 else f'are {superusers}'}, apply and roll back."
        ],
        columns=[Column("name", "Account"), Column("role", "Role"), Column("since", "Since (UTC)", as_time, "tight")],
        rows=[
            {"name": name, "role": role, "since": moment(since)}
            for name, role, since in members.values_list("user__username", "role", "created_at")
        ],
    )
