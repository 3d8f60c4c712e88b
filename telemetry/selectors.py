"""Reads of telemetry, one workspace at a time."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.db.models import QuerySet

from governance.admin_kit.keyset import held_to
from governance.models import Workspace
from telemetry.models import HostRecord, InboundMessage

HostRecordT = TypeVar("HostRecordT", bound=HostRecord)


def records_of(model: type[HostRecordT], workspace: Workspace) -> QuerySet[HostRecordT]:
    """Return the records of one kind that belong to the workspace, for pages of them."""
    rows: Any = held_to(model.objects.all(), "workspace_id", workspace.pk)
    return cast("QuerySet[HostRecordT]", rows.select_related("draft") if model is InboundMessage else rows)
