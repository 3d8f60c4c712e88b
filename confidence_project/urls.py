"""Routes of the whole site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.cache import cache_page
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from confidence_project.foundation import problems
from governance.api import ofrep
from telemetry.otlp import api as otlp

handler400 = problems.handle_400
handler403 = problems.handle_403
handler404 = problems.handle_404
handler500 = problems.handle_500

api_v1: list[URLPattern | URLResolver] = [
    path("", include("telemetry.urls")),
    path("", include("ledger.urls")),
    path("", include("calibration.urls")),
    # Anybody may read the schema, and making it takes a while.
    path("schema", cache_page(60)(SpectacularAPIView.as_view()), name="schema"),
]

urlpatterns = [
    path("api/v1/", include(api_v1)),
    path("", include("governance.urls")),
    path("v1/", include("telemetry.otlp.urls")),
    path("", include("ledger.gateway.urls")),
    path("api/docs", SpectacularSwaggerSplitView.as_view(template_name="api_docs.html"), name="api-docs"),
    # What people type.
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("api/docs/", RedirectView.as_view(pattern_name="api-docs")),
    path("problems/<slug:code>", problems.problem_page, name="problem"),
    path("admin/", admin.site.urls),
    # Last of their trees. A base address that ends with a slash makes paths that begin with two.
    re_path("^/?api/", problems.unknown_endpoint),
    re_path("^/?ofrep/", ofrep.unknown_endpoint),
    re_path("^/?v1/", otlp.unknown_endpoint),
]
