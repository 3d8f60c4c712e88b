"""What people send to the governance API, and what they get."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from pydantic import BaseModel, ConfigDict, Field
from rest_framework import serializers

from confidence_project.foundation.filters import NameFilter
from confidence_project.foundation.serializers import RowSerializer
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.vocabulary import Whole
from governance.workflow.deciding import REASON_LENGTH
from governance.workflow.opening import SUMMARY_LENGTH, TITLE_LENGTH
from governance.workflow.review import is_uncertified, is_uncertified_change


def _described(length: int, *, least: int = 0) -> Any:
    """Return what the API's description says of a text; the services hold it to that, and to more."""
    return Field(json_schema_extra={"minLength": least, "maxLength": length})


Reason = Annotated[str, _described(REASON_LENGTH, least=1)]
OptionalReason = Annotated[str, _described(REASON_LENGTH)]

_VALUES = {"type": "object", "additionalProperties": {"type": "number"}}
_MATCH = {"type": "object", "additionalProperties": {"type": "string"}}
_OVERRIDE = {
    "type": "object",
    "properties": {"match": {**_MATCH, "minProperties": 1}, "values": {**_VALUES, "minProperties": 1}},
    "required": ["match", "values"],
    "additionalProperties": False,
}
_CONFIG_FORM = {
    "properties": {"values": _VALUES, "overrides": {"type": "array", "items": _OVERRIDE}},
    "additionalProperties": False,
}
"""Which fields there are, and within which bounds, is the say of each policy's definition."""


class Body(BaseModel):
    """Strict and closed; texts and configs are checked by the services, whoever calls them."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NewProposal(Body):
    """A change that a person proposes."""

    policy_key: str
    title: Annotated[str, _described(TITLE_LENGTH, least=1)]
    rationale: Annotated[str, _described(SUMMARY_LENGTH, least=1)]
    config: Annotated[dict[str, Any], Field(json_schema_extra=_CONFIG_FORM)]
    acknowledge_large_step: bool = False


class Approval(Body):
    """An approval; a step larger than the definition's `max_step`, and a loosening without a certificate, must be
    acknowledged.
    """

    acknowledge_large_step: bool = False
    acknowledge_uncertified: bool = False
    reason: OptionalReason = ""


class Rejection(Body):
    """A rejection says why."""

    reason: Reason


class Application(Body):
    """An application may say why; a loosening without a certificate must be acknowledged."""

    acknowledge_uncertified: bool = False
    reason: OptionalReason = ""


class Rollback(Body):
    """A rollback says why, and which version of the policy it was decided on; one to looser values is acknowledged."""

    acknowledge_uncertified: bool = False
    reason: Reason
    expected_version: Annotated[int, Whole]


class ProposalFilter(filters.FilterSet):
    """Filters of the list of proposals."""

    status = filters.MultipleChoiceFilter(choices=ConfidencePolicyProposal.Status.choices, method="with_status")
    origin = filters.ChoiceFilter(choices=ConfidencePolicyProposal.Origin.choices)
    policy_key = NameFilter()

    def with_status(self, proposals: Any, name: str, statuses: list[str]) -> Any:
        """Keep those that have one of the statuses by now."""
        return proposals.with_status(*statuses) if statuses else proposals


class RevisionFilter(filters.FilterSet):
    """Filters of the list of revisions."""

    policy_key = NameFilter()


class ProposalSerializer(RowSerializer[ConfidencePolicyProposal]):
    """A proposal with its evidence."""

    status = serializers.ChoiceField(choices=ConfidencePolicyProposal.Status.choices, source="effective_status")
    evidence = serializers.SerializerMethodField()
    workspace = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    not_certified = serializers.SerializerMethodField(
        help_text="A loosening that no review and no candidate bears out: outside of what calibration promises."
    )

    class Meta:
        model = ConfidencePolicyProposal
        fields = [
            "id", "workspace", "policy_key", "status", "origin", "not_certified", "title", "summary", "config",
            "base_version", "base_config", "evidence", "evidence_sha256", "created_at", "expires_at", "author_name",
            "approver_name", "approved_at", "approved_evidence_sha256", "rejecter_name", "rejected_at", "reject_reason",
            "applier_name", "applied_at", "superseded_by", "large_step_acknowledged",
        ]  # fmt: skip
        read_only_fields = fields

    def get_not_certified(self, proposal: ConfidencePolicyProposal) -> bool:
        return is_uncertified(proposal)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evidence(self, proposal: ConfidencePolicyProposal) -> Any:
        return json.loads(proposal.evidence)


class RevisionSerializer(RowSerializer[ConfidencePolicyRevision]):
    """One change of a policy."""

    workspace = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    not_certified = serializers.SerializerMethodField(
        help_text="It loosens, by its proposal or by going back, and no review and no candidate bears that out."
    )

    class Meta:
        model = ConfidencePolicyRevision
        fields = [
            "id", "workspace", "policy_key", "version", "action", "config_before", "config_after", "proposal",
            "restored_revision", "not_certified", "actor_name", "reason", "break_glass", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_not_certified(self, revision: ConfidencePolicyRevision) -> bool:
        return is_uncertified_change(revision)
