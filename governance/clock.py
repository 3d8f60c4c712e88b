"""Which times a host may claim."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.models import Workspace

CLOCK_SKEW = timedelta(minutes=5)
"""How far a host's clock may run ahead of the server's."""


def check_time(value: datetime, workspace: Workspace, field: str) -> None:
    """Raise `InvalidInput` for a time in the future or before the workspace's epoch."""
    if value > timezone.now() + CLOCK_SKEW:
        detail = f"{field} lies in the future; send it in UTC or with its offset"
    elif value < workspace.epoch:
        detail = f"{field} lies before the epoch of the workspace ({workspace.epoch:%Y-%m-%d})"
    else:
        return
    raise InvalidInput(detail, [FieldProblem(f"/{field}", "time", detail)])
