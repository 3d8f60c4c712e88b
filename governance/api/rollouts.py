"""HTTP API for trying a proposal out: shadow, canary, withdraw. Applying the proposal promotes it."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, TypeAdapter
from rest_framework.request import Request
from rest_framework.response import Response

from confidence_project.foundation.errors import NotFound
from confidence_project.foundation.ingest import read_object
from confidence_project.foundation.openapi import PROBLEMS_OF_READING, PROBLEMS_OF_WRITING
from governance import selectors, workflow
from governance.access.people import PersonView, person_of
from governance.api.rollout_serializers import (
    BacktestSerializer,
    CanaryShare,
    NewRollout,
    RolloutSerializer,
    Withdrawal,
)
from governance.workflow.consequences import backtest_of

_NEW_ROLLOUT = TypeAdapter(NewRollout)
_CANARY_SHARE = TypeAdapter(CanaryShare)
_WITHDRAWAL = TypeAdapter(Withdrawal)


Write = Callable[..., Response]


def _document(operation_id: str, summary: str, body: type[BaseModel], status: int = 200) -> Callable[[Write], Write]:
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        request=body,
        responses={status: RolloutSerializer, **PROBLEMS_OF_WRITING},
    )


class ProposalBacktest(PersonView):
    """GET: what a proposal would have done to the decisions on record."""

    @extend_schema(
        operation_id="backtest_proposal",
        summary="Hold a proposal against recorded decisions",
        responses={200: BacktestSerializer, **PROBLEMS_OF_READING},
    )
    def get(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        proposal = selectors.get_proposal(actor=actor, workspace=workspace, proposal_id=proposal_id)
        return Response(BacktestSerializer(backtest_of(proposal)).data)


class ProposalRollout(PersonView):
    """GET: the rollout of a proposal. POST: start it, in shadow."""

    @extend_schema(
        operation_id="get_rollout",
        summary="Read the rollout of a proposal",
        description="The active one, or else the last.",
        responses={200: RolloutSerializer, **PROBLEMS_OF_READING},
    )
    def get(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        proposal = selectors.get_proposal(actor=actor, workspace=workspace, proposal_id=proposal_id)
        rollout = selectors.latest_rollout(proposal)
        if rollout is None:
            raise NotFound("The proposal was never tried out.")
        return Response(RolloutSerializer(rollout).data)

    @_document("start_rollout", "Set a proposal to shadow", NewRollout, 201)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _NEW_ROLLOUT)
        rollout = workflow.start_rollout(actor=actor, workspace=workspace, proposal_id=proposal_id, **body.model_dump())
        return Response(RolloutSerializer(rollout).data, status=201)


class Canary(PersonView):
    """POST: let the proposal decide for a share of the cases."""

    @_document("set_canary_share", "Set or raise the share of a canary", CanaryShare)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _CANARY_SHARE)
        rollout = workflow.set_canary_share(
            actor=actor,
            workspace=workspace,
            proposal_id=proposal_id,
            share=body.exact_share,
            reason=body.reason,
            acknowledge_uncertified=body.acknowledge_uncertified,
        )
        return Response(RolloutSerializer(rollout).data)


class Withdraw(PersonView):
    """POST: end the rollout; the policy in force rules over every case again."""

    @_document("withdraw_rollout", "Withdraw a rollout", Withdrawal)
    def post(self, request: Request, slug: str, proposal_id: int) -> Response:
        actor = person_of(request)
        workspace = selectors.get_workspace(actor=actor, slug=slug)
        body = read_object(request._request, _WITHDRAWAL)
        rollout = workflow.withdraw_rollout(
            actor=actor, workspace=workspace, proposal_id=proposal_id, **body.model_dump()
        )
        return Response(RolloutSerializer(rollout).data)
