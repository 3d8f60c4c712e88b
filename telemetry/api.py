"""HTTP API of telemetry: ingestion of records and of later facts about them, lists, and single records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema, extend_schema_view
from pydantic import TypeAdapter
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer

from confidence_project.foundation.ingest import ingest
from confidence_project.foundation.openapi import LISTED, PROBLEMS_OF_READING, document_ingestion
from confidence_project.foundation.pagination import RecordPagination
from governance.access.authentication import workspace_of
from governance.models import ApiKey
from governance.workspaces.names import WorkspaceNames
from telemetry import contracts, facts, models, selectors, serializers, services

Scope = ApiKey.Scope


class Resource(GenericAPIView[Any]):
    """What the views of one kind of record share."""

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
        workspace = workspace_of(request)
        return ingest(
            request,
            self.contract,
            known=WorkspaceNames(workspace),
            write=partial(type(self).write, workspace=workspace),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of record on the wire: what a host sends, what is stored, what is shown, an example to send.

    `path` is that of the collection, or of facts (`are_facts`) about records that were sent before.
    """

    noun: str
    path: str
    are_facts: bool = False
    contract: type[contracts.Envelope]
    write: Callable[..., Any]
    serializer: type[ModelSerializer[Any]]
    example: Mapping[str, Any]

    def routes(self) -> list[URLPattern]:
        """Return what is served of this kind."""
        name = self.noun.replace(" ", "-")
        if self.are_facts:
            return [path(self.path, self._later_facts().as_view(), name=f"{name}s")]
        return [
            path(self.path, self._collection().as_view(), name=f"{name}s"),
            path(f"{self.path}/<int:pk>", self._detail().as_view(), name=name),
        ]

    def _collection(self) -> type[Collection]:
        nouns = f"{self.noun}s"
        document = extend_schema_view(
            get=extend_schema(
                operation_id=_operation("list", nouns),
                summary=f"List {nouns}",
                description=LISTED,
                responses={200: self.serializer(many=True), **PROBLEMS_OF_READING},
            ),
            post=self._ingestion("ingest", nouns, f"Ingest {nouns}"),
        )
        view: type[Collection] = document(type("Collection", (Collection,), {**self._shown(), **self._taken()}))
        return view

    def _detail(self) -> type[Detail]:
        document = extend_schema_view(
            get=extend_schema(
                operation_id=_operation("get", self.noun),
                summary=f"Get one {self.noun}",
                description="",
                responses={200: self.serializer, **PROBLEMS_OF_READING},
            )
        )
        view: type[Detail] = document(type("Detail", (Detail,), self._shown()))
        return view

    def _later_facts(self) -> type[Ingestion]:
        nouns = f"{self.noun}s"
        post = self._ingestion("record", nouns, f"Record {nouns} of records sent before")
        taken = {"serializer_class": self.serializer, **self._taken()}
        view: type[Ingestion] = extend_schema_view(post=post)(type("Ingestion", (Ingestion,), taken))
        return view

    def _shown(self) -> dict[str, Any]:
        return {"model": self.serializer.Meta.model, "serializer_class": self.serializer}

    def _taken(self) -> dict[str, Any]:
        return {"contract": TypeAdapter(self.contract), "write": self.write}

    def _ingestion(self, verb: str, nouns: str, summary: str) -> Any:
        operation = _operation(verb, nouns)
        return document_ingestion(operation, self.contract, self.serializer, dict(self.example), summary)


def _operation(verb: str, noun: str) -> str:
    return f"{verb}_{noun.replace(' ', '_')}"


_AT = "2026-01-31T09:30:00Z"
_SOURCE = {"provider": "openai", "model": "gpt-5"}

KINDS = (
    Kind(
        noun="interaction",
        path="interactions",
        contract=contracts.InteractionEnvelope,
        write=services.record_interactions,
        serializer=serializers.InteractionSerializer,
        example={"external_id": "call-1", "created_at": _AT, **_SOURCE, "input_tokens": 812},
    ),
    Kind(
        noun="draft",
        path="drafts",
        contract=contracts.DraftEnvelope,
        write=services.record_drafts,
        serializer=serializers.DraftSerializer,
        example={"external_id": "draft-1", "created_at": _AT, **_SOURCE, "confidence": 0.93, "action": "send"},
    ),
    Kind(
        noun="sentiment",
        path="sentiments",
        contract=contracts.SentimentEnvelope,
        write=services.record_sentiments,
        serializer=serializers.SentimentSerializer,
        example={"external_id": "message-1", "draft": "draft-1", "sentiment": "positive"},
    ),
    Kind(
        noun="overseer decision",
        path="overseer-decisions",
        contract=contracts.OverseerDecisionEnvelope,
        write=services.record_overseer_decisions,
        serializer=serializers.OverseerDecisionSerializer,
        example={"external_id": "o-1", "created_at": _AT, "message_ref": "m-1", "stage": "gate", "decision": "approve"},
    ),
    Kind(
        noun="booking",
        path="bookings",
        contract=contracts.BookingEnvelope,
        write=services.record_bookings,
        serializer=serializers.BookingSerializer,
        example={
            "external_id": "booking-1",
            "created_at": _AT,
            **_SOURCE,
            "parse_confidence": 0.97,
            "auto_booked": True,
        },
    ),
    Kind(
        noun="disposition",
        path="drafts/dispositions",
        are_facts=True,
        contract=contracts.DispositionEnvelope,
        write=facts.record_dispositions,
        serializer=serializers.DraftSerializer,
        example={"external_id": "draft-1", "disposition": "edited"},
    ),
    Kind(
        noun="override",
        path="overseer-decisions/overrides",
        are_facts=True,
        contract=contracts.OverrideEnvelope,
        write=facts.record_overrides,
        serializer=serializers.OverseerDecisionSerializer,
        example={"external_id": "o-1", "human_override": "deny", "overridden_at": _AT},
    ),
    Kind(
        noun="booking outcome",
        path="bookings/outcomes",
        are_facts=True,
        contract=contracts.BookingOutcomeEnvelope,
        write=facts.record_booking_outcomes,
        serializer=serializers.BookingSerializer,
        example={"external_id": "booking-1", "outcome": "kept", "outcome_at": _AT},
    ),
)
