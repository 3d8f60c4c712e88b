"""Signing in with a second factor, and the page on which a person sets their own up."""

from __future__ import annotations

import io
from base64 import b32encode
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django_otp import login as remember_device

from confidence_project.foundation.errors import DomainError
from governance.access import openid, second_factor

CODE_LENGTH = 20


def _code_field(**options: Any) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"})
    return forms.CharField(max_length=CODE_LENGTH, widget=widget, **options)


class SignInForm(AdminAuthenticationForm):
    """Name and password, and the code of who has a second factor."""

    code = _code_field(label="Code", required=False, help_text="If you have set up a second factor.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        person = self.get_user()
        if person is not None and second_factor.has_second_factor(person):
            # Django keeps the device in the session that it opens for this account.
            person.otp_device = self._device_of(person)  # type: ignore[attr-defined]
        return cleaned

    def _device_of(self, person: AbstractBaseUser) -> Any:
        if not self.cleaned_data.get("code"):
            raise ValidationError("Enter the code of your authenticator as well, or a recovery code.")
        try:
            return second_factor.verify_code(person=person, code=self.cleaned_data["code"])
        except DomainError as error:
            raise ValidationError(error.detail) from error


class CodeForm(forms.Form):
    """A code, to show that it is you."""

    code = _code_field()


def has_to_go_on(request: HttpRequest) -> bool:
    """True for somebody who is half signed in: a second factor has to be set up, or shown here after the provider."""
    person = _who(request)
    return person is not None and not request.user.is_authenticated


@never_cache
def second_factor_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Set the second factor up; with one, renew the recovery codes or remove it. `context` is the admin site's."""
    person = _who(request)
    if person is None:
        return redirect_to_login(request.path, reverse("admin:login"))
    if second_factor.has_second_factor(person):
        return (_manage if request.user.is_authenticated else _ask)(request, person, context)
    return _enrol(request, person, context)


@never_cache
def enrolment_picture(request: HttpRequest) -> HttpResponse:
    """Draw the secret that waits to be confirmed as a QR code, in an image of its own."""
    person = _who(request)
    device = second_factor.enrolment_of(person) if person else None
    if device is None:
        raise Http404
    picture = io.BytesIO()
    segno.make(device.config_url, micro=False).save(picture, kind="svg", scale=5, border=4, light="#fff")
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml")


def _who(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is signed in, or who may only set up or show the second factor that they must have."""
    if request.user.is_authenticated:
        return request.user if request.user.is_staff else None
    person = getattr(request, "password_only", None)
    if person is None or not person.is_staff:
        return None
    # With a password goes the code, in one form; the provider's sign-in has no such form.
    return person if openid.opened(request) or not second_factor.has_second_factor(person) else None


def _ask(request: HttpRequest, person: AbstractBaseUser, context: dict[str, Any]) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            device = second_factor.verify_code(person=person, code=form.cleaned_data["code"])
        except DomainError as error:
            form.add_error("code", error.detail)
        else:
            _remember(request, person, device)
            return redirect("admin:index")
    return _page(request, "desk/second_factor_ask.html", "Your second factor", context | {"form": form})


def _remember(request: HttpRequest, person: AbstractBaseUser, device: Any) -> None:
    # This session has shown both factors; as at every sign-in, it goes on under another key.
    request.session.cycle_key()
    request.user = person  # type: ignore[assignment]
    remember_device(request, device)


def _enrol(request: HttpRequest, person: AbstractBaseUser, context: dict[str, Any]) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            device, codes = second_factor.confirm_enrolment(person=person, code=form.cleaned_data["code"])
        except DomainError as error:
            form.add_error("code", error.detail)
        else:
            _remember(request, person, device)
            return _show_codes(request, context, codes)
    device = second_factor.enrolment_of(person) if form.is_bound else None
    device = device or second_factor.begin_enrolment(person=person)
    secret = b32encode(device.bin_key).decode()
    groups = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    found = {"form": form, "secret": groups, "config_url": device.config_url}
    found["is_demanded"] = settings.CONFIDENCE_REQUIRE_SECOND_FACTOR and person.is_superuser  # type: ignore[attr-defined]
    return _page(request, "desk/second_factor_enrol.html", "Set up a second factor", context | found)


def _manage(request: HttpRequest, person: AbstractBaseUser, context: dict[str, Any]) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if form.is_valid():
        code = form.cleaned_data["code"]
        try:
            if "renew" in request.POST:
                return _show_codes(request, context, second_factor.renew_recovery_codes(person=person, code=code))
            if "remove" in request.POST:
                second_factor.switch_off(person=person, code=code)
                return redirect("admin:second_factor")
        except DomainError as error:
            form.add_error("code", error.detail)
    return _page(request, "desk/second_factor.html", "Second factor", context | {"form": form})


def _show_codes(request: HttpRequest, context: dict[str, Any], codes: list[str]) -> HttpResponse:
    # No redirect: this reply is the only one that ever holds the codes.
    return _page(request, "desk/recovery_codes.html", "Recovery codes, shown once", context | {"codes": codes})


def _page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**context, "title": title})
