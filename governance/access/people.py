"""Who calls the governance API: people, by their session or by a token of their own; never a machine's API key."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.access.authentication import ApiKeyThrottle
from governance.access.permissions import Person


class PersonTokenAuthentication(TokenAuthentication):
    """`Authorization: Token …`: hashed in the database, expiring."""

    def authenticate_credentials(self, token: bytes) -> Any:
        # Anything else would break the library's decoding or the database's text.
        if not token.isalnum():
            raise AuthenticationFailed("The token is not valid.")
        return super().authenticate_credentials(token)


class PersonThrottle(ApiKeyThrottle):
    """So many calls per person and window."""

    scope = "person"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return f"throttle:person:{request.user.pk}" if request.user else None


class PersonView(APIView):
    """Base of every view that people call."""

    authentication_classes = [PersonTokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [PersonThrottle]


def person_of(request: Request) -> Person:
    """Return who calls."""
    return cast(Person, request.user)


class PersonTokenScheme(KnoxTokenScheme):
    """How the OpenAPI document describes the tokens."""

    target_class = "governance.access.people.PersonTokenAuthentication"
    name = "personToken"
