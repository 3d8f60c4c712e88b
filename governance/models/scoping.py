"""How rows are kept inside their workspace: every model that a workspace owns is read through these querysets."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyQuerySet

Row = TypeVar("Row", bound=models.Model)


class WorkspaceScopedQuerySet(models.QuerySet[Row]):
    """Rows of models with a `workspace` foreign key."""

    def in_workspace(self, workspace: models.Model) -> Self:
        return self.filter(workspace_id=workspace.pk)

    def visible_to(self, user: Any) -> Self:
        """Rows of the workspaces that `user` belongs to; a superuser belongs to all, an inactive account to none."""
        if not user.is_active:
            return self.none()
        if user.is_superuser:
            return self.all()
        return self.filter(workspace__memberships__user_id=user.pk)


# The stubs make a manager type of each base, and two of them cannot be reconciled.
class AppendOnlyScopedQuerySet(WorkspaceScopedQuerySet[Row], AppendOnlyQuerySet[Row]):  # type: ignore[override]
    """Rows that are written once and belong to a workspace."""
