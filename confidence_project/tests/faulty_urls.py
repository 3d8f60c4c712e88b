"""The routes of the site, and some that go wrong."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.views import APIView

from confidence_project import urls
from confidence_project.urls import handler400, handler403, handler404, handler500

ERRORS = {
    "bug": RuntimeError("planted-text"),
    "suspicious": SuspiciousOperation("planted-text"),
    "forbidden": PermissionDenied("planted-text"),
    "gone": Http404("planted-text"),
}


def _raise(request, kind):
    raise ERRORS[kind]


class Raises(APIView):
    permission_classes = []

    def get(self, request: Request, kind: str) -> None:
        raise ERRORS[kind]


urlpatterns = [
    path("api/plain/<kind>", _raise),
    path("api/rest/<kind>", Raises.as_view()),
    path("page/<kind>", _raise),
    path("inline-docs", SpectacularSwaggerSplitView.as_view()),
    *urls.urlpatterns,
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
