"""Who was invited into a workspace: by a link that works once."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet
from governance.models.workspaces import Membership, Workspace


class Invitation(models.Model):
    """An invitation, and what became of it. Its link holds a token of which only the hash is here."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="invitations")
    name = models.CharField(max_length=150, help_text="Whom it is for.")
    email = models.EmailField("e-mail", blank=True, default="")
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = actor_of_mutable_row()
    created_by_name = actor_name()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = actor_of_mutable_row()
    accepted_by_name = actor_name()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = actor_of_mutable_row()
    revoked_by_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name}, {self.role} of {self.workspace}"

    def is_open_at(self, now: datetime) -> bool:
        """True while somebody can accept it."""
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at

    def status_at(self, now: datetime) -> str:
        """Say in a word or two what became of it."""
        if self.accepted_at:
            return f"accepted by {self.accepted_by_name}"
        if self.revoked_at:
            return f"revoked by {self.revoked_by_name}"
        return "waits" if now < self.expires_at else "expired"
