"""A canary is a config in force for some cases: calibration must know of it where decisions carry no threshold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from calibration.selectors import configs_in_force
from governance.definitions import get_definition
from governance.tests.factories import FIELD, KEY, WorkspaceFactory, in_canary, in_shadow

pytestmark = pytest.mark.django_db


def thresholds(workspace, days_ago, until_days_ago):
    now = timezone.now()
    start, end = now - timedelta(days=days_ago), now - timedelta(days=until_days_ago)
    return sorted(config.values[FIELD] for config in configs_in_force(workspace, get_definition(KEY), start, end)[1:])


def test_configs__canary_in_the_window__is_one_of_them():
    workspace = WorkspaceFactory()
    in_canary(workspace, 0.95)
    in_canary(WorkspaceFactory(), 0.94)
    assert thresholds(workspace, 1, -1) == [0.95]


def test_configs__shadow_or_another_time__is_not():
    workspace = WorkspaceFactory()
    in_canary(workspace, 0.95)
    assert thresholds(workspace, 3, 1) == []
    workspace = WorkspaceFactory()
    in_shadow(workspace, 0.95)
    assert thresholds(workspace, 1, -1) == []
