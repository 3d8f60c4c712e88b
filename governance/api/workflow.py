"""HTTP API of the workflow, for people: propose, approve, reject, apply, roll back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, TypeAdapter
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from confidence_project.foundation.ingest import read_object
from confidence_project.foundation.openapi import LISTED, PROBLEMS_OF_READING, PROBLEMS_OF_WRITING
from confidence_project.foundation.pagination import RecordPagination
from governance import selectors, workflow
from governance.access.people import PersonView, person_of
from governance.api.serializers import (
    Application,
    Approval,
    NewProposal,
    ProposalFilter,
    ProposalSerializer,
    Rejection,
    RevisionFilter,
    RevisionSerializer,
    Rollback,
)
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision

_NEW_PROPOSAL = TypeAdapter(NewProposal)
_APPROVAL = TypeAdapter(Approval)
_REJECTION = TypeAdapter(Rejection)
_APPLICATION = TypeAdapter(Application)
_ROLLBACK = TypeAdapter(Rollback)


Write = Callable[..., Response]


def _document(
    operation_id: str, summary: str, body: type[BaseModel], reply: Any, status: int = 200
) -> Callable[[Write], Write]:
    return extend_schema(
        operation_id=operation_id, summary=summary, request=body, responses={status: reply, **PROBLEMS_OF_WRITING}
    )


class Proposals(PersonView, ListAPIView[ConfidencePolicyProposal]):
    """GET: the proposals of a workspace. POST: propose a change."""

    pagination_class = RecordPagination
    filterset_class = ProposalFilter
    serializer_class = ProposalSerializer
    queryset = ConfidencePolicyProposal.objects.none()

    def get_queryset(self) -> QuerySet[ConfidencePolicyProposal]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        actor = person_of(self.request)
        workspace = selectors.get_workspace(actor=actor, slug=self.kwargs["slug"])
        proposals = selectors.list_confidence_policy_proposals(actor=actor, workspace=workspace)
        return proposals.select_related("workspace")

    @extend_schema(
        operation_id="list_confidence_policy_proposals",
        summary="List proposals",
        description=LISTED,
        responses={200: ProposalSerializer(many=True), **PROBLEMS_OF_READING},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @_document("propose_confidence_policy", "Propose a change", NewProposal, ProposalSerializer, 201)
    def post(self, request: Request, slug: str) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _NEW_PROPOSAL)
        proposal = workflow.propose_confidence_policy(actor=actor, workspace=workspace, **body.model_dump())
        return Response(ProposalSerializer(proposal).data, status=201)


class Proposal(PersonView, RetrieveAPIView[ConfidencePolicyProposal]):
    """GET: one proposal."""

    serializer_class = ProposalSerializer
    queryset = ConfidencePolicyProposal.objects.none()

    def get_object(self) -> ConfidencePolicyProposal:
        actor = person_of(self.request)
        workspace = selectors.get_workspace(actor=actor, slug=self.kwargs["slug"])
        return selectors.get_proposal(actor=actor, workspace=workspace, proposal_id=self.kwargs["proposal_id"])

    @extend_schema(
        operation_id="get_confidence_policy_proposal",
        summary="Read a proposal",
        responses={200: ProposalSerializer, **PROBLEMS_OF_READING},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class Approve(PersonView):
    """POST: approve."""

    @_document("approve_confidence_policy_proposal", "Approve a proposal", Approval, ProposalSerializer)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _APPROVAL)
        proposal = workflow.approve_confidence_policy_proposal(
            actor=actor, workspace=workspace, proposal_id=proposal_id, **body.model_dump()
        )
        return Response(ProposalSerializer(proposal).data)


class Reject(PersonView):
    """POST: reject."""

    @_document("reject_confidence_policy_proposal", "Reject a proposal", Rejection, ProposalSerializer)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _REJECTION)
        proposal = workflow.reject_confidence_policy_proposal(
            actor=actor, workspace=workspace, proposal_id=proposal_id, reason=body.reason
        )
        return Response(ProposalSerializer(proposal).data)


class Apply(PersonView):
    """POST: apply."""

    @_document("apply_confidence_policy_proposal", "Apply a proposal", Application, RevisionSerializer)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _APPLICATION)
        revision = workflow.apply_confidence_policy_proposal(
            actor=actor, workspace=workspace, proposal_id=proposal_id, **body.model_dump()
        )
        return Response(RevisionSerializer(revision).data)


class Revisions(PersonView, ListAPIView[ConfidencePolicyRevision]):
    """GET: the history of the policies of a workspace."""

    pagination_class = RecordPagination
    filterset_class = RevisionFilter
    serializer_class = RevisionSerializer
    queryset = ConfidencePolicyRevision.objects.none()

    def get_queryset(self) -> QuerySet[ConfidencePolicyRevision]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        actor = person_of(self.request)
        workspace = selectors.get_workspace(actor=actor, slug=self.kwargs["slug"])
        revisions = selectors.list_confidence_policy_revisions(actor=actor, workspace=workspace)
        return revisions.select_related("workspace", "proposal")

    @extend_schema(
        operation_id="list_confidence_policy_revisions",
        summary="List revisions",
        description=LISTED,
        responses={200: RevisionSerializer(many=True), **PROBLEMS_OF_READING},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class RollBack(PersonView):
    """POST: bring back what a revision put in force."""

    @_document("rollback_confidence_policy_revision", "Roll back to a revision", Rollback, RevisionSerializer)
    def post(self, request: Request, slug: str, revision_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _ROLLBACK)
        revision = workflow.rollback_confidence_policy_revision(
            actor=actor, workspace=workspace, revision_id=revision_id, **body.model_dump()
        )
        return Response(RevisionSerializer(revision).data)
