"""Unknown paths of the API: 404 in the form of errors of their tree, whatever the method and whoever asks."""

from __future__ import annotations

import json

import pytest
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from google.rpc.status_pb2 import Status

from governance.tests.callers import Caller
from ledger.models import DecisionRecord
from ledger.tests.bodies import envelope

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def ask(path, method="POST", content_type="application/json", **headers):
    return Client(enforce_csrf_checks=True).generic(method, path, b"{}", content_type, headers=headers)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/api/v1/decision", "/api/v1/decisions/", "/api/v1/interactions/7/"])
def test_api__any_method_without_a_key__404_problem(settings, debug, path, method):
    settings.DEBUG = debug
    reply = ask(path, method)
    assert (reply.status_code, reply["Content-Type"]) == (404, "application/problem+json")
    assert reply.json()["code"] == "not_found"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/ofrep/v9", "/ofrep/v1/evaluate/flags/"])
def test_ofrep__any_method__404_in_the_words_of_the_protocol(path, method):
    reply = ask(path, method, Authorization="Bearer prefix12.wrong")
    assert (reply.status_code, reply["Content-Type"]) == (404, "application/json")
    assert set(reply.json()) == {"errorCode", "errorDetails"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/v1/metric", "/v1/trace", "/v1/traces/"])
def test_otlp__any_method__404_status_in_the_type_of_the_request(path, method):
    in_json = ask(path, method)
    assert (in_json.status_code, in_json["Content-Type"], in_json.json()["code"]) == (404, "application/json", 5)
    packed = ask(path, method, "application/x-protobuf")
    assert (packed.status_code, packed["Content-Type"]) == (404, "application/x-protobuf")
    assert Status.FromString(packed.content).code == 5


@pytest.mark.parametrize("path, detail", [
    ("/api/v1/decisions", "detail"), ("/ofrep/v1/evaluate/flags", "errorDetails"), ("/v1/traces", "message"),
])  # fmt: skip
def test_trailing_slash__the_path_without_it_is_named(path, detail):
    assert f" {path} " in ask(f"{path}/").json()[detail]
    assert f" {path} " not in ask(f"{path}-planted/").json()[detail]


def test_path__what_was_put_in_it_is_not_repeated():
    assert b"planted" not in ask("/api/v1/planted/").content
    assert b"1234567" not in ask("/api/v1/interactions/1234567/").content


def test_two_slashes_at_the_beginning__404_of_ofrep():
    # The test client would take the first name for a host, and the servers of tests drop a slash.
    environ = RequestFactory().post("/").environ | {"PATH_INFO": "//ofrep/v1/evaluate/flags"}
    reply = ClientHandler()(environ)
    assert reply.status_code == 404
    assert " /ofrep/v1/evaluate/flags " in json.loads(reply.content)["errorDetails"]


@pytest.mark.django_db
def test_trailing_slash__with_a_sound_body_and_key__keeps_nothing():
    assert Caller().post("decisions/", envelope()).status_code == 404
    assert not DecisionRecord.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/nothing/", "/nothing"])
def test_pages__stay_pages(path):
    assert Client().get(path, follow=True)["Content-Type"].startswith("text/html")
