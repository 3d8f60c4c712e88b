"""A real OpenFeature client, over real HTTP: what a host application sees."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from governance.controls.services import engage_kill_switch, release_kill_switch
from governance.models import ConfidencePolicy
from governance.tests.factories import FIELD, KEY, ApiKeyFactory, SuperuserFactory, WorkspaceFactory, applied, config_of
from governance.workflow import rollback_confidence_policy_revision
from governance.workspaces.services import revoke_api_key

pytestmark = pytest.mark.django_db(transaction=True)

FLAG = f"{KEY}.{FIELD}"
ENABLED = f"{KEY}.enabled"
CODE_DEFAULT = 1.5  # not a value that the server gives


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def key(workspace):
    return ApiKeyFactory(workspace=workspace, scopes=["read"])


@pytest.fixture
def client(live_server, key) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(live_server.url, headers_factory=lambda: {"Authorization": f"Bearer {key.plain}"})
    api.set_provider_and_wait(provider)
    yield api.get_client()
    api.clear_providers()
    provider.session.close()


def test_client__no_policy__default_of_the_definition_not_of_the_code(client):
    details = client.get_float_details(FLAG, CODE_DEFAULT)
    assert (details.value, details.reason, details.variant) == (0.9, Reason.STATIC, "v0")
    assert details.flag_metadata == {"policy_version": 0, "source": "default"}


def test_client__policy_applied_and_rolled_back__seen_at_the_next_call(client, workspace):
    assert client.get_float_value(FLAG, CODE_DEFAULT) == 0.9
    first = applied(workspace, 0.8)
    assert client.get_float_value(FLAG, CODE_DEFAULT) == 0.8
    applied(workspace, 0.7)
    assert client.get_float_details(FLAG, CODE_DEFAULT).variant == "v2"
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=first.pk, reason="Worse than promised."
    )
    details = client.get_float_details(FLAG, CODE_DEFAULT)
    assert (details.value, details.variant) == (0.8, "v3")


def test_client__value_of_one__not_taken_for_an_integer(client, workspace):
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, version=1, config=config_of(1))
    details = client.get_float_details(FLAG, CODE_DEFAULT)
    assert (details.value, details.error_code) == (1.0, None)


def test_client__context_of_an_override__its_value(client, workspace):
    applied(workspace, config=config_of(0.8, provider="p", model="m"))
    context = EvaluationContext(targeting_key="case 7", attributes={"provider": "p", "model": "m"})
    details = client.get_float_details(FLAG, CODE_DEFAULT, context)
    assert (details.value, details.reason) == (0.8, Reason.TARGETING_MATCH)
    assert client.get_float_value(FLAG, CODE_DEFAULT, EvaluationContext(attributes={"provider": "p"})) == 0.9


def test_client__kill_switch__allows_nothing_from_the_next_call_until_released(client, workspace):
    superuser = SuperuserFactory()
    assert client.get_boolean_value(ENABLED, False) is True
    engage_kill_switch(actor=superuser, workspace=workspace, reason="An incident.")
    details = client.get_float_details(FLAG, CODE_DEFAULT)
    assert (details.value, details.error_code, details.flag_metadata["gate_reason"]) == (2.0, None, "kill_switch")
    # Even where the code default is the dangerous one: the server has answered.
    assert client.get_boolean_value(ENABLED, True) is False
    release_kill_switch(actor=superuser, workspace=workspace, reason="It is over.")
    assert client.get_float_value(FLAG, CODE_DEFAULT) == 0.9
    assert client.get_boolean_value(ENABLED, False) is True


def test_client__risk_threshold_and_budget__stopped_too(client, workspace):
    flags = ["decision_gate.ml_risk_threshold", "lead_context_bundle.total_token_budget"]
    assert [client.get_float_value(flag, CODE_DEFAULT) for flag in flags] == [0.7, 4000.0]
    engage_kill_switch(actor=SuperuserFactory(), workspace=workspace, reason="An incident.")
    assert [client.get_float_value(flag, CODE_DEFAULT) for flag in flags] == [0.0, 0.0]


def test_client__unknown_flag__code_default(client):
    details = client.get_float_details(f"{KEY}.no_such_field", CODE_DEFAULT)
    assert (details.value, details.reason, details.error_code) == (CODE_DEFAULT, Reason.ERROR, ErrorCode.FLAG_NOT_FOUND)
    assert details.error_message.startswith("Flags are <policy key>.<field>")


def test_client__attribute_of_the_wrong_type__code_default_and_the_reason(client):
    details = client.get_float_details(FLAG, CODE_DEFAULT, EvaluationContext(attributes={"model": 5}))
    assert (details.value, details.error_code) == (CODE_DEFAULT, ErrorCode.INVALID_CONTEXT)
    assert details.error_message == "The attribute model must be a string."


def test_client__key_revoked__code_default(client, workspace, key):
    assert client.get_boolean_value(ENABLED, False) is True
    revoke_api_key(actor=SuperuserFactory(), workspace=workspace, prefix=key.prefix)
    details = client.get_boolean_details(ENABLED, False)
    assert (details.value, details.error_code) == (False, ErrorCode.GENERAL)


def test_client__too_many_calls__code_default_until_the_time_that_the_server_named(client, settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"api_key": "1/day"}}
    assert client.get_float_value(FLAG, CODE_DEFAULT) == 0.9
    assert "Rate limited, retry after: " in client.get_float_details(FLAG, CODE_DEFAULT).error_message
    assert "paused" in client.get_float_details(FLAG, CODE_DEFAULT).error_message


def test_docs__python_recipe__prints_what_the_page_says(live_server, key):
    page = Path(django_settings.BASE_DIR, "docs", "ofrep.md").read_text("utf-8")
    (recipe,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    run = subprocess.run(
        [sys.executable, "-c", recipe],
        env={**os.environ, "CONFIDENCE_URL": live_server.url, "CONFIDENCE_API_KEY": key.plain},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.stdout == "True False\n", run.stderr
    assert f"It prints `{run.stdout.strip()}`" in page
