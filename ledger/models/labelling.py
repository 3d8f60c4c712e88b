"""Labels of people: how decisions are given to reviewers, who has which one, and what each of them answered."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from confidence_project.foundation.append_only import AppendOnlyModel
from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.controls import IN_FORCE, Control
from governance.models.scoping import AppendOnlyScopedQuerySet, WorkspaceScopedQuerySet
from ledger.models.decisions import OF_A_DECISION, DecisionOutcome, DecisionRecord
from ledger.models.transparency import removable_once_on_record


def _share(help_text: str) -> models.DecimalField[str | float, float]:
    within = [MinValueValidator(0), MaxValueValidator(1)]
    return models.DecimalField(max_digits=5, decimal_places=4, default=0, validators=within, help_text=help_text)


class LabelSource(models.TextChoices):
    """Which labels of a policy calibration counts. They are never pooled without a word."""

    EVENTS = "events", "Events downstream, of what was allowed"
    DRAWN = "drawn", "People, of what was drawn on either side"


class LabellingRules(Control):
    """How decisions of a policy are given to reviewers. Without any in force the defaults of the columns hold."""

    is_blind = models.BooleanField(
        default=True, help_text="What model and gate said is shown only after the answer, so that it follows neither."
    )
    due_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1)], help_text="Days from the decision until its answer is due."
    )
    twice_share = _share("Share of the answered decisions that another person answers, too, without seeing the first.")
    known_share = _share("Share of what is shown whose truth is known already.")
    confirms_wrong = models.BooleanField(
        null=True,
        blank=True,
        help_text="A decision is a failure only once two people found it wrong; where two differ, a third. Null: no.",
    )
    leaves_out_untold = models.BooleanField(
        null=True,
        blank=True,
        help_text="Drawn decisions of which nobody could tell are no evidence. Null: they count as failures.",
    )
    judged_share = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(1)],
        help_text="Of what a judge calls right, the share that people label all the same. Null: no judge.",
    )
    label_source = models.CharField(
        max_length=6,
        choices=LabelSource.choices,
        null=True,
        blank=True,
        help_text="Whose labels calibration counts; null: those of events.",
    )

    class Meta(Control.Meta):
        verbose_name_plural = "labelling rules"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "policy_key"], condition=IN_FORCE, name="labelling_rules_once"
            ),
            models.CheckConstraint(
                condition=Q(twice_share__gte=0, twice_share__lte=1, known_share__gte=0, known_share__lte=1),
                name="labelling_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return f"How {self.policy_key} is labelled in {self.workspace}"


class KnownCase(Control):
    """A decision whose truth is known: mixed in among the others, it tells how often a reviewer errs."""

    decision = models.ForeignKey(
        DecisionRecord, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    success = models.BooleanField(help_text="The action was right, or would have been.")

    class Meta(Control.Meta):
        constraints = [
            models.UniqueConstraint(fields=["decision"], condition=IN_FORCE, name="known_case_once"),
        ]
        indexes = [models.Index(fields=["workspace", "policy_key"], condition=IN_FORCE, name="known_cases_of")]

    def __str__(self) -> str:
        return f"Known: {self.decision_id} was {'right' if self.success else 'wrong'}"


class Purpose(models.TextChoices):
    """Why a person is asked about a decision."""

    LABEL = "label", "Its label"
    SECOND = "second", "A second look"
    CHECK = "check", "A confirmation"
    KNOWN = "known", "A known case"


class LabelClaim(models.Model):
    """A decision that lies before a person, and before nobody else for the same purpose until it is given back."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    decision = models.ForeignKey(
        DecisionRecord, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    seen = models.PositiveIntegerField(help_text="Sequence of the decision's last outcome when it was shown; 0: none.")
    shown_at = models.DateTimeField()
    until = models.DateTimeField()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "person"], name="label_claim_of_person_once"),
            # Many may be shown one known case at a time, each to be measured by it.
            models.UniqueConstraint(
                fields=["decision", "purpose"], condition=~Q(purpose=Purpose.KNOWN), name="label_claim_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision_id} before {self.person}"


class LabelRequest(models.Model):
    """For what a person is still to be asked about a drawn decision: the queue, without what is answered.

    Derived from the ledger and from what was answered, by `ledger.labelling.requests`.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    decision = models.OneToOneField(
        DecisionRecord, on_delete=models.PROTECT, related_name="label_request", db_constraint=False
    )
    purpose = models.CharField(max_length=6, choices=Purpose.choices)

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "purpose", "decision"], name="label_requests_in_order")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} of {self.decision_id}"


class LabelMark(models.Model):
    """Until where the drawn decisions of a workspace were looked at for `LabelRequest`."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, primary_key=True, related_name="+")
    through = models.UUIDField(help_text="Id of a decision: this one and all before it were looked at.")

    def __str__(self) -> str:
        return f"Draws of {self.workspace} until {self.through}"


class LabelAssignment(models.Model):
    """A decision that is for one person to label, or for a team elsewhere, until a moment; then it is anybody's."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    decision = models.OneToOneField(DecisionRecord, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Blank: a team that works elsewhere.",
    )
    until = models.DateTimeField()
    given_by_name = actor_name()
    given_at = models.DateTimeField()

    objects = WorkspaceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["workspace", "until"], name="label_assignments_until")]

    def __str__(self) -> str:
        return f"{self.decision_id} for {self.person or 'a team elsewhere'}"


class Judgement(AppendOnlyModel):
    """What one person answered about one decision.

    The first answer is its label, and so an outcome, unless it waits to be confirmed: then the one that settles it is.
    Second looks and known cases measure.
    """

    class Answer(models.TextChoices):
        RIGHT = "right", "Right"
        WRONG = "wrong", "Wrong"
        CANNOT_TELL = "cannot_tell", "Cannot tell"
        SKIPPED = "skipped", "Skipped"
        UNDONE = "undone", "Undone"

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    decision = models.ForeignKey(
        DecisionRecord, on_delete=models.PROTECT, related_name="judgements", db_constraint=False
    )
    policy_key = models.CharField(max_length=100)
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    answer = models.CharField(max_length=11, choices=Answer.choices)
    is_blind = models.BooleanField(help_text="What model and gate said was not shown before the answer.")
    seconds = models.PositiveIntegerField(null=True, help_text="From being shown until the answer; null: not known.")
    wants_second = models.BooleanField(default=False, help_text="Drawn: another person answers it, too.")
    outcome = models.ForeignKey(
        DecisionOutcome, on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="undone_by")
    person = actor_of_append_only_row()
    person_name = actor_name()
    at = models.DateTimeField()

    objects = AppendOnlyScopedQuerySet.as_manager()

    leads_to = OF_A_DECISION
    removable = removable_once_on_record("judgement", "id")

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "person", "id"], name="judgement_of_person"),
            models.Index(fields=["workspace", "policy_key", "id"], name="judgement_of_policy"),
        ]

    def __str__(self) -> str:
        return f"{self.get_answer_display()}: {self.decision_id}"


class JudgeVerdict(AppendOnlyModel):
    """What a judge by machine said of a drawn decision, before any person. It labels nothing.

    People label what it calls wrong; what it calls right only if its lot falls below the share of the rules.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    decision = models.OneToOneField(
        DecisionRecord, on_delete=models.PROTECT, related_name="judge_verdict", db_constraint=False
    )
    success = models.BooleanField(help_text="The judge calls the action right.")
    lot = models.PositiveSmallIntegerField(help_text="Drawn at random, 0 to 9,999.")
    share = models.DecimalField(max_digits=5, decimal_places=4, help_text="Share of the rules at that time.")
    is_spared = models.BooleanField(help_text="The judge calls it right, and its lot is not below the share.")
    recorded_at = models.DateTimeField()
    reporter = models.CharField(max_length=150, help_text="API key that reported it.")
    external_id = models.CharField(max_length=200)
    body_sha256 = models.CharField(max_length=64)

    objects = AppendOnlyScopedQuerySet.as_manager()

    leads_to = OF_A_DECISION
    removable = removable_once_on_record("judge_verdict", "id")

    class Meta(AppendOnlyModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="judge_verdict_external_id_once"),
            models.CheckConstraint(condition=Q(lot__lt=10_000), name="judge_verdict_lot_is_lot"),
        ]

    def __str__(self) -> str:
        return f"A judge calls {self.decision_id} {'right' if self.success else 'wrong'}"
