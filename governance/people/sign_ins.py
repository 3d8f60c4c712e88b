"""What is on record of each sign-in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from confidence_project.foundation.request_id import current_request_id
from governance.access import openid
from governance.models import SignIn


def record_sign_in(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Append a sign-in: Django's signal calls it, whoever opened the session, once it is open."""
    SignIn.objects.create(
        actor_id=user.pk,
        actor_name=user.get_username(),
        method=SignIn.Method.OPENID if openid.opened(request) else SignIn.Method.PASSWORD,
        second_factor=getattr(user, "shown_at_provider", False) or getattr(user, "otp_device", None) is not None,
        as_superuser=user.is_superuser,
        request_id=current_request_id(),
        at=timezone.now(),
    )
