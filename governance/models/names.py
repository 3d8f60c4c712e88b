"""Names of providers and models that hosts could not send otherwise."""

from __future__ import annotations

from django.db import models

from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet
from governance.models.workspaces import Workspace


class DeclaredName(models.Model):
    """A name with blanks or of another script, such as "GPT 4o", that a workspace takes because a person said so.

    Any text could have that form, so what nobody declared is refused.
    """

    class Kind(models.TextChoices):
        PROVIDER = "provider", "Provider"
        MODEL = "model", "Model"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=200, help_text="Letter by letter as hosts send it.")
    declared_at = models.DateTimeField()
    declared_by = actor_of_mutable_row()
    declared_by_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["workspace", "kind", "name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "kind", "name"], name="declared_name_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
