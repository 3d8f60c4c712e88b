"""The admin site: Django's own, under our name, with a first page that says what is going on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from confidence_project.desk import home, views

SECTIONS = ["governance", "calibration", "ledger", "telemetry", "knox", "auth", "axes"]
"""The menu follows the reader: what is decided, on which grounds, on what records, by whom."""


class DeskAdminSite(admin.AdminSite):
    """The decision desk."""

    site_title = "Enterprise Confidence System"
    site_header = "Enterprise Confidence System"
    index_title = "Decision desk"
    site_url = None

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show each workspace: whether it runs, what waits, what is in force and how it does."""
        workspaces = home.workspaces_at_a_glance(request.user)
        return super().index(request, {"workspaces": workspaces, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern | URLResolver]:
        image = "<int:place>/<slug:chart>.<slug:theme>.svg"
        own = [
            path(
                f"desk/proposal/<int:pk>/{image}",
                self.admin_view(views.proposal_picture, cacheable=True),
                name="desk_proposal_picture",
            ),
            path(
                f"desk/run/<int:pk>/<str:policy_key>/{image}",
                self.admin_view(views.run_picture, cacheable=True),
                name="desk_run_picture",
            ),
        ]
        return own + super().get_urls()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the menu in the order of `SECTIONS`; what is not named there comes last."""
        places = {label: place for place, label in enumerate(SECTIONS)}
        sections = super().get_app_list(request, app_label)
        return sorted(sections, key=lambda section: places.get(section["app_label"], len(places)))
