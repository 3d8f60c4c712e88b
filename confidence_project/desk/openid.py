"""Signing in with the company's identity: to the provider and back, and in words why not."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.problems import status_of
from governance.access import openid
from governance.people.admission import admit

NEXT = "openid_next"
INVITATION_SEEN = "invitation_seen"
INVITATION = "openid_invitation"


def company() -> str:
    """Return what the button calls the provider; "" when there is none."""
    return settings.CONFIDENCE_OIDC_NAME if openid.is_on() else ""


@never_cache
@require_safe
def begin_view(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider, and keep where it wanted to go."""
    if not openid.is_on():
        raise Http404
    request.session[NEXT] = request.GET.get("next", "")
    # Only from the page of the invitation: who once looked at one and signs in later has not accepted it.
    request.session[INVITATION] = request.session.get(INVITATION_SEEN, "") if "invited" in request.GET else ""
    try:
        return openid.begin(request, request.build_absolute_uri(reverse("admin:openid_callback")))
    except DomainError as error:
        return _refused(request, error)


@never_cache
@require_safe
def callback_view(request: HttpRequest) -> HttpResponse:
    """Open a session for whoever comes back from the provider and has business here."""
    if not openid.is_on():
        raise Http404
    wanted, invitation = request.session.pop(NEXT, ""), request.session.pop(INVITATION, "")
    try:
        identity, sign_out_url = openid.finish(request)
        account = admit(identity, invitation)
    except DomainError as error:
        return _refused(request, error)
    login(request, account, backend=openid.BACKEND)
    openid.remember(request, identity, sign_out_url)
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return redirect(wanted if is_ours else "admin:index")


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    status: HTTPStatus = status_of(type(error))
    context = {"reason": error.detail, "company": company(), "local_sign_in": settings.CONFIDENCE_LOCAL_SIGN_IN}
    return render(request, "desk/sign_in_refused.html", context, status=status)
