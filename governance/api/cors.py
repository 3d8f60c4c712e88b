"""Evaluation of flags by browsers of other origins (CORS): those that `CONFIDENCE_OFREP_ORIGINS` lists."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

PREFIX = "/ofrep/"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, x-api-key, content-type, if-none-match",
    "Access-Control-Max-Age": "600",
}


class OfrepOriginMiddleware:
    """Answers preflights before a key is asked for, and lets listed origins read replies, errors included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        origins: list[str] = settings.CONFIDENCE_OFREP_ORIGINS
        if not origins or not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        origin = request.headers.get("Origin")
        listed = origin in origins
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        if listed and preflight:
            response: HttpResponseBase = HttpResponse(status=204, headers=PREFLIGHT)
        else:
            response = self.get_response(request)
        patch_vary_headers(response, ["Origin"])
        if origin and listed:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        return response
