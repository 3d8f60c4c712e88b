"""Decisions and outcomes as the API shows them, and the filters of their lists."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from confidence_project.foundation.filters import NameFilter, TimeFilter
from confidence_project.foundation.serializers import RowSerializer
from governance.access.authentication import workspace_of
from governance.vocabulary import is_alias
from ledger import selectors
from ledger.models import SIDES, DecisionOutcome, DecisionRecord


class DecisionFilter(filters.FilterSet):
    """Filters of the list of decisions."""

    external_id = NameFilter(method="by_external_id", help_text="The host's own id.")
    policy_key = NameFilter()
    verdict = filters.ChoiceFilter(method="by_verdict", choices=DecisionRecord.Verdict.choices)
    reason = NameFilter(method="by_reason")
    provider = NameFilter()
    model = NameFilter()
    prompt_hash = NameFilter(method="by_prompt_hash")
    occurred_from = TimeFilter(field_name="occurred_at", lookup_expr="gte", help_text="Inclusive.")
    occurred_before = TimeFilter(field_name="occurred_at", lookup_expr="lt", help_text="Exclusive.")

    def by_external_id(self, rows: QuerySet[DecisionRecord], name: str, value: str) -> QuerySet[DecisionRecord]:
        return rows.filter(pk__in=selectors.decision_ids_named(workspace_of(self.request), value))

    def by_verdict(self, rows: QuerySet[DecisionRecord], name: str, value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_verdict(rows, value)

    def by_reason(self, rows: QuerySet[DecisionRecord], name: str, value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_reason(rows, value)

    def by_prompt_hash(self, rows: QuerySet[DecisionRecord], name: str, value: str) -> QuerySet[DecisionRecord]:
        return selectors.with_prompt_hash(rows, value)


class OutcomeFilter(filters.FilterSet):
    """Filters of the list of outcomes."""

    external_id = NameFilter(help_text="The host's own id.")
    decision_id = filters.UUIDFilter(field_name="decision_id")


class SchemaProblemSerializer(serializers.Serializer[Any]):
    """One thing that broke the contract, in the form that problems have."""

    pointer = serializers.CharField(help_text="JSON Pointer into the item; empty: the answer to a prompt as a whole.")
    code = serializers.CharField()
    detail = serializers.CharField()


class VerdictSerializer(RowSerializer[DecisionRecord]):
    """What the host needs in order to act."""

    verdict = serializers.ChoiceField(
        source="gate_verdict",
        choices=DecisionRecord.Verdict.choices,
        help_text="Act on `allow` only. `ask`: a person decides.",
    )
    side = serializers.SerializerMethodField(
        help_text="The answer to a yes/no question that the verdict is about, where the policy tells the two apart."
    )
    reason = serializers.CharField(source="gate_reason")
    # A declared field, which the class takes out of its attributes: the property of that name stays.
    errors = serializers.SerializerMethodField(  # type: ignore[assignment]
        help_text="What broke the contract of the decision, or is to be mended; never a value."
    )
    thresholds = serializers.DictField(child=serializers.FloatField(), help_text="The values applied, by field.")

    class Meta:
        model = DecisionRecord
        fields = [
            "decision_id", "external_id", "verdict", "side", "reason", "errors", "thresholds", "policy_key",
            "policy_version", "audit_selected",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": ["string", "null"], "enum": ["yes", "no", None]})
    def get_side(self, record: DecisionRecord) -> str | None:
        return SIDES.get(record.confidence_kind)

    @extend_schema_field(SchemaProblemSerializer(many=True))
    def get_errors(self, record: DecisionRecord) -> Any:
        return record.schema_problems or []


class OutcomeSerializer(RowSerializer[DecisionOutcome]):
    decision_id = serializers.UUIDField()

    class Meta:
        model = DecisionOutcome
        fields = [
            "external_id", "decision_id", "sequence", "success", "source", "automation_executed",
            "downstream_failure", "observed_at", "recorded_at", "reporter",
        ]  # fmt: skip
        read_only_fields = fields


class RecordedOutcomeSerializer(OutcomeSerializer):
    """An outcome as it is read: one that was just attached cannot have been voided."""

    voided_at = serializers.DateTimeField(
        source="void.at", default=None, allow_null=True, help_text="It does not hold any more since then."
    )

    class Meta(OutcomeSerializer.Meta):
        fields = [*OutcomeSerializer.Meta.fields, "voided_at"]
        read_only_fields = fields


class DecisionSerializer(VerdictSerializer):
    """The whole record."""

    action_params = serializers.SerializerMethodField()
    model_is_alias = serializers.SerializerMethodField(
        help_text="The name leaves open which version of the model answered."
    )

    class Meta(VerdictSerializer.Meta):
        fields = [
            *VerdictSerializer.Meta.fields, "timestamp", "occurred_at", "provider", "model",
            "model_is_alias", "prompt_hash",
            "schema_version", "schema_valid", "ml_risk_score", "llm_confidence", "confidence_kind", "action_type",
            "action_params", "task", "options", "channel", "case_key", "origin", "label_propensity",
            "rollout_id", "rollout_arm", "candidate_verdict", "candidate_reason",
        ]  # fmt: skip
        read_only_fields = fields

    def get_model_is_alias(self, record: DecisionRecord) -> bool:
        return is_alias(record.model)

    @extend_schema_field({"type": ["object", "null"], "additionalProperties": {}})
    def get_action_params(self, record: DecisionRecord) -> Any:
        return None if record.action_params is None else json.loads(record.action_params)


class DecisionDetailSerializer(DecisionSerializer):
    """The whole record with its outcomes."""

    outcomes = RecordedOutcomeSerializer(many=True)

    class Meta(DecisionSerializer.Meta):
        fields = [*DecisionSerializer.Meta.fields, "outcomes"]
        read_only_fields = fields
