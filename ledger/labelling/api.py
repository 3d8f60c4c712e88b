"""HTTP API of labels that are made elsewhere: what waits, taking it, the answers, and what a judge says before."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from confidence_project.foundation.errors import PermissionRefused
from confidence_project.foundation.filters import NameFilter
from confidence_project.foundation.ingest import ingest, read_object
from confidence_project.foundation.openapi import (
    LISTED,
    PROBLEMS_OF_READING,
    PROBLEMS_OF_WRITING,
    document_ingestion,
)
from confidence_project.foundation.pagination import RecordPagination
from confidence_project.foundation.serializers import RowSerializer
from governance.access.authentication import api_key_of, workspace_of
from governance.models import ApiKey
from governance.vocabulary import Identifier, Whole
from ledger.contracts import JudgeVerdictEnvelope
from ledger.labelling.assigning import LONGEST_DAYS
from ledger.labelling.incoming import LabelEnvelope, record_labels
from ledger.labelling.judges import record_judge_verdicts
from ledger.labelling.outgoing import queue_of, shown, take_queue
from ledger.models import DecisionRecord, Judgement, JudgeVerdict

Scope = ApiKey.Scope

MOST_TAKEN = 1_000
"""Decisions that one request takes at most."""


class TakenLabels(BaseModel):
    """How much of the queue is taken, and for how long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_DAYS), Whole]
    limit: Annotated[int, Field(strict=True, ge=1, le=MOST_TAKEN), Whole] = 100
    policy_key: Identifier | None = None


class WaitingSerializer(serializers.Serializer[Any]):
    """A decision that waits for a label: ids, links and times."""

    decision_id = serializers.UUIDField()
    external_id = serializers.CharField()
    case_key = serializers.CharField()
    case_link = serializers.CharField(help_text="Where the host shows the case; blank where that is not set.")
    policy_key = serializers.CharField()
    task = serializers.CharField()
    action_type = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    model = serializers.CharField(allow_null=True, help_text="Null where the policy is labelled blind.")
    confidence = serializers.FloatField(allow_null=True, help_text="Likewise.")
    verdict = serializers.CharField(allow_null=True, help_text="Likewise.")


class TakenSerializer(serializers.Serializer[Any]):
    """What was taken, known cases among it, in no order."""

    taken = WaitingSerializer(many=True)


class LabelSerializer(RowSerializer[Judgement]):
    """An answer as it was recorded."""

    decision_id = serializers.UUIDField()
    reviewer = serializers.CharField(source="person_name")

    class Meta:
        model = Judgement
        fields = ["decision_id", "reviewer", "answer", "seconds", "at"]
        read_only_fields = fields


class WaitingFilter(filters.FilterSet):
    """Filter of what waits for labels."""

    policy_key = NameFilter()


class JudgeVerdictSerializer(RowSerializer[JudgeVerdict]):
    """What a judge said, and whether people are spared the decision."""

    decision_id = serializers.UUIDField()

    class Meta:
        model = JudgeVerdict
        fields = ["external_id", "decision_id", "success", "is_spared", "recorded_at"]
        read_only_fields = fields


@extend_schema_view(
    post=document_ingestion(
        "record_labels",
        LabelEnvelope,
        LabelSerializer,
        {"decision_external_id": "ticket-4711", "answer": "wrong", "reviewer": "ada@example.org", "seconds": 9},
        "Record labels",
        known_by="decision and reviewer",
    )
)
class Labels(APIView):
    """POST: what people answered elsewhere."""

    required_scopes = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        def show(judgement: Judgement) -> dict[str, Any]:
            return dict(LabelSerializer(judgement).data)

        return ingest(
            request,
            _LABEL,
            write=partial(record_labels, workspace=workspace_of(request), reporter=api_key_of(request).reporter),
            show=show,
            show_in_bulk=show,
        )


@extend_schema_view(
    get=extend_schema(
        operation_id="list_label_queue",
        summary="List what waits for labels",
        description=f"What nobody holds, and nobody was given. {LISTED}",
        responses={200: WaitingSerializer(many=True), **PROBLEMS_OF_READING},
    )
)
class LabelsQueue(ListAPIView[DecisionRecord]):
    """GET: what waits. POST: take the oldest of it, so that the workbench shows it to nobody for some days."""

    required_scopes = {"GET": Scope.READ, "POST": Scope.INGEST}
    pagination_class = RecordPagination
    filterset_class = WaitingFilter
    serializer_class = WaitingSerializer

    def get_queryset(self) -> QuerySet[DecisionRecord]:
        if getattr(self, "swagger_fake_view", False):
            return DecisionRecord.objects.none()
        return queue_of(workspace_of(self.request))

    def get_serializer(self, page: list[DecisionRecord], **options: Any) -> Any:
        return WaitingSerializer(shown(page, workspace_of(self.request)), **options)

    @extend_schema(
        operation_id="take_label_queue",
        summary="Take what waits for labels",
        description="Needs the scopes `ingest` and `read`. What has no answer after `days` is anybody's again.",
        request=TakenLabels,
        responses={200: TakenSerializer, **PROBLEMS_OF_WRITING},
    )
    def post(self, request: Request) -> Response:
        key = api_key_of(request)
        if Scope.READ not in key.scopes:
            raise PermissionRefused(f"The API key lacks the scope {Scope.READ.value!r}.")
        wanted = read_object(request._request, _TAKEN)
        rows = take_queue(
            workspace_of(request),
            days=wanted.days,
            limit=wanted.limit,
            policy_key=wanted.policy_key or "",
            given_by=key.reporter,
        )
        return Response(TakenSerializer({"taken": list(rows)}).data)


@extend_schema_view(
    post=document_ingestion(
        "judge",
        JudgeVerdictEnvelope,
        JudgeVerdictSerializer,
        {"external_id": "judge-1", "decision_external_id": "ticket-4712", "success": True},
        "Tell what a judge by machine says of drawn decisions",
    )
)
class JudgeVerdicts(APIView):
    """POST: what a judge says of decisions that were drawn for people, which labels nothing."""

    required_scopes = {"POST": Scope.INGEST}

    def post(self, request: Request) -> Response:
        return ingest(
            request,
            _JUDGE_VERDICT,
            write=partial(
                record_judge_verdicts, workspace=workspace_of(request), reporter=api_key_of(request).reporter
            ),
            show=lambda verdict: JudgeVerdictSerializer(verdict).data,
            show_in_bulk=lambda verdict: JudgeVerdictSerializer(verdict).data,
        )


_LABEL = TypeAdapter(LabelEnvelope)
_TAKEN = TypeAdapter(TakenLabels)
_JUDGE_VERDICT = TypeAdapter(JudgeVerdictEnvelope)
