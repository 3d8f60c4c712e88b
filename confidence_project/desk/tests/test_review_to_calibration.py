"""From a label that a person gives in the browser to the finding that counts it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from unittest import mock

import pytest
from django.urls import reverse
from django.utils import timezone

from calibration.tests.factories import WINDOW, gated, outcome, review, store
from governance.models import Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of

pytestmark = pytest.mark.django_db


def finding_of(workspace: Workspace) -> dict[str, Any]:
    """What a review finds that is held tomorrow: labels that are given later than its date do not count."""
    tomorrow = datetime.combine(timezone.now() + timedelta(days=1), time(), tzinfo=UTC)
    with mock.patch("django.utils.timezone.now", return_value=tomorrow + timedelta(hours=1)):
        question = {**WINDOW, "window_to": tomorrow}
        run = review(workspace=workspace, policy_keys=["confidence_gate"], **question)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def test_label__given_on_the_page_of_a_drawn_decision__counts_in_the_next_run():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    allowed = [gated(workspace, confidence=0.95, minute=minute) for minute in range(100)]
    store(allowed, [outcome(each, True) for each in allowed])
    blocked = [
        gated(workspace, confidence=0.85, minute=minute, audit_selected=minute < 20, label_propensity="0.2500")
        for minute in range(80)
    ]
    store(blocked)
    before = finding_of(workspace)

    assert "20 decisions, drawn at random" in words(client.get(reverse("admin:index")))
    for place, decision in enumerate(blocked[:20]):
        address = reverse("admin:ledger_decisionrecord_review", args=[decision.pk])
        client.post(address, {"seen": "0", "success": "wrong" if place < 2 else "right"})
    assert "drawn at random" not in words(client.get(reverse("admin:index")))

    after = finding_of(workspace)
    assert (before["method"], after["method"]) == ("walk", "audits")
    (step,) = after["answer"]["steps"]
    assert step["threshold"] == 0.85
    assert step["strata"] == [
        {"decisions": 100, "labelled": 100, "failures": 0},
        {"decisions": 80, "labelled": 20, "failures": 2},
    ]
