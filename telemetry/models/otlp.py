"""What OTLP needs beside the records: when an evaluation passes, and the count of what came."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from governance.models import Workspace
from governance.models.controls import IN_FORCE, Control
from governance.models.scoping import WorkspaceScopedQuerySet


class Evaluator(Control):
    """When what an evaluator says of an answer is a success. Ended rows stay: outcomes were read by them."""

    class Rule(models.TextChoices):
        LABEL = "label", "Passes on a label"
        AT_LEAST = "at_least", "Passes from a score on"
        AT_MOST = "at_most", "Passes up to a score"

    name = models.CharField(max_length=200, help_text="gen_ai.evaluation.name, letter by letter.")
    rule = models.CharField(max_length=8, choices=Rule.choices)
    passing_labels = models.JSONField(default=list, blank=True, help_text="Labels of a success.")
    failing_labels = models.JSONField(
        default=list, blank=True, help_text="Labels of a failure; none: every label that does not pass."
    )
    bound = models.FloatField(null=True, blank=True, help_text="The score from which, or up to which, it passes.")
    lowest = models.FloatField(null=True, blank=True, help_text="The scale's lower end.")
    highest = models.FloatField(null=True, blank=True, help_text="The scale's upper end.")

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], condition=IN_FORCE, name="evaluator_once"),
            models.CheckConstraint(
                condition=Q(rule="label", bound__isnull=True)
                | Q(bound__isnull=False, lowest__lte=F("bound"), highest__gte=F("bound"), lowest__lt=F("highest")),
                name="evaluator_bound_on_its_scale",
            ),
        ]

    def __str__(self) -> str:
        return f"Evaluator {self.name} in {self.workspace}"

    @property
    def passes_when(self) -> str:
        """The rule in words."""
        if self.rule == self.Rule.LABEL:
            failing = f", fails on {', '.join(self.failing_labels)}" if self.failing_labels else ", else fails"
            return f"passes on {', '.join(self.passing_labels)}{failing}"
        sign = "≥" if self.rule == self.Rule.AT_LEAST else "≤"
        return f"passes at {sign} {self.bound:g} of {self.lowest:g} to {self.highest:g}"


class Kind(models.TextChoices):
    """What an exporter sends, and what is found inside."""

    EXPORT = "export", "Requests"
    SPAN = "span", "Spans"
    LABEL = "label", "Names on spans"
    DECISION = "decision", "Answers of decision models"
    EVALUATION = "evaluation", "Evaluations"
    LOG = "log", "Log records"
    METRIC = "metric", "Metric data points"


class Fate(models.TextChoices):
    """What became of a record: stored, or why not."""

    STORED = "stored", "stored"
    REPEATED = "repeated", "sent before: the first one stays"
    NO_CALL = "no_call", "no AI call: neither an operation, nor tokens, nor a response"
    OTHER_OPERATION = "other_operation", "an operation that calls no model itself: agent, step, tool, retrieval, …"
    SAME_CALL = "same_call", "watches the same call as a span that is stored"
    OTHER_EVENT = "other_event", "no evaluation: of logs, nothing else is read"
    MALFORMED = "malformed", "not in the form of OTLP"
    INVALID = "invalid", "a value that cannot be: an id, a time, a name"
    CONFLICT = "conflict", "the same id as another record, with other content; or more than one decision fits"
    UNDECLARED = "undeclared", "its evaluator is not declared, so nobody knows when it passes"
    NOT_BY_RULE = "not_by_rule", "neither label nor score is one that its evaluator's rule knows"
    NO_DECISION = "no_decision", "no decision rests on the call"
    NO_POLICY = "no_policy", "names no policy key, so the gate was not asked"
    NO_CONFIDENCE = "no_confidence", "holds no probability, so there is no confidence to judge"
    NOT_READ = "not_read", "its answers are in a form that is not read"
    NOT_KEPT = "not_kept", "metrics are not kept here"
    UNREADABLE = "unreadable", "a body that cannot be read"
    TOO_LARGE = "too_large", "a body above the limit"


class Reception(models.Model):
    """How many OTLP records of one kind came to one end on one day, and which was the last; never what was in it."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(help_text="UTC.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    fate = models.CharField(max_length=15, choices=Fate.choices)
    number = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()
    last_id = models.CharField(max_length=200, blank=True, default="", help_text="Trace and span of the last one.")
    last_name = models.CharField(max_length=200, blank=True, default="", help_text="Its operation or evaluator.")

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "reception"
        verbose_name_plural = "reception"
        ordering = ["-day", "kind", "fate"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "day", "kind", "fate"], name="reception_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.day}: {self.get_fate_display()}"
