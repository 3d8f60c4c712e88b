"""What the gateway stands between: the servers of decision models, and which policy gates which question."""

from __future__ import annotations

from django.db import models

from governance.models.controls import IN_FORCE, Control


class ModelServer(Control):
    """Where the gateway asks for a workspace, one server for each protocol. Ended rows stay.

    The key is no part of it: the row names the environment variable that holds it.
    """

    class Dialect(models.TextChoices):
        OPENAI = "openai", "OpenAI Decisions API"
        SYSTEM_ONE = "system_one", "System One (TypeSafe and others)"
        GOOGLE = "google", "Google Gen AI decisions"

    dialect = models.CharField("protocol", max_length=10, choices=Dialect.choices)
    url = models.CharField("URL", max_length=500, help_text="Of the endpoint itself, path included.")
    provider = models.CharField(max_length=200, help_text="The name under which its decisions are recorded.")
    key_variable = models.CharField(
        max_length=100, blank=True, default="", help_text="Environment variable with its key; blank: it takes none."
    )
    timeout_seconds = models.FloatField(default=30.0, help_text="For the whole answer.")
    max_reply_bytes = models.PositiveIntegerField(default=1024**2, help_text="A longer reply is none.")
    withholds = models.BooleanField(
        "withholds blocked answers", default=False, help_text="On: a blocked answer is replaced by a refusal."
    )

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "dialect"], condition=IN_FORCE, name="model_server_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_dialect_display()} of {self.provider} for {self.workspace}"


class QuestionBinding(Control):
    """The policy that gates the answers to a question. Ended rows stay."""

    question = models.CharField(
        max_length=200, blank=True, default="", help_text="Its id, letter by letter; blank: every other question."
    )

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "question"], condition=IN_FORCE, name="question_binding_once")
        ]

    def __str__(self) -> str:
        return f"{self.question or 'Every other question'} in {self.workspace}"
