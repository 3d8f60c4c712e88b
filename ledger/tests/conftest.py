"""What several tests of the ledger stand on."""

from __future__ import annotations

import pytest

from governance.tests.callers import Caller
from ledger.tests.model_server import serving_a_model
from ledger.tests.through_the_gateway import KEY, PATHS, VARIABLE


@pytest.fixture
def model():
    with serving_a_model() as server:
        yield server


@pytest.fixture
def caller(settings, monkeypatch):
    settings.CONFIDENCE_MODEL_HOSTS = ["127.0.0.1"]
    settings.CONFIDENCE_MODEL_ALLOW_PRIVATE = True
    monkeypatch.setenv(VARIABLE, KEY)
    return Caller()


@pytest.fixture(params=PATHS)
def dialect(request):
    return request.param
