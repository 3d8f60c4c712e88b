"""Who people are elsewhere: accounts of the company's provider, what its groups open here, and every sign-in."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyQuerySet
from governance.models.actors import actor_name, actor_of_append_only_row, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet
from governance.models.workspaces import Membership, Workspace

LONGEST_GROUP = 200


class ExternalIdentity(models.Model):
    """An account at an OpenID provider, and whose it is here: known by issuer and subject, never by its e-mail."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    made_superuser = models.BooleanField(default=False, help_text="The provider's group did, and so may undo it.")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_once")]

    def __str__(self) -> str:
        return f"{self.user} at {self.issuer}"


class GroupGrant(models.Model):
    """What members of a group at the company's provider are in a workspace, from their next sign-in on."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="group_grants")
    group = models.CharField(max_length=LONGEST_GROUP, help_text="As the provider sends it, letter by letter.")
    role = models.CharField(max_length=10, choices=Membership.Role.choices)
    created_at = models.DateTimeField()
    created_by = actor_of_mutable_row()
    created_by_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["workspace", "group"]
        constraints = [models.UniqueConstraint(fields=["workspace", "group"], name="group_grant_once")]
        indexes = [models.Index(fields=["group"], name="group_grant_by_group")]

    def __str__(self) -> str:
        return f"{self.group} in {self.workspace} ({self.role})"


class SignIn(AppendOnlyModel):
    """One sign-in to the desk: who, how, and whether a second factor was shown."""

    class Method(models.TextChoices):
        PASSWORD = "password", "Password"
        OPENID = "openid", "Company account"

    actor = actor_of_append_only_row()
    actor_name = actor_name()
    method = models.CharField(max_length=10, choices=Method.choices)
    second_factor = models.BooleanField(help_text="Here or at the company's provider, which said so.")
    as_superuser = models.BooleanField()
    request_id = models.CharField(max_length=64, blank=True, default="", help_text="X-Request-ID, where there was one.")
    at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [models.Index(fields=["actor", "-id"], name="sign_in_by_person")]

    def __str__(self) -> str:
        return f"{self.actor_name} by {self.get_method_display().lower()}"
