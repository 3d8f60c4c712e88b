"""Workspaces, the people in them, and the keys of their machines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey, APIKeyManager

from confidence_project.foundation.errors import NotFound
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import VisibleQuerySet, WorkspaceScopedQuerySet
from governance.models.versions import governs


class WorkspaceQuerySet(VisibleQuerySet["Workspace"]):
    """Reads of workspaces themselves."""

    memberships = "memberships"


class Workspace(models.Model):
    """A tenant: everything that is ingested, gated and governed belongs to one."""

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    automation_enabled = models.BooleanField(default=True, help_text="Off: every decision is blocked.")
    auto_book_meetings = models.BooleanField(default=False, help_text="Off: no meeting is booked without a person.")
    booking_gate_enabled = models.BooleanField(default=False, help_text="On: a second model checks each booking.")
    case_url = models.CharField(
        max_length=500, blank=True, default="", help_text="Where the host shows a case: https://…/{external_id}."
    )
    epoch = models.DateTimeField(
        default=datetime(2015, 1, 1, tzinfo=UTC), help_text="Records that claim an earlier time are refused."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    asked_by: ApiKey | None = None
    """The key through which this instance was reached; None: no key, as in process."""

    TOGGLES: ClassVar = ("automation_enabled", "auto_book_meetings", "booking_gate_enabled")

    versioned = governs("id")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    def lock(self) -> None:
        """Take the row for this transaction: verbs of one workspace run one after the other.

        Two verbs that touch several proposals in different orders would deadlock otherwise. `no_key` lets inserts that
        refer to the workspace (every ingested record) go on meanwhile. SQLite has taken its lock at BEGIN.
        """
        if not Workspace.objects.select_for_update(no_key=True).filter(pk=self.pk).exists():
            raise NotFound("The workspace does not exist any more.")


class Membership(models.Model):
    """What a person may do in a workspace."""

    class Role(models.TextChoices):
        """From the weakest to the strongest."""

        VIEWER = "viewer", "Viewer: sees"
        REVIEWER = "reviewer", "Reviewer: sees, and says what should have happened"
        ADMIN = "admin", "Admin: sees, approves and rejects"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    from_group = models.BooleanField(
        default=False, help_text="Given by a group of the company's provider, and gone with it."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["workspace", "user"]
        constraints = [models.UniqueConstraint(fields=["user", "workspace"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} ({self.role})"


class ApiKeyManager(APIKeyManager):
    """Makes keys whose id says nothing about them; the library would put the hash into it, and so into every URL."""

    def assign_key(self, obj: AbstractAPIKey) -> str:
        plain: str = super().assign_key(obj)
        obj.id = uuid4().hex
        return plain


class ApiKey(AbstractAPIKey):
    """A machine's key to one workspace: stored hashed, with scopes, an expiry and a switch to revoke it."""

    class Scope(models.TextChoices):
        INGEST = "ingest", "Ingest: send records and outcomes"
        DECIDE = "decide", "Decide: ask the gate"
        READ = "read", "Read: list records, evaluate thresholds"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="api_keys")
    scopes = models.JSONField(default=list)
    issued_by = actor_of_mutable_row()
    issued_by_name = actor_name()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = actor_of_mutable_row()
    revoked_by_name = actor_name()

    governed_by: UUID | None = None
    """The version of what governs the workspace, as of the moment that this instance was read; None: not asked for."""

    versioned = governs()

    objects: ClassVar = ApiKeyManager.from_queryset(WorkspaceScopedQuerySet)()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    @property
    def reporter(self) -> str:
        """How outcomes name the key as the one that told of them."""
        return f"API key {self.prefix} {self.name}"

    def clean(self) -> None:
        super().clean()
        if not self.scopes or not set(self.scopes) <= set(self.Scope.values):
            raise ValidationError({"scopes": f"Name at least one of {', '.join(self.Scope.values)}."})
