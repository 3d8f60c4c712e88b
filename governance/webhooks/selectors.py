"""Reads of webhooks."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery

from governance.models import WebhookDelivery, WebhookEndpoint


def with_last_answer(endpoints: QuerySet[WebhookEndpoint]) -> QuerySet[WebhookEndpoint]:
    """Add to each endpoint what became of the last message that was tried: `last_status`, `last_result`, its time."""
    tried = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), last_attempt_at__isnull=False)
    last = tried.order_by("-last_attempt_at", "-pk")
    return endpoints.annotate(
        last_status=Subquery(last.values("status")[:1]),
        last_result=Subquery(last.values("last_result")[:1]),
        last_attempt_at=Subquery(last.values("last_attempt_at")[:1]),
    )
