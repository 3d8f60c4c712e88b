"""How rows are kept inside their workspace: every model that a workspace owns is read through these querysets."""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.db import models

from confidence_project.foundation.append_only import AppendOnlyQuerySet

Row = TypeVar("Row", bound=models.Model)


class VisibleQuerySet(models.QuerySet[Row]):
    """Rows that are seen by whoever belongs to their workspace: the one rule for pages, API and selectors."""

    memberships = "workspace__memberships"
    """The way from a row to the memberships of its workspace."""

    def visible_to(self, user: Any) -> Self:
        """Rows of the workspaces that `user` belongs to; a superuser belongs to all, an inactive account to none."""
        if not user.is_active:
            return self.none()
        return self.all() if user.is_superuser else self.filter(**{f"{self.memberships}__user_id": user.pk})


class WorkspaceScopedQuerySet(VisibleQuerySet[Row]):
    """Rows of models with a `workspace` foreign key."""

    def in_workspace(self, workspace: models.Model) -> Self:
        return self.filter(workspace_id=workspace.pk)


# The stubs make a manager type of each base, and two of them cannot be reconciled.
class AppendOnlyScopedQuerySet(WorkspaceScopedQuerySet[Row], AppendOnlyQuerySet[Row]):  # type: ignore[override]
    """Rows that are written once and belong to a workspace."""
