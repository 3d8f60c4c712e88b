"""OFREP for browsers of other origins: those of the setting, and no other path than its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings as project
from django.test import Client

from governance.tests.factories import WorkspaceFactory
from governance.tests.ofrep_requests import FLAGS, Evaluator

SHOP = "https://shop.example"
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def _shop(settings):
    settings.CONFIDENCE_OFREP_ORIGINS = [SHOP]


def preflight(path=FLAGS, origin=SHOP):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    return Client().options(path, headers={"Origin": origin, **asked})


def cors_headers(reply):
    return [name for name in reply.headers if name.startswith("Access-Control-")]


@pytest.mark.usefixtures("_shop")
def test_preflight__listed_origin_without_a_key__204_that_allows_what_clients_send():
    reply = preflight()
    assert (reply.status_code, reply[ALLOW], reply["Vary"]) == (204, SHOP, "Origin")
    assert "POST" in reply["Access-Control-Allow-Methods"]
    allowed = set(reply["Access-Control-Allow-Headers"].split(", "))
    assert allowed == {"authorization", "x-api-key", "content-type", "if-none-match"}
    assert "Access-Control-Allow-Credentials" not in reply


@pytest.mark.django_db
@pytest.mark.usefixtures("_shop")
def test_reply__listed_origin__may_be_read_with_its_tag_and_its_errors_too():
    evaluator = Evaluator(WorkspaceFactory())
    sound = evaluator.flags(Origin=SHOP)
    unchanged = evaluator.flags(Origin=SHOP, If_None_Match=sound["ETag"])
    wrong_key = evaluator.flags(Origin=SHOP, Authorization="Bearer prefix12.wrong")
    unknown = evaluator.post("/ofrep/v1/nothing", {}, Origin=SHOP)
    replies = [sound, unchanged, wrong_key, unknown]
    assert [reply.status_code for reply in replies] == [200, 304, 401, 404]
    assert {reply[ALLOW] for reply in replies} == {SHOP}
    assert {reply["Access-Control-Expose-Headers"] for reply in replies} == {"ETag, Retry-After"}
    assert all("Origin" in reply["Vary"] for reply in replies)


@pytest.mark.django_db
@pytest.mark.usefixtures("_shop")
@pytest.mark.parametrize("origin", ["https://other.example", "http://shop.example", "null", "*"])
def test_origin__not_listed__none_of_the_headers(origin):
    assert cors_headers(preflight(origin=origin)) == []
    assert cors_headers(Evaluator(WorkspaceFactory()).flags(Origin=origin)) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("_shop")
@pytest.mark.parametrize("path", ["/api/v1/decisions", "/v1/traces", "/admin/"])
def test_other_paths__none_of_the_headers(path):
    assert cors_headers(preflight(path)) == []


@pytest.mark.django_db
def test_no_setting__as_without_origins():
    reply = preflight()
    assert (reply.status_code, cors_headers(reply)) == (401, [])


@pytest.mark.parametrize("value", ["*", "null", "shop.example", "https://shop.example/", "https://*.example"])
def test_setting__no_origin__does_not_start(value):
    environment = {**os.environ, "CONFIDENCE_DEV": "1", "CONFIDENCE_OFREP_ORIGINS": value}
    command = [sys.executable, "-c", "import confidence_project.settings"]
    done = subprocess.run(command, cwd=project.BASE_DIR, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "CONFIDENCE_OFREP_ORIGINS" in done.stderr
