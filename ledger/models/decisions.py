"""Decisions, their outcomes, and corrections: what the gate said, what came of it, what was wrong on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from django.db import models
from django.db.models import F, Q

from confidence_project.foundation.append_only import AppendOnlyModel
from confidence_project.foundation.triggers.leading import LeadsTo
from governance.models import Workspace
from governance.models.actors import actor_name, actor_of_append_only_row
from governance.models.scoping import AppendOnlyScopedQuerySet
from ledger.models.indexes import Beginning, PageRangeIndex
from ledger.models.transparency import removable_once_on_record
from telemetry.models import AIInteraction


def new_decision_id() -> UUID:
    """A UUIDv7 (RFC 9562): ordered by time, so that inserts stay at one end of the index."""
    return uuid_utils.compat.uuid7()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def least_decision_id(at: datetime, off: timedelta = timedelta()) -> UUID:
    """The least UUIDv7 (RFC 9562) of the millisecond at `at + off`: its first 48 bits count them from 1970 on."""
    # Added to the difference: beside an end of the calendar there is no time.
    milliseconds = max((at - _EPOCH + off) // timedelta(milliseconds=1), 0)
    return UUID(int=min(milliseconds, (1 << 48) - 1) << 80)


def moment_of(decision_id: UUID) -> datetime:
    """The time in a UUIDv7."""
    return _EPOCH + timedelta(milliseconds=decision_id.int >> 80)


def _probability_check(field: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gte": 0, f"{field}__lte": 1}), name=name
    )


class ConfidenceKind(models.TextChoices):
    """Where a confidence comes from. Kinds mean different things and are never pooled."""

    SELF_REPORTED = "self_reported", "Stated by the model"
    TOKEN_PROBABILITY = "token_probability", "Token probability"
    CLASSIFIER = "classifier", "Probability of a classifier"
    VERBAL = "verbal", "Word, with the number that an import declared for it"
    DECISION_MODEL = "decision_model", "Answer of a decision model"
    PREDICATE_YES = "predicate_yes", "Predicate: P(yes)"
    PREDICATE_NO = "predicate_no", "Predicate: P(no)"
    PREDICATE_MAX = "predicate_max", "Predicate: the larger of P(yes) and P(no)"
    CHOICE_PROBABILITY = "choice_probability", "Choice: probability of the chosen option"
    TOGETHER = "together", "Several answers together"
    # A vendor's own number, of a choice without probabilities or of a score: what it measures is the dialect's affair.
    OPENAI_CHOICE = "openai_choice", "Confidence of a choice, OpenAI Decisions API"
    OPENAI_SCORE = "openai_score", "Confidence of a score, OpenAI Decisions API"
    SYSTEM_ONE_CHOICE = "system_one_choice", "Confidence of a choice, System One"
    SYSTEM_ONE_SCORE = "system_one_score", "Confidence of a score, System One"
    GOOGLE_CHOICE = "google_choice", "Confidence of a choice, Google"
    GOOGLE_SCORE = "google_score", "Confidence of a score, Google"
    UNSPECIFIED = "unspecified", "Not said"


POOLED_AS_ASKED = [
    kind.value
    for kind in (
        ConfidenceKind.SELF_REPORTED,
        ConfidenceKind.TOKEN_PROBABILITY,
        ConfidenceKind.CLASSIFIER,
        ConfidenceKind.VERBAL,
        ConfidenceKind.UNSPECIFIED,
    )
]
"""Kinds whose confidences calibration pools over providers, models and questions, unless it is asked to split by these.
All other kinds are answers of decision models, those of dialects that are yet to come included."""

SIDES = {ConfidenceKind.PREDICATE_YES.value: "yes", ConfidenceKind.PREDICATE_NO.value: "no"}
"""Which answer to a yes/no question a confidence of this kind speaks for."""


class DecisionRecord(AppendOnlyModel):
    """One verdict of the gate, with everything that it rested on."""

    class Verdict(models.TextChoices):
        ALLOW = "allow", "Allow"
        BLOCK = "block", "Block"
        ASK = "ask", "Ask a person"

    class Origin(models.TextChoices):
        GATE = "gate", "The gate"
        IMPORT = "import", "Imported history"
        OBSERVED = "observed", "Told by its host, which did not ask the gate"

    class Arm(models.TextChoices):
        CONTROL = "control", "The policy in force"
        CANARY = "canary", "The proposed config"

    decision_id = models.UUIDField(primary_key=True, default=new_decision_id, editable=False)
    timestamp = models.DateTimeField(help_text="When the record was made, by the server's clock.")
    provider = models.CharField(max_length=200, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="")
    prompt_hash = models.CharField(max_length=64, blank=True, default="")
    schema_version = models.CharField(max_length=20)
    ml_risk_score = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    llm_confidence = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    gate_verdict = models.CharField(max_length=5, choices=Verdict.choices)
    gate_reason = models.CharField(max_length=50)
    action_type = models.CharField(max_length=50, null=True)
    action_params = models.TextField(
        null=True, help_text="JSON; only what the policy's definition declares, or the answers to its questions."
    )
    schema_valid = models.BooleanField()
    schema_problems = models.JSONField(
        null=True,
        help_text="What broke the contract or is to be mended: field and rule, never a value. Null: nothing.",
    )

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    policy_key = models.CharField(max_length=100)
    policy_version = models.PositiveIntegerField(null=True, help_text="Null: none could be read, or none applied.")
    thresholds = models.JSONField(default=dict, help_text="The values that were applied, by field.")
    confidence_kind = models.CharField(
        max_length=20, choices=ConfidenceKind.choices, default=ConfidenceKind.UNSPECIFIED
    )
    task = models.CharField(max_length=200, blank=True, default="", help_text="Which question was decided.")
    options = models.CharField(
        max_length=40,
        null=True,
        help_text="Number of a question's options and digest of their set. Null: not known.",
    )
    channel = models.CharField(max_length=200, blank=True, default="")
    interaction = models.ForeignKey(
        AIInteraction, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    occurred_at = models.DateTimeField(help_text="When the decision was made, by the host's clock.")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.GATE)
    # Like the rollout's below: a reference without a constraint.
    import_id = models.BigIntegerField(null=True, help_text="The import that brought it; null: none.")
    external_id = models.CharField(max_length=200, blank=True, default="", help_text="The host's own id.")
    case_key = models.CharField(max_length=200, blank=True, default="", help_text="Conversation, ticket or lead.")
    audit_selected = models.BooleanField(default=False, help_text="Chosen at random for human review.")
    label_propensity = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        help_text="Probability with which it was chosen; null: it was in no draw.",
    )
    # A reference without a constraint: the ledger can be partitioned, and outlives what it refers to.
    rollout_id = models.BigIntegerField(null=True, help_text="The active rollout; null: there was none.")
    rollout_arm = models.CharField(
        max_length=7, choices=Arm.choices, blank=True, default="", help_text="Which config gave the verdict."
    )
    candidate_verdict = models.CharField(
        max_length=5, choices=Verdict.choices, blank=True, default="", help_text="What the proposed config said."
    )
    candidate_reason = models.CharField(max_length=50, blank=True, default="")

    removable = removable_once_on_record("decision", "decision_id", has_uuid=True)

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        db_table = "decision_ledger"
        ordering = ["-decision_id"]
        indexes = [
            PageRangeIndex(fields=["workspace", "policy_key", "occurred_at"], name="ledger_calibration"),
            # Lists go by id, the newest first. Each filter has an index that ends in it, so that a page of any value, a
            # rare one or none, is read in its order; docs/ledger.md says what that costs an insert.
            models.Index(fields=["workspace", "decision_id"], name="ledger_by_workspace"),
            models.Index(
                fields=["workspace", "decision_id"], condition=Q(gate_verdict="block"), name="ledger_by_verdict"
            ),
            models.Index(fields=["workspace", "decision_id"], condition=Q(gate_verdict="allow"), name="ledger_allowed"),
            models.Index(fields=["workspace", "decision_id"], condition=Q(gate_verdict="ask"), name="ledger_asked"),
            # Most decisions are allowed: `with_reason` finds these by the index above.
            models.Index(
                fields=["workspace", "gate_reason", "decision_id"],
                condition=~Q(gate_reason="allowed"),
                name="ledger_by_reason",
            ),
            models.Index(fields=["workspace", "policy_key", "decision_id"], name="ledger_by_policy_key"),
            models.Index(fields=["workspace", "provider", "decision_id"], name="ledger_by_provider"),
            models.Index(fields=["workspace", "model", "decision_id"], name="ledger_by_model"),
            # The whole hash would take twice the room; `with_prompt_hash` looks for its beginning, too.
            models.Index(
                F("workspace"),
                Beginning("prompt_hash"),
                F("decision_id"),
                condition=~Q(prompt_hash=""),
                name="ledger_by_prompt_hash",
            ),
            # Few are drawn for review; the index holds no other.
            models.Index(fields=["workspace", "decision_id"], condition=Q(audit_selected=True), name="ledger_drawn"),
            PageRangeIndex(
                fields=["workspace", "policy_key", "occurred_at"], condition=~Q(case_key=""), name="ledger_cases"
            ),
            models.Index(
                fields=["workspace", "import_id", "decision_id"],
                condition=Q(import_id__isnull=False),
                name="ledger_by_import",
            ),
            # Evaluations name the call that a decision rests on.
            models.Index(
                fields=["workspace", "interaction"],
                condition=Q(interaction__isnull=False),
                name="ledger_by_interaction",
            ),
            # Flips of a rollout are counted from the index alone.
            models.Index(
                fields=["rollout_id", "rollout_arm", "gate_verdict", "candidate_verdict"],
                condition=Q(rollout_id__isnull=False),
                name="ledger_by_rollout",
            ),
        ]
        constraints = [
            _probability_check("llm_confidence", "ledger_confidence_is_probability"),
            _probability_check("ml_risk_score", "ledger_risk_is_probability"),
            _probability_check("label_propensity", "ledger_propensity_is_probability"),
            models.CheckConstraint(
                condition=Q(gate_verdict__in=["allow", "block", "ask"]), name="ledger_verdict_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gate_verdict} {self.decision_id}"


class DecisionExternalId(AppendOnlyModel):
    """The host's ids of decisions, apart from the ledger so that the ledger can be partitioned by its own key."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=200)
    decision_id = models.UUIDField()
    body_sha256 = models.CharField(max_length=64)
    # Or a second id would answer with the verdict of somebody else's decision.
    leads_to = LeadsTo("decision_ledger", "decision_id", ("workspace_id", "external_id"))

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="ledger_external_id_once"),
        ]

    def __str__(self) -> str:
        return self.external_id


OF_A_DECISION = LeadsTo("decision_ledger", "decision_id", ("workspace_id",), required=True)
"""In place of a foreign key: partitions of what one refers to cannot be dropped."""

REVIEW = "review-"
"""How the external id of an outcome begins that a person gave on the page of the decision."""


class DecisionOutcome(AppendOnlyModel):
    """What came of a decision, from one source. `sequence` counts the outcomes of a decision from 1.

    Which of several outcomes rules: a human label outranks an automatic one; within a source the later
    observation outranks the earlier, and one that was voided does not count. Nobody observed anything: no row, the
    decision is unlabelled.
    """

    class Source(models.TextChoices):
        HUMAN_REVIEW = "human_review", "A person looked"
        DOWNSTREAM_EVENT = "downstream_event", "An event downstream"
        SENTIMENT = "sentiment", "Sentiment of the answer"
        BOOKING = "booking", "What became of a booking"
        IMPORT = "import", "Imported history"

    decision = models.ForeignKey(
        DecisionRecord, on_delete=models.PROTECT, db_constraint=False, related_name="outcomes", db_index=False
    )
    sequence = models.PositiveIntegerField()
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    success = models.BooleanField(help_text="The action was right, or would have been.")
    source = models.CharField(max_length=16, choices=Source.choices)
    automation_executed = models.BooleanField(null=True, help_text="Null: not said.")
    downstream_failure = models.BooleanField(null=True, help_text="Null: not said.")
    observed_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    reporter = models.CharField(max_length=150, help_text="Account name or API key that reported it.")
    external_id = models.CharField(max_length=200, null=True)
    body_sha256 = models.CharField(max_length=64, blank=True, default="")

    leads_to = OF_A_DECISION
    removable = removable_once_on_record("outcome", "id")

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["workspace", "id"], name="outcome_by_workspace"),
            # Failures are few; successes are found without an index of their own.
            models.Index(fields=["workspace", "id"], condition=Q(success=False), name="outcome_failures"),
            # Few decisions have a second outcome; calibration finds them here instead of looking at every one.
            models.Index(fields=["decision"], condition=Q(sequence=2), name="outcome_second"),
            # What people said, among all that hosts report, in the order of the audit page.
            models.Index(
                fields=["workspace", "recorded_at", "id"],
                condition=Q(source="human_review", external_id__startswith=REVIEW),
                name="outcome_of_a_review",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["decision", "sequence"], name="outcome_sequence_once"),
            models.UniqueConstraint(fields=["workspace", "external_id"], name="outcome_external_id_once"),
        ]

    def __str__(self) -> str:
        return f"{'success' if self.success else 'failure'} of {self.decision_id}"


class OutcomeVoid(AppendOnlyModel):
    """An outcome that does not hold any more: what it rested on was told otherwise later. It stays on record."""

    outcome = models.OneToOneField(DecisionOutcome, on_delete=models.PROTECT, related_name="void")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()
    reporter = models.CharField(max_length=150)

    removable = removable_once_on_record("void", "id")

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"void of outcome {self.outcome_id}"


class LedgerAmendment(AppendOnlyModel):
    """A correction of one field of a record. The record stays as it was; the effective view shows both."""

    class Field(models.TextChoices):
        PROMPT_HASH = "prompt_hash", "Prompt hash"

    decision = models.ForeignKey(
        DecisionRecord, on_delete=models.PROTECT, db_constraint=False, related_name="amendments"
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    field = models.CharField(max_length=50, choices=Field.choices)
    value_before = models.CharField(max_length=200, blank=True)
    value_after = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500)
    actor = actor_of_append_only_row()
    actor_name = actor_name()
    at = models.DateTimeField()

    leads_to = OF_A_DECISION
    removable = removable_once_on_record("amendment", "id")

    objects = AppendOnlyScopedQuerySet.as_manager()

    class Meta(AppendOnlyModel.Meta):
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.field} of {self.decision_id}"
