"""Imports of past decisions: what was imported as what, and mappings that are used again."""

from __future__ import annotations

from django.db import models

from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_mutable_row
from governance.models.scoping import WorkspaceScopedQuerySet

NAME_LENGTH = 63
"""Characters of the name of a mapping."""


class SavedMapping(models.Model):
    """What the columns of a kind of file mean, under a name."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.SlugField(max_length=NAME_LENGTH, db_index=False)
    mapping = models.JSONField(help_text="See docs/import.md.")
    saved_at = models.DateTimeField(auto_now=True)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="saved_mapping_once")]

    def __str__(self) -> str:
        return self.name


class DecisionImport(models.Model):
    """One import of one file, with what was declared of it: numbers for words, a scale, which words are a success."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    file_sha256 = models.CharField(max_length=64, help_text="Of the content, unpacked.")
    mapping = models.JSONField(help_text="What the columns were declared to mean.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="Null: it broke off; the same file again goes on.")
    imported = models.PositiveBigIntegerField(default=0)
    unlabelled = models.PositiveBigIntegerField(default=0, help_text="Of the imported.")
    unchanged = models.PositiveBigIntegerField(default=0, help_text="Known already.")
    rejected = models.PositiveBigIntegerField(default=0)
    actor = actor_of_mutable_row()
    actor_name = actor_name()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "id"], name="decision_import_page")]

    def __str__(self) -> str:
        return f"import {self.pk}"
