"""Writing the history of a workspace, in the transaction of the change itself."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from confidence_project.foundation.request_id import current_request_id
from governance.access.permissions import Person
from governance.models import Workspace, WorkspaceEvent


def record_change(
    kind: WorkspaceEvent.Kind,
    workspace: Workspace,
    actor: Person | None,
    *,
    subject: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> WorkspaceEvent:
    """Append one change of `workspace`; call it inside the transaction that makes the change.

    Parameters
    ----------
    actor
        None: the system did it.
    subject
        Name of what was changed, where that is not the workspace itself.
    before, after
        The values that changed, JSON-able; None where there was nothing before, or is nothing after.
    """
    return WorkspaceEvent.objects.create(
        workspace=workspace,
        kind=kind,
        subject=subject,
        before=before,
        after=after,
        actor_id=actor.pk if actor else None,
        actor_name=actor.get_username() if actor else "",
        request_id=current_request_id(),
        at=timezone.now(),
    )
