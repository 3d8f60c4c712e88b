"""What a person set for themselves on the desk."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from governance.models.workspaces import Workspace


class Preferences(models.Model):
    """How a person sees the desk; whoever has no row sees it as the defaults say."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    time_zone = models.CharField(max_length=64, blank=True, default="", help_text="IANA name; blank: the server's.")
    single_keys = models.BooleanField(default=True, help_text="Shortcuts of single keys are on.")

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"Preferences of {self.user}"


class SavedFilter(models.Model):
    """Filters of a list that a person keeps under a name, for themselves; of a workspace, where the list shows one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters")
    page = models.CharField(max_length=100, help_text="The list: its app and model, or its name.")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2_000, help_text="The filters, as the address of the list has them.")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "workspace", "name"], name="saved_filter_once"),
            models.UniqueConstraint(
                fields=["user", "page", "name"],
                condition=Q(workspace__isnull=True),
                name="saved_filter_of_no_workspace_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name
