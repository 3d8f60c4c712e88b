"""Questions that decision models are asked, in digests."""

from __future__ import annotations

from django.db import models

from governance.models import Workspace
from governance.models.scoping import WorkspaceScopedQuerySet


class Question(models.Model):
    """One way in which a question is asked, and since when. Asked otherwise it is another row, and another question."""

    class Type(models.TextChoices):
        PREDICATE = "predicate", "Yes or no"
        CHOICE = "choice", "Choice"
        SCORE = "score", "Score"

    class Change(models.TextChoices):
        FIRST = "first", "First asked"
        TYPE = "type", "Of another type"
        OPTIONS = "options", "Other options"
        WORDING = "wording", "Reworded"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    task = models.CharField(max_length=200, help_text="Its id; a digest where the id is no name.")
    type = models.CharField(max_length=9, choices=Type.choices)
    options = models.CharField(
        max_length=40, blank=True, default="", help_text="Number of its options and digest of their set."
    )
    wording = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256; blank: the host did not say.")
    change = models.CharField(
        max_length=7, choices=Change.choices, help_text="What is new, beside the way that was new before."
    )
    asked_since = models.DateTimeField(help_text="By the server's clock.")

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "id"], name="question_page")]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "task", "type", "options", "wording"], name="question_once")
        ]

    def __str__(self) -> str:
        return self.task

    @property
    def number_of_options(self) -> int | None:
        """None where it has none, or they are not known."""
        return int(self.options.partition(":")[0]) if self.options else None
