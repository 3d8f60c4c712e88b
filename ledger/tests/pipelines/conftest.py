"""What the pipelines run against in tests: a workspace, and a local server that speaks the OpenAI protocol."""

from __future__ import annotations

import json

import pytest
from django.apps import apps

from governance.tests.factories import WorkspaceFactory
from telemetry.tests.openai_server import completion, running_server


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def provider(settings):
    """The provider of prompts. `provider.say(...)` plans one answer after the other; the last one stays."""
    with running_server() as server:
        settings.CONFIDENCE_AI_BASE_URL = server.url
        settings.CONFIDENCE_AI_API_KEY = "key-of-a-test"
        settings.CONFIDENCE_AI_MODEL = "local-model"
        settings.CONFIDENCE_AI_PROVIDER = "local"
        settings.CONFIDENCE_AI_TIMEOUT_SECONDS = 10.0
        settings.CONFIDENCE_AI_MAX_RETRIES = 0
        server.say = lambda *answers: server.plan(*(completion(json.dumps(answer)) for answer in answers))
        yield server


@pytest.fixture
def stored():
    """Everything that stands in the database, as text."""
    return lambda: "\n".join(
        str(list(model._base_manager.values())) for model in apps.get_models(include_auto_created=True)
    )
