"""What people send to try a proposal out, and what they get."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from confidence_project.foundation.serializers import RowSerializer
from governance.api.serializers import Body, OptionalReason, Reason
from governance.models import Rollout, RolloutEvent
from governance.workflow.consequences import flips_of


class NewRollout(Body):
    """A start may say why."""

    reason: OptionalReason = ""


class CanaryShare(Body):
    """The share of the cases that the proposal decides from now on; a loosening without a certificate must be
    acknowledged.
    """

    share: float
    acknowledge_uncertified: bool = False
    reason: OptionalReason = ""

    @property
    def exact_share(self) -> Decimal:
        """The share as it was written."""
        return Decimal(repr(self.share))


class Withdrawal(Body):
    """A withdrawal says why."""

    reason: Reason


class BacktestSerializer(serializers.Serializer[Any]):
    """What a proposal would have done to recorded decisions."""

    window_from = serializers.DateTimeField()
    window_to = serializers.DateTimeField()
    decisions = serializers.IntegerField(help_text="Decisions that thresholds decided.")
    allowed_before = serializers.IntegerField(help_text="Of these, allowed by the config that would be changed.")
    allowed_after = serializers.IntegerField(help_text="Of these, allowed by the proposal.")
    to_block = serializers.IntegerField()
    to_allow = serializers.IntegerField()
    labelled_before = serializers.IntegerField(help_text="Allowed decisions whose outcome is known.")
    failures_before = serializers.IntegerField()
    labelled_after = serializers.IntegerField()
    failures_after = serializers.IntegerField()
    newly_allowed_unlabelled = serializers.IntegerField()
    coverage_before = serializers.FloatField(allow_null=True, help_text="Null: there are no decisions.")
    coverage_after = serializers.FloatField(allow_null=True)
    failure_rate_before = serializers.FloatField(allow_null=True, help_text="Null: no outcome is known.")
    failure_rate_after = serializers.FloatField(allow_null=True)
    caveat = serializers.CharField(help_text="What the failure rates do not show; blank: every outcome is known.")


class RolloutEventSerializer(RowSerializer[RolloutEvent]):
    """One step of a rollout."""

    share = serializers.FloatField()

    class Meta:
        model = RolloutEvent
        fields = ["verb", "from_status", "to_status", "share", "actor_name", "reason", "at"]
        read_only_fields = fields


class FlipsSerializer(serializers.Serializer[Any]):
    """How often the proposal differed from the policy in force."""

    compared = serializers.IntegerField(help_text="Decisions of the policy in force on which both spoke.")
    to_block = serializers.IntegerField(help_text="Allowed that the proposal would have blocked.")
    to_allow = serializers.IntegerField(help_text="Blocked that the proposal would have allowed.")
    canary = serializers.IntegerField(help_text="Decisions for which the proposal ruled.")


class RolloutSerializer(RowSerializer[Rollout]):
    """The rollout of a proposal, with the flips so far."""

    share = serializers.FloatField()
    events = RolloutEventSerializer(many=True)
    flips = serializers.SerializerMethodField()

    class Meta:
        model = Rollout
        fields = ["id", "policy_key", "proposal", "status", "share", "started_at", "ended_at", "flips", "events"]
        read_only_fields = fields

    @extend_schema_field(FlipsSerializer(allow_null=True))
    def get_flips(self, rollout: Rollout) -> Any:
        flips = flips_of(rollout)
        return None if flips is None else FlipsSerializer(flips).data
