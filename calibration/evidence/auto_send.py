"""Evidence for auto-send: drafts, and the sentiment of the message that answered them."""

from __future__ import annotations

from django.db.models import BooleanField, Case, F, OuterRef, Q, Subquery, Value, When

from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.rows import DecisionRows, QuerysetSource
from telemetry.models import AIDraft, InboundMessage

Disposition = AIDraft.Disposition


class AutoSendSource(QuerysetSource):
    """A draft that went out as it was written succeeds when the next message is positive or neutral.

    The answer to a draft that a person edited or discarded says nothing about the draft: it stays unlabelled.
    """

    name = "auto-send drafts"
    policy_keys = frozenset({"auto_send.evaluate"})
    segment_keys = ("provider", "model", "channel")

    def rows(self, request: EvidenceRequest) -> DecisionRows:
        answers = InboundMessage.objects.filter(
            draft_id=OuterRef("pk"), created_at__gte=OuterRef("created_at"), received_at__lte=request.labels_as_of
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
