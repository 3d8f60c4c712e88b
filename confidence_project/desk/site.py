"""The admin site: Django's own, under our name, with a first page that says what is going on."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from calibration.selectors import alarms_in_force, changed_answers
from confidence_project.desk import home, openid, views
from confidence_project.desk.audit import audit_filters_view, audit_view
from confidence_project.desk.definitions import described_definitions
from confidence_project.desk.invitations import invitation_view
from confidence_project.desk.label_plan import label_plan_view
from confidence_project.desk.menu import menu_of
from confidence_project.desk.notices import notices_view
from confidence_project.desk.person import settings_view, workspace_view
from confidence_project.desk.proofs import revision_proofs
from confidence_project.desk.reviewers import reviewers_view
from confidence_project.desk.second_factor import SignInForm, enrolment_picture, has_to_go_on, second_factor_view
from governance.access.lockouts import remember_browser
from governance.access.openid import sign_out_url
from governance.access.permissions import Verb
from governance.access.preferences import preferences_of
from governance.admin_kit.scope import chosen_workspace, holds_somewhere, workspace_in_scope, workspaces_in_reach
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
        """Every page says of which workspace it is, when a policy breaks its promise, and what an emergency changed."""
        banners = {
            "policy_alarms": alarms_in_force(request.user),
            "changed_answers": changed_answers(request.user),
            "open_reviews": open_reviews(request.user),
        }
        seen = {
            "workspaces_in_reach": workspaces_in_reach(request),
            "chosen_workspace": chosen_workspace(request),
            "workspace_in_scope": workspace_in_scope(request),
            "single_keys": preferences_of(request.user).single_keys,
        }
        return {**super().each_context(request), **banners, **seen}

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in; who needs a second factor sets it up, or shows it, before anything else."""
        if request.method == "GET" and has_to_go_on(request):
            return redirect("admin:second_factor")
        ways_in = {"company": openid.company(), "local_sign_in": settings.CONFIDENCE_LOCAL_SIGN_IN}
        response = super().login(request, {**ways_in, **(extra_context or {})})
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            remember_browser(response, request.user)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out; who came by the company's provider is told that the session there goes on."""
        there = {"company": openid.company(), "sign_out_url": sign_out_url(request)}
        response = super().logout(request, {**there, **(extra_context or {})})
        # To itself Django sends who asked for an unsafe address, and this page answers no GET.
        return redirect("admin:index") if response.get("Location") == request.path else response

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Let a person set their second factor up."""
        return second_factor_view(request, self.each_context(request))

    def notices(self, request: HttpRequest) -> HttpResponse:
        """Let a person say what they are told by e-mail."""
        return notices_view(request, self.each_context(request))

    def settings(self, request: HttpRequest) -> HttpResponse:
        """Let a person say how they see the desk."""
        return settings_view(request, self.each_context(request))

    def audit(self, request: HttpRequest) -> HttpResponseBase:
        """Show what anybody did in a workspace."""
        return audit_view(request, self.each_context(request))

    def reviewers(self, request: HttpRequest) -> HttpResponseBase:
        """Show how reviewers agree and err."""
        return reviewers_view(request, self.each_context(request))

    def label_plan(self, request: HttpRequest) -> HttpResponse:
        """Plan labels."""
        return label_plan_view(request, self.each_context(request))

    def revision_proofs(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send the proofs of a revision."""
        return revision_proofs(request, pk, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show each workspace, or the chosen one: whether it runs, what waits, what is in force and how it does."""
        chosen = chosen_workspace(request)
        workspaces = home.workspaces_at_a_glance(request.user, [chosen] if chosen else workspaces_in_reach(request))
        return super().index(request, {"workspaces": workspaces, **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
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
            path("invitation/<str:token>/", invitation_view, name="invitation"),
            path("sign-in/company/", openid.begin_view, name="openid"),
            path("sign-in/company/callback/", openid.callback_view, name="openid_callback"),
            path("notices/", self.admin_view(self.notices), name="notices"),
            path("settings/", self.admin_view(self.settings), name="settings"),
            path("workspace/", self.admin_view(workspace_view), name="choose_workspace"),
            path("audit/", self.admin_view(self.audit), name="audit"),
            path("reviewers/", self.admin_view(self.reviewers), name="reviewers"),
            path("label-plan/", self.admin_view(self.label_plan), name="label_plan"),
            path("audit/filters/", self.admin_view(audit_filters_view), name="audit_filters"),
            path("definitions/", self.admin_view(self.definitions), name="definitions"),
            path(
                "desk/run/<int:pk>/progress.json",
                self.admin_view(views.run_progress),
                name="desk_run_progress",
            ),
            path(
                "desk/revision/<int:pk>/proofs.zip",
                self.admin_view(self.revision_proofs),
                name="desk_revision_proofs",
            ),
            path("desk/<slug:slug>/thresholds.json", self.admin_view(views.certified), name="desk_thresholds"),
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
            request.desk_menu = menu_of(  # type: ignore[attr-defined]
                super().get_app_list(request),
                of_system=request.user.is_superuser,
                of_reviewers=holds_somewhere(request, Verb.LABEL),
                of_planners=holds_somewhere(request, Verb.PROPOSE),
            )
        return list(request.desk_menu)  # type: ignore[attr-defined]
