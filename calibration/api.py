"""HTTP API of calibration: certified thresholds, for software that decides by itself."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from calibration.certified import ThresholdsFile, as_json, certified_thresholds
from confidence_project.foundation.openapi import PROBLEMS_OF_READING
from governance.access.authentication import workspace_of
from governance.models import ApiKey


class Thresholds(APIView):
    """GET: the certified thresholds in force, as `thresholds.json`."""

    required_scopes = {"GET": ApiKey.Scope.READ}

    @extend_schema(
        operation_id="list_certified_thresholds",
        summary="List certified thresholds in force",
        description=(
            "By policy and segment, each with its promise and the revision behind it. What a person set without a "
            "certificate is not among them, nor what an alarm has found broken. Kill switches and blocked sources do "
            "not show here: ask the gate, or OFREP, whether anything may be allowed now."
        ),
        responses={200: ThresholdsFile, **PROBLEMS_OF_READING},
    )
    def get(self, request: Request) -> Response:
        return Response(as_json(certified_thresholds(workspace_of(request))))
