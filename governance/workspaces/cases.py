"""Where the host shows a case: a template by which pages link from a decision to what it was about.

An address of https alone, in which nothing but the host's own id is filled in, escaped; it never becomes a part of the
host's name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from django.db import transaction

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.access.permissions import Person, Verb, require
from governance.history import record_change
from governance.models import Workspace, WorkspaceEvent
from governance.texts import clean_text

PLACE = "{external_id}"
CASE_URL_LENGTH = 500

RULE = (
    f"must be an address that begins with https://, names a host without user or password, and holds {PLACE} once, "
    "behind the host"
)


def set_case_url(*, actor: Person, workspace: Workspace, case_url: str) -> Workspace:
    """Say where the host shows a case, such as `https://desk.example.org/cases/{external_id}`; blank: nowhere.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the template is not valid.
    """
    require(Verb.OPERATE, actor, workspace)
    case_url = clean_text(case_url, name="case_url", max_length=CASE_URL_LENGTH)
    if case_url and not _is_template(case_url):
        raise InvalidInput(f"The link to cases {RULE}.", [FieldProblem("/case_url", "value", f"case_url {RULE}")])
    with transaction.atomic():
        workspace.lock()
        workspace.refresh_from_db()
        before = workspace.case_url
        if case_url != before:
            Workspace.objects.filter(pk=workspace.pk).update(case_url=case_url)
            workspace.refresh_from_db()
            change: dict[str, Any] = {"before": {"case_url": before or None}, "after": {"case_url": case_url or None}}
            record_change(WorkspaceEvent.Kind.CASE_URL_CHANGED, workspace, actor, **change)
    return workspace


def case_link(workspace: Workspace, external_id: str) -> str:
    """Return where the host shows the case; blank where it is not said, or the record has no id of the host's."""
    if not workspace.case_url or not external_id:
        return ""
    return workspace.case_url.replace(PLACE, quote(external_id, safe=""))


def _is_template(case_url: str) -> bool:
    if case_url.count(PLACE) != 1 or any(each in case_url.replace(PLACE, "") for each in "{} \\"):
        return False
    try:
        parts = urlsplit(case_url)
        host, has_user, _ = parts.hostname, "@" in parts.netloc, parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and not has_user and PLACE not in parts.netloc
