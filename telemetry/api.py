"""HTTP API of telemetry: ingestion of records and of later facts about them, lists, and single records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from pydantic import TypeAdapter
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from confidence_project.foundation.ingest import ingest
from confidence_project.foundation.openapi import LISTED, PROBLEMS_OF_READING, document_ingestion
from confidence_project.foundation.pagination import RecordPagination
from governance.access.authentication import workspace_of
from governance.models import ApiKey
from telemetry import contracts, facts, models, selectors, serializers, services

Scope = ApiKey.Scope


class Resource(GenericAPIView[Any]):
    """What the views of one kind of record share; each subclass is a declaration."""

    model: type[models.HostRecord]

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.model.objects.none()
        return selectors.records_of(self.model, workspace_of(self.request))


class Ingestion(GenericAPIView[Any]):
    """POST: one object, an array or NDJSON; the serializer shows what was stored."""

    contract: TypeAdapter[Any]
    write: Callable[..., Any]
    required_scopes: Mapping[str, str] = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        return ingest(
            request,
            self.contract,
            write=partial(type(self).write, workspace=workspace_of(request)),
            show=self.get_serializer().to_representation,
            show_in_bulk=lambda record: {"id": record.pk, "external_id": record.external_id},
        )


class Collection(Resource, Ingestion, ListAPIView[Any]):
    """GET: a page of records; POST: ingestion."""

    required_scopes = {"GET": Scope.READ, "POST": Scope.INGEST}
    pagination_class = RecordPagination
    filterset_class = serializers.RecordFilter


class Detail(Resource, RetrieveAPIView[Any]):
    """GET: one record by the id that the server gave it."""

    required_scopes = {"GET": Scope.READ}


def documented(
    noun: str, contract: type[contracts.Envelope], serializer: type[BaseSerializer[Any]], example: dict[str, Any]
) -> Callable[[Any], Any]:
    """Document a collection."""
    return extend_schema_view(
        get=extend_schema(
            operation_id=_operation("list", noun),
            summary=f"List {noun}",
            description=LISTED,
            responses={200: serializer(many=True), **PROBLEMS_OF_READING},
        ),
        post=document_ingestion(_operation("ingest", noun), contract, serializer, example, f"Ingest {noun}"),
    )


def retrieved(noun: str, serializer: type[BaseSerializer[Any]]) -> Callable[[Any], Any]:
    """Document a detail view."""
    responses = {200: serializer, **PROBLEMS_OF_READING}
    return extend_schema_view(
        get=extend_schema(
            operation_id=_operation("get", noun), summary=f"Get one {noun}", description="", responses=responses
        )
    )


def fact(
    noun: str, contract: type[contracts.Envelope], serializer: type[BaseSerializer[Any]], example: dict[str, Any]
) -> Callable[[Any], Any]:
    """Document the ingestion of later facts."""
    return extend_schema_view(
        post=document_ingestion(
            _operation("record", noun), contract, serializer, example, f"Record {noun} of records sent before"
        )
    )


def _operation(verb: str, noun: str) -> str:
    return f"{verb}_{noun.replace(' ', '_')}"


_AT = "2026-01-31T09:30:00Z"
_SOURCE = {"provider": "openai", "model": "gpt-5"}


@documented(
    "interactions",
    contracts.InteractionEnvelope,
    serializers.InteractionSerializer,
    {"external_id": "call-1", "created_at": _AT, **_SOURCE, "input_tokens": 812},
)
class Interactions(Collection):
    model = models.AIInteraction
    serializer_class = serializers.InteractionSerializer
    contract = TypeAdapter(contracts.InteractionEnvelope)
    write = services.record_interactions


@retrieved("interaction", serializers.InteractionSerializer)
class InteractionsDetail(Detail):
    model = models.AIInteraction
    serializer_class = serializers.InteractionSerializer


@documented(
    "drafts",
    contracts.DraftEnvelope,
    serializers.DraftSerializer,
    {"external_id": "draft-1", "created_at": _AT, **_SOURCE, "confidence": 0.93, "action": "send"},
)
class Drafts(Collection):
    model = models.AIDraft
    serializer_class = serializers.DraftSerializer
    contract = TypeAdapter(contracts.DraftEnvelope)
    write = services.record_drafts


@retrieved("draft", serializers.DraftSerializer)
class DraftsDetail(Detail):
    model = models.AIDraft
    serializer_class = serializers.DraftSerializer


@documented(
    "sentiments",
    contracts.SentimentEnvelope,
    serializers.SentimentSerializer,
    {"external_id": "message-1", "draft": "draft-1", "sentiment": "positive"},
)
class Sentiments(Collection):
    model = models.InboundMessage
    serializer_class = serializers.SentimentSerializer
    contract = TypeAdapter(contracts.SentimentEnvelope)
    write = services.record_sentiments


@retrieved("sentiment", serializers.SentimentSerializer)
class SentimentsDetail(Detail):
    model = models.InboundMessage
    serializer_class = serializers.SentimentSerializer


@documented(
    "overseer decisions",
    contracts.OverseerDecisionEnvelope,
    serializers.OverseerDecisionSerializer,
    {"external_id": "o-1", "created_at": _AT, "message_ref": "m-1", "stage": "gate", "decision": "approve"},
)
class OverseerDecisions(Collection):
    model = models.MeetingOverseerDecision
    serializer_class = serializers.OverseerDecisionSerializer
    contract = TypeAdapter(contracts.OverseerDecisionEnvelope)
    write = services.record_overseer_decisions


@retrieved("overseer decision", serializers.OverseerDecisionSerializer)
class OverseerDecisionsDetail(Detail):
    model = models.MeetingOverseerDecision
    serializer_class = serializers.OverseerDecisionSerializer


@documented(
    "bookings",
    contracts.BookingEnvelope,
    serializers.BookingSerializer,
    {"external_id": "booking-1", "created_at": _AT, **_SOURCE, "parse_confidence": 0.97, "auto_booked": True},
)
class Bookings(Collection):
    model = models.FollowUpBooking
    serializer_class = serializers.BookingSerializer
    contract = TypeAdapter(contracts.BookingEnvelope)
    write = services.record_bookings


@retrieved("booking", serializers.BookingSerializer)
class BookingsDetail(Detail):
    model = models.FollowUpBooking
    serializer_class = serializers.BookingSerializer


@fact(
    "dispositions",
    contracts.DispositionEnvelope,
    serializers.DraftSerializer,
    {"external_id": "draft-1", "disposition": "edited"},
)
class Dispositions(Ingestion):
    serializer_class = serializers.DraftSerializer
    contract = TypeAdapter(contracts.DispositionEnvelope)
    write = facts.record_dispositions


@fact(
    "overrides",
    contracts.OverrideEnvelope,
    serializers.OverseerDecisionSerializer,
    {"external_id": "o-1", "human_override": "deny", "overridden_at": _AT},
)
class Overrides(Ingestion):
    serializer_class = serializers.OverseerDecisionSerializer
    contract = TypeAdapter(contracts.OverrideEnvelope)
    write = facts.record_overrides


@fact(
    "booking outcomes",
    contracts.BookingOutcomeEnvelope,
    serializers.BookingSerializer,
    {"external_id": "booking-1", "outcome": "kept", "outcome_at": _AT},
)
class BookingOutcomes(Ingestion):
    serializer_class = serializers.BookingSerializer
    contract = TypeAdapter(contracts.BookingOutcomeEnvelope)
    write = facts.record_booking_outcomes
