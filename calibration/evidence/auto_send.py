"""Evidence for auto-send: drafts, and the sentiment of the message that answered them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import (
    BooleanField,
    Case,
    DateTimeField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)

from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.rows import DecisionRows, QuerysetSource
from telemetry.models import AIDraft, InboundMessage

Disposition = AIDraft.Disposition


class AutoSendSource(QuerysetSource):
    """A draft that went out as it was written succeeds when the next message is positive or neutral.

    A message that comes later than `CONFIDENCE_REPLY_DAYS` days after the draft is no answer to it.
    The answer to a draft that a person edited or discarded says nothing about the draft: it stays unlabelled.
    """

    name = "auto-send drafts"
    policy_keys = frozenset({"auto_send.evaluate"})
    segment_keys = ("provider", "model", "channel")

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        in_time = ExpressionWrapper(
            OuterRef("created_at") + timedelta(days=settings.CONFIDENCE_REPLY_DAYS), output_field=DateTimeField()
        )
        answers = InboundMessage.objects.filter(
            draft_id=OuterRef("pk"),
            created_at__gte=OuterRef("created_at"),
            created_at__lte=in_time,
            received_at__lte=request.labels_as_of,
        ).order_by("created_at", "id")
        return DecisionRows(
            queryset=AIDraft.objects.annotate(answer=Subquery(answers.values("sentiment")[:1])),
            at="created_at",
            confidence="confidence",
            success=Case(
                When(Q(disposition__in=[Disposition.EDITED, Disposition.DISCARDED]), then=Value(None)),
                When(answer=InboundMessage.Sentiment.NEGATIVE, then=Value(False)),
                When(answer__isnull=False, then=Value(True)),
                output_field=BooleanField(null=True),
            ),
            segment={key: F(key) for key in self.segment_keys},
            case_key="case_key",
            threshold=F("threshold"),
        )
