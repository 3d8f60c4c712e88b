"""HTTP API of the ledger: ask the gate, attach outcomes, read both."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from pydantic import TypeAdapter
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from confidence_project.foundation.errors import NotFound
from confidence_project.foundation.ingest import ingest
from confidence_project.foundation.negotiation import OneType
from confidence_project.foundation.openapi import LISTED, PROBLEMS_OF_READING, document_ingestion
from confidence_project.foundation.pagination import RecordPagination
from confidence_project.foundation.problems import CONTENT_TYPE, Problem
from governance.access.authentication import api_key_of, workspace_of
from governance.admin_kit.keyset import narrowed_to
from governance.models import ApiKey
from governance.workspaces.names import WorkspaceNames
from ledger import selectors
from ledger.contracts import DecisionEnvelope, LLMDecision, OutcomeEnvelope
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.decisions import record_decisions
from ledger.replies import shown_outcome, shown_verdict
from ledger.serializers import (
    DecisionDetailSerializer,
    DecisionFilter,
    DecisionSerializer,
    OutcomeFilter,
    OutcomeSerializer,
    VerdictSerializer,
)
from ledger.services import record_outcomes
from ledger.transparency.receipts import MEDIA_TYPE
from ledger.transparency.removed import refuse_removed
from ledger.transparency.selectors import prove_entry, receipt_of

Scope = ApiKey.Scope

_PROBLEMS_OF_PROOFS: dict[Any, Any] = {
    **PROBLEMS_OF_READING,
    (409, CONTENT_TYPE): Problem,
    (410, CONTENT_TYPE): Problem,
}

_DECISION = TypeAdapter(DecisionEnvelope)
_OUTCOME = TypeAdapter(OutcomeEnvelope)


class GateRequestEnvelope(DecisionEnvelope):
    """What is documented: an envelope with a sound decision. Any other decision is a recorded block."""

    decision: LLMDecision | None = None


_DECISION_EXAMPLE = {
    "external_id": "ticket-4711",
    "policy_key": "decision_gate",
    "ml_risk_score": 0.12,
    "confidence_kind": "self_reported",
    "decision": {
        "risk_summary": "The buffer ran dry twice.",
        "likely_root_cause": "The window is too small.",
        "confidence": 0.87,
        "recommended_action": {"type": "retry", "parameters": {"attempts": 2}},
        "provider": "openai",
        "model": "gpt-5",
        "prompt_hash": "0" * 64,
    },
}
_OUTCOME_EXAMPLE = {
    "external_id": "review-1",
    "decision_external_id": "ticket-4711",
    "success": True,
    "source": "human_review",
}


@extend_schema_view(
    get=extend_schema(
        operation_id="list_decisions",
        summary="List decisions",
        description=LISTED,
        responses={200: DecisionSerializer(many=True), **PROBLEMS_OF_READING},
    ),
    post=document_ingestion("decide", GateRequestEnvelope, VerdictSerializer, _DECISION_EXAMPLE, "Ask the gate"),
)
class Decisions(ListAPIView[DecisionRecord]):
    """POST: verdicts, each committed before it is answered. GET: a page of the ledger."""

    required_scopes = {"GET": Scope.READ, "POST": Scope.DECIDE}
    pagination_class = RecordPagination
    filterset_class = DecisionFilter
    serializer_class = DecisionSerializer

    def get_queryset(self) -> QuerySet[DecisionRecord]:
        if getattr(self, "swagger_fake_view", False):
            return DecisionRecord.objects.none()
        return narrowed_to(DecisionRecord.objects.all(), "workspace_id", workspace_of(self.request).pk)

    def post(self, request: Request) -> Response:
        workspace = workspace_of(request)
        return ingest(
            request,
            _DECISION,
            known=WorkspaceNames(workspace),
            write=partial(record_decisions, workspace=workspace),
            show=shown_verdict,
            show_in_bulk=shown_verdict,
        )


@extend_schema_view(
    get=extend_schema(
        operation_id="get_decision",
        summary="Get one decision with its outcomes",
        responses={200: DecisionDetailSerializer, (410, CONTENT_TYPE): Problem, **PROBLEMS_OF_READING},
    )
)
class Decision(RetrieveAPIView[DecisionRecord]):
    """One record of the ledger with its outcomes."""

    required_scopes = {"GET": Scope.READ}
    serializer_class = DecisionDetailSerializer

    def get_queryset(self) -> QuerySet[DecisionRecord]:
        return selectors.decisions_with_outcomes(workspace_of(self.request))

    def get_object(self) -> DecisionRecord:
        try:
            return super().get_object()
        except Http404:
            refuse_removed(self.kwargs["pk"], [workspace_of(self.request).pk])
            raise


class _ProofOfDecision(APIView):
    """Bytes about one decision of the caller's workspace, whatever type the caller says that it accepts."""

    required_scopes = {"GET": Scope.READ}
    content_negotiation_class = OneType

    media_type: ClassVar[str]

    def bytes_of(self, decision_id: UUID) -> bytes:
        raise NotImplementedError

    def get(self, request: Request, pk: UUID) -> HttpResponse:
        workspace = workspace_of(request)
        if not DecisionRecord.objects.in_workspace(workspace).filter(pk=pk).exists():
            refuse_removed(pk, [workspace.pk])
            raise NotFound("There is no decision of this id.")
        return HttpResponse(self.bytes_of(pk), content_type=self.media_type)


@extend_schema_view(
    get=extend_schema(
        operation_id="get_decision_entry",
        summary="Get the bytes of a decision in the log",
        description="What its leaf commits to, and so what a receipt or a proof is checked against.",
        responses={(200, "application/json"): OpenApiTypes.OBJECT, **_PROBLEMS_OF_PROOFS},
    )
)
class DecisionEntry(_ProofOfDecision):
    """The entry of a decision that a checkpoint covers."""

    media_type = "application/json"

    def bytes_of(self, decision_id: UUID) -> bytes:
        return prove_entry(decision_id).content


@extend_schema_view(
    get=extend_schema(
        operation_id="get_decision_receipt",
        summary="Get the COSE receipt of a decision",
        description="RFC 9942 over the tree of the last checkpoint. 404 until a checkpoint covers the decision.",
        responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY, **_PROBLEMS_OF_PROOFS},
    )
)
class DecisionReceipt(_ProofOfDecision):
    """The receipt of a decision that a checkpoint covers."""

    media_type = MEDIA_TYPE

    def bytes_of(self, decision_id: UUID) -> bytes:
        return receipt_of(decision_id)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_outcomes",
        summary="List outcomes",
        description=LISTED,
        responses={200: OutcomeSerializer(many=True), **PROBLEMS_OF_READING},
    ),
    post=document_ingestion("ingest_outcomes", OutcomeEnvelope, OutcomeSerializer, _OUTCOME_EXAMPLE, "Attach outcomes"),
)
class Outcomes(ListAPIView[DecisionOutcome]):
    """POST: attach outcomes to decisions. GET: a page of outcomes."""

    required_scopes = {"GET": Scope.READ, "POST": Scope.INGEST}
    pagination_class = RecordPagination
    filterset_class = OutcomeFilter
    serializer_class = OutcomeSerializer

    def get_queryset(self) -> QuerySet[DecisionOutcome]:
        if getattr(self, "swagger_fake_view", False):
            return DecisionOutcome.objects.none()
        return narrowed_to(DecisionOutcome.objects.all(), "workspace_id", workspace_of(self.request).pk)

    def post(self, request: Request) -> Response:
        return ingest(
            request,
            _OUTCOME,
            write=partial(record_outcomes, workspace=workspace_of(request), reporter=api_key_of(request).reporter),
            show=lambda outcome: shown_outcome(vars(outcome)),
            show_in_bulk=lambda outcome: {
                "external_id": outcome.external_id,
                "decision_id": str(outcome.decision_id),
            },
        )
