"""Policy keys that people make in the desk. They hold for every workspace, as those in code and in a file do."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from confidence_project.foundation.append_only import AppendOnlyModel, AppendOnlyQuerySet
from governance.models.actors import actor_name, actor_of_append_only_row


class PolicyKey(AppendOnlyModel):
    """A policy key that somebody proposed, with its definition; it is one from the event on that confirms it."""

    policy_key = models.CharField(max_length=100)
    definition = models.TextField(help_text="Its table as JSON: what `governance.declared` reads.")
    reason = models.CharField(max_length=500)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    request_id = models.CharField(max_length=64, blank=True, default="", help_text="X-Request-ID, where there was one.")
    at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.policy_key


class PolicyKeyEvent(AppendOnlyModel):
    """What became of a proposed policy key: one event, and no key is confirmed twice."""

    class Verb(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        REFUSED = "refused", "Refused"

    proposed = models.OneToOneField(PolicyKey, on_delete=models.PROTECT, related_name="event")
    policy_key = models.CharField(max_length=100)
    verb = models.CharField(max_length=9, choices=Verb.choices)
    reason = models.CharField(max_length=500)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    request_id = models.CharField(max_length=64, blank=True, default="", help_text="X-Request-ID, where there was one.")
    at = models.DateTimeField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["policy_key"], condition=Q(verb="confirmed"), name="policy_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.policy_key} {self.get_verb_display().lower()} by {self.actor_name}"
