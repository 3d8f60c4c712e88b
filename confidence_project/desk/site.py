"""The admin site: Django's own, under our name, with a first page that says what is going on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from calibration.selectors import alarms_in_force
from confidence_project.desk import home, views
from confidence_project.desk.definitions import described_definitions
from confidence_project.desk.menu import menu_of
from confidence_project.desk.second_factor import SignInForm, enrolment_picture, has_to_enrol, second_factor_view
from governance.selectors import open_reviews


class DeskAdminSite(admin.AdminSite):
    """The decision desk."""

    site_title = "Enterprise Confidence System"
    site_header = "Enterprise Confidence System"
    index_title = "Decision desk"
    site_url = None
    login_form = SignInForm
    login_template = "desk/sign_in.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Every page says when a policy breaks its promise, and what was changed in an emergency."""
        banners = {"policy_alarms": alarms_in_force(request.user), "open_reviews": open_reviews(request.user)}
        return {**super().each_context(request), **banners}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in; who needs a second factor and has none sets it up before anything else."""
        if request.method == "GET" and has_to_enrol(request):
            return redirect("admin:second_factor")
        return super().login(request, extra_context)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Let a person set their second factor up."""
        return second_factor_view(request, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show each workspace: whether it runs, what waits, what is in force and how it does."""
        workspaces = home.workspaces_at_a_glance(request.user)
        return super().index(request, {"workspaces": workspaces, **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> HttpResponse:
        """Lead home: the menu goes by what people come to do, and no page is about an app."""
        return redirect("admin:index")

    def definitions(self, request: HttpRequest) -> TemplateResponse:
        """Show the registry: which policies there are, and within which bounds their values move."""
        context = {**self.each_context(request), "title": "Definitions", "definitions": described_definitions()}
        return TemplateResponse(request, "desk/definitions.html", context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        image = "<int:place>/<slug:chart>.<slug:theme>.svg"
        own = [
            path("second-factor/", self.second_factor, name="second_factor"),
            path("definitions/", self.admin_view(self.definitions), name="definitions"),
            path(
                "desk/run/<int:pk>/progress.json",
                self.admin_view(views.run_progress),
                name="desk_run_progress",
            ),
            path("second-factor/code.svg", enrolment_picture, name="second_factor_picture"),
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
        """Return the menu; for one app, what Django lists of it."""
        if app_label is not None:
            return super().get_app_list(request, app_label)
        if not hasattr(request, "desk_menu"):  # each asking is a query per model, and the first page asks twice
            of_system = request.user.is_superuser
            request.desk_menu = menu_of(super().get_app_list(request), of_system=of_system)  # type: ignore[attr-defined]
        return list(request.desk_menu)  # type: ignore[attr-defined]
