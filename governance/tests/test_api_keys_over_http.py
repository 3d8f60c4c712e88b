"""Who may call: API keys, their scopes, and how often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.tests.callers import Caller
from governance.tests.factories import ApiKeyFactory

pytestmark = pytest.mark.django_db

URL = "/api/v1/drafts"


def _get(**headers):
    return Client().get(URL, headers=headers)


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "Bearer  {} "])
def test_key__in_the_authorization_header__is_taken(header):
    assert _get(Authorization=header.format(ApiKeyFactory().plain)).status_code == 200


def test_key__in_x_api_key__is_taken():
    assert _get(**{"X-API-Key": ApiKeyFactory().plain}).status_code == 200


def test_key__revoked_expired_unknown_or_odd__same_401():
    sound = ApiKeyFactory().plain
    bad = [
        ApiKeyFactory(revoked=True).plain,
        ApiKeyFactory(expiry_date=timezone.now() - timedelta(seconds=1)).plain,
        sound[:-1] + ("a" if sound[-1] != "a" else "b"),
        "unknown1.secret",
        "",
        ".",
        "%",
        "a\x00b.secret",
        "schlüssel.secret",
        "x" * 10_000,
    ]
    replies = [_get(**{"X-API-Key": key}) for key in bad]
    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.content for reply in replies}) == 1
    assert replies[0]["Content-Type"] == "application/problem+json"
    assert replies[0]["WWW-Authenticate"].startswith("Bearer")


def test_key__missing__401_that_says_so():
    reply = _get()
    assert (reply.status_code, reply.json()["code"]) == (401, "not_authenticated")
    assert reply["WWW-Authenticate"].startswith("Bearer")
    assert _get(Authorization="Basic dXNlcjpwYXNz").status_code == 401


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_key__missing__no_method_answers_anything_else(method):
    assert getattr(Client(), method)(URL).status_code == 401


SCOPES = [
    ("get", "drafts", "read"), ("post", "drafts", "ingest"), ("post", "drafts/dispositions", "ingest"),
    ("get", "interactions", "read"), ("post", "interactions", "ingest"),
    ("get", "sentiments", "read"), ("post", "sentiments", "ingest"),
    ("get", "overseer-decisions", "read"), ("post", "overseer-decisions", "ingest"),
    ("post", "overseer-decisions/overrides", "ingest"),
    ("get", "bookings", "read"), ("post", "bookings", "ingest"), ("post", "bookings/outcomes", "ingest"),
    ("get", "decisions", "read"), ("post", "decisions", "decide"),
    ("get", "decisions/0190b5a5-0000-7000-8000-000000000000", "read"),
    ("get", "outcomes", "read"), ("post", "outcomes", "ingest"), ("get", "drafts/1", "read"),
]  # fmt: skip


@pytest.mark.parametrize("method, path, scope", SCOPES)
def test_scope__missing__403_that_names_it(method, path, scope):
    others = [other for other in ("ingest", "decide", "read") if other != scope]
    client = Caller(scopes=others).client
    reply = getattr(client, method)(f"/api/v1/{path}")
    assert reply.status_code == 403
    assert reply["Content-Type"] == "application/problem+json"
    assert f"'{scope}'" in reply.json()["detail"]


@pytest.mark.parametrize("method, path, scope", SCOPES)
def test_scope__alone__is_enough(method, path, scope):
    reply = getattr(Caller(scopes=[scope]).client, method)(f"/api/v1/{path}")
    assert reply.status_code in {200, 400, 404, 415}


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_method__not_offered__405_with_the_methods_that_are(method):
    reply = getattr(Caller().client, method)(URL)
    assert reply.status_code == 405
    assert reply["Content-Type"] == "application/problem+json"
    assert "POST" in reply["Allow"]


def test_authentication__costs_one_query_on_the_unique_prefix():
    caller = Caller()
    with CaptureQueriesContext(connection) as queries:
        caller.get("drafts/1")
    about_keys = [query["sql"] for query in queries if "apikey" in query["sql"]]
    assert len(about_keys) == 1
    assert "JOIN" in about_keys[0]


@pytest.fixture
def _two_calls_a_day(settings):
    cache.clear()
    rates = {"DEFAULT_THROTTLE_RATES": {"api_key": "2/day"}}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, **rates}
    yield
    cache.clear()


@pytest.mark.usefixtures("_two_calls_a_day")
def test_throttle__more_calls_than_the_rate__429_with_retry_after():
    caller, other = Caller(), Caller()
    assert [caller.get("drafts").status_code for _ in range(4)] == [200, 200, 429, 429]
    reply = caller.get("drafts")
    assert reply["Content-Type"] == "application/problem+json"
    assert 1 <= int(reply["Retry-After"]) <= 24 * 60 * 60
    assert other.get("drafts").status_code == 200


def test_defaults__every_view_has_authentication_scope_and_throttle():
    defaults = settings.REST_FRAMEWORK
    assert defaults["DEFAULT_AUTHENTICATION_CLASSES"] == ["governance.access.authentication.ApiKeyAuthentication"]
    assert defaults["DEFAULT_PERMISSION_CLASSES"] == ["governance.access.authentication.HasScope"]
    assert defaults["DEFAULT_THROTTLE_CLASSES"] == ["governance.access.authentication.ApiKeyThrottle"]
