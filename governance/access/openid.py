"""Who somebody is at the company's provider: OpenID Connect, authorization code with PKCE, state and nonce.

The provider is asked for its metadata at each step and nothing of it is kept, so that it may move its keys and
endpoints as it likes. No token outlives the step: what is kept of a sign-in is who it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.django_client import DjangoIntegration, DjangoOAuth2App
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest, HttpResponse
from joserfc.errors import JoseError
from requests import RequestException

from confidence_project.foundation.errors import PermissionRefused, Unavailable
from governance.access.second_factor import SHOWN_AT_PROVIDER
from governance.models.identities import LONGEST_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

log = logging.getLogger(__name__)

SIGN_OUT_URL = "openid_sign_out_url"
BACKEND = "governance.access.openid.OpenIdBackend"
TIMEOUT_SECONDS = 10
CLOCK_SKEW_SECONDS = 60
LONGEST_SUBJECT = 255
LONGEST_TEXT = 150

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures that only the provider can make; with HS256 whoever has the client's secret could."""

DENIED = "The sign-in was cancelled, or your company's provider refused it. Nothing was changed."
OTHER_BROWSER = "This sign-in was begun in another browser, or is over already. Begin again."
NOT_VALID = "What your company's provider sent could not be verified, so nobody was signed in. Tell the operator."
NO_PROVIDER = "Your company's provider does not answer as it should. Try again in a minute, or tell the operator."


@dataclass(frozen=True, slots=True)
class Identity:
    """What the provider said of somebody, verified.

    `second_factor` is true when it said that more than a password was asked for; `groups` are those that could be
    stored, letter by letter.
    """

    issuer: str
    subject: str
    name: str
    first_name: str
    last_name: str
    email: str
    groups: frozenset[str]
    second_factor: bool


class OpenIdBackend(ModelBackend):
    """Keeps the sessions that the provider opened, for as long as the settings name one; takes no password."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        return None


def is_on() -> bool:
    """True when the settings name a provider."""
    return bool(settings.CONFIDENCE_OIDC_ISSUER)


def begin(request: HttpRequest, redirect_uri: str) -> HttpResponse:
    """Send the browser to the provider; it comes back to `redirect_uri`. Raise `Unavailable` without an answer."""
    with _plain_errors():
        return cast(HttpResponse, _client().authorize_redirect(request, redirect_uri))


def opened(request: HttpRequest) -> bool:
    """True when the provider opened the session of this request."""
    return bool(request.session.get(BACKEND_SESSION_KEY) == BACKEND)


def remember(request: HttpRequest, identity: Identity, sign_out_url: str) -> None:
    """Keep in the session that was just opened what the provider said of it."""
    request.session[SHOWN_AT_PROVIDER] = identity.second_factor
    request.session[SIGN_OUT_URL] = sign_out_url


def sign_out_url(request: HttpRequest) -> str:
    """Return where the person of this session signs out of the provider, too; "" when they came in another way."""
    return str(request.session.get(SIGN_OUT_URL, ""))


def finish(request: HttpRequest) -> tuple[Identity, str]:
    """Return who came back from the provider, and where they sign out of it (or "").

    Raises
    ------
    PermissionRefused
        The provider said no, the browser is not the one that began, or what was sent cannot be verified.
    Unavailable
        The provider does not answer.
    """
    if "error" in request.GET:
        raise PermissionRefused(DENIED)
    with _plain_errors():
        client = _client()
        metadata = client.server_metadata
        token = client.authorize_access_token(
            request,
            leeway=CLOCK_SKEW_SECONDS,
            claims_options={
                "iss": {"essential": True, "value": settings.CONFIDENCE_OIDC_ISSUER},
                "aud": {"essential": True, "value": settings.CONFIDENCE_OIDC_CLIENT_ID},
            },
        )
        claims = dict(token.get("userinfo") or {})
        if claims and settings.CONFIDENCE_OIDC_GROUPS_CLAIM not in claims and "userinfo_endpoint" in metadata:
            more = client.userinfo(token=token)
            claims = {**more, **claims} if more.get("sub") == claims.get("sub") else {}
    return _identity(claims), str(metadata.get("end_session_endpoint") or "")


def _client() -> DjangoOAuth2App:
    """Return a client of the provider, with the provider's metadata as of now."""
    issuer = settings.CONFIDENCE_OIDC_ISSUER
    client = DjangoOAuth2App(
        DjangoIntegration("company"),
        "company",
        client_id=settings.CONFIDENCE_OIDC_CLIENT_ID,
        client_secret=settings.CONFIDENCE_OIDC_CLIENT_SECRET or None,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": " ".join(settings.CONFIDENCE_OIDC_SCOPES),
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != issuer:
        log.error("the provider's metadata name another issuer than CONFIDENCE_OIDC_ISSUER")
        raise Unavailable(NO_PROVIDER)
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in ALGORITHMS]
    methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if settings.CONFIDENCE_OIDC_CLIENT_SECRET and "client_secret_basic" not in methods:
        client.client_kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105 - the method's name
    return client


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say what went wrong in words of ours; the log has the kind, as the library's messages quote what was sent."""
    try:
        yield
    except MismatchingStateError as error:
        raise PermissionRefused(OTHER_BROWSER) from error
    except (RequestException, RuntimeError) as error:
        log.warning("sign-in by OpenID: no usable answer of the provider (%s)", type(error).__name__)
        raise Unavailable(NO_PROVIDER) from error
    except (AuthlibBaseError, JoseError, ValueError, TypeError, KeyError) as error:
        # The last three: a reply of a shape that the library did not expect.
        log.warning("sign-in by OpenID refused (%s)", type(error).__name__)
        raise PermissionRefused(NOT_VALID) from error


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject = claims.get("sub")
    if not _is_storable(subject, LONGEST_SUBJECT):
        raise PermissionRefused(NOT_VALID)
    methods = {*_words(claims.get("acr")), *_words(claims.get("amr"))}
    return Identity(
        issuer=settings.CONFIDENCE_OIDC_ISSUER,
        subject=subject,
        name=_text(claims, "preferred_username") or _text(claims, "email") or subject,
        first_name=_text(claims, "given_name") or _text(claims, "name"),
        last_name=_text(claims, "family_name"),
        email=_text(claims, "email") if claims.get("email_verified") is not False else "",
        groups=frozenset(_words(claims.get(settings.CONFIDENCE_OIDC_GROUPS_CLAIM))),
        second_factor=not methods.isdisjoint(settings.CONFIDENCE_OIDC_SECOND_FACTOR),
    )


def _words(claim: object) -> Iterable[str]:
    """Return what a claim lists; providers send one value as a list or by itself. Anything else is none."""
    listed = claim if isinstance(claim, list) else [claim]
    return [each for each in listed if _is_storable(each, LONGEST_GROUP)]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if _is_storable(value, LONGEST_TEXT) else ""


def _is_storable(value: object, longest: int) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
