"""The page behind the link of an invitation: accept it as who is signed in, with a new account, or the company's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache

from confidence_project.desk import openid
from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.problems import status_of
from governance.people import invitations

LOCAL = "django.contrib.auth.backends.ModelBackend"


class NewAccountForm(UserCreationForm):  # type: ignore[type-arg]
    """A name and a password of this site."""


@never_cache
def invitation_view(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; on POST accept it."""
    try:
        invitation = invitations.open_invitation(token)
        form = NewAccountForm(request.POST if "password1" in request.POST else None)
        if not form.is_bound:
            form.initial = {"username": invitation.email}
        if request.method == "POST" and request.user.is_authenticated:
            invitations.accept(token=token, account=request.user)
            return redirect("admin:index")
        if form.is_valid():
            account = invitations.accept_with_new_account(token=token, account=form.save(commit=False))
            login(request, account, backend=LOCAL)
            return redirect("admin:index")
    except DomainError as error:
        return _page(request, {"reason": error.detail}, status_of(type(error)))
    request.session[openid.INVITATION_SEEN] = token
    context = {"invitation": invitation, "form": form, "company": openid.company()}
    return _page(request, {**context, "local_sign_in": settings.CONFIDENCE_LOCAL_SIGN_IN})


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    return TemplateResponse(request, "desk/invitation.html", context, status=status)
