"""What was changed about a workspace itself: its settings, people, keys, names, webhooks."""

from __future__ import annotations

from typing import Any

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.scoping import AppendOnlyScopedQuerySet
from governance.models.workspaces import Workspace


class WorkspaceEvent(AppendOnlyModel):
    """One change: who, when, and what it was before and after. Names are copied, so that it outlives what they name."""

    class Kind(models.TextChoices):
        WORKSPACE_CREATED = "workspace.created", "Workspace created"
        WORKSPACE_RENAMED = "workspace.renamed", "Workspace renamed"
        CASE_URL_CHANGED = "workspace.case_url_changed", "Link to cases changed"
        TOGGLES_CHANGED = "workspace.toggles_changed", "Toggles changed"
        MEMBER_ADDED = "member.added", "Member added"
        MEMBER_ROLE_CHANGED = "member.role_changed", "Role changed"
        MEMBER_REMOVED = "member.removed", "Member removed"
        INVITED = "invitation.made", "Invitation made"
        INVITATION_REVOKED = "invitation.revoked", "Invitation revoked"
        GROUP_GRANTED = "group.granted", "Group let in"
        GROUP_WITHDRAWN = "group.withdrawn", "Group let in no more"
        API_KEY_ISSUED = "api_key.issued", "API key issued"
        API_KEY_REVOKED = "api_key.revoked", "API key revoked"
        NAME_DECLARED = "name.declared", "Name declared"
        NAME_WITHDRAWN = "name.withdrawn", "Name withdrawn"
        WEBHOOK_ADDED = "webhook.added", "Webhook endpoint added"
        WEBHOOK_SWITCHED_ON = "webhook.switched_on", "Webhook endpoint switched on"
        WEBHOOK_SWITCHED_OFF = "webhook.switched_off", "Webhook endpoint switched off"
        WEBHOOK_GONE = "webhook.gone", "Webhook endpoint gone"
        WEBHOOK_REVIEWED = "webhook.reviewed", "Webhook endpoint left off"
        WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated", "Webhook secret rotated"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="history")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    subject = models.CharField(
        max_length=300, blank=True, default="", help_text="The person, the key, the name, the endpoint."
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    request_id = models.CharField(max_length=64, blank=True, default="", help_text="X-Request-ID, where there was one.")
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.actor_name or 'the system'}"

    @property
    def values(self) -> list[tuple[str, Any, Any]]:
        """What changed, for reading: name, value before, value after; None where there was or is nothing."""
        before, after = (
            {name: _in_words(value) for name, value in (values or {}).items()} for values in (self.before, self.after)
        )
        told = [(name.replace("_", " "), before.get(name), after.get(name)) for name in before | after]
        return [each for each in told if each[1:] != (None, None)]


def _in_words(value: Any) -> str | None:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)
