"""The page of an AI call: what it was made of, what was cut, what was removed, which verdicts rest on it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, viewer_of
from telemetry.models import AIInteraction
from telemetry.tests.inspected import bundle, call

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def page(record):
    address = reverse("admin:telemetry_aiinteraction_change", args=[record.pk])
    response = signed_in(viewer_of(record.workspace)).get(address)
    assert response.status_code == 200
    return response


def test_page__bundle__sections_with_tokens_shares_budgets_and_cuts(workspace):
    response = page(call(workspace, metadata=bundle()))
    seen = words(response)
    assert "knowledge 500 25 % 1,500 no" in seen
    assert "history 1,500 75 % 1,500 yes" in seen
    assert "Truncated yes" in seen
    assert "budget 4,000" in seen
    assert '<rect class="fill" width="33.33" height="10"/>' in response.content.decode()


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"leadContextBundle": None},
        {"leadContextBundle": {"truncated": None, "sections": None}},
        {"leadContextBundle": {"totalTokens": 0, "sections": {"lead": {"tokens": 0, "budget": 0}}}},
        {"leadContextBundle": {"sections": {"lead": None, "memory": {"truncated": True}}}},
        {"followupParse": None, "bookingGate": {"decision": None}},
    ],
)
def test_page__little_or_no_metadata__works(workspace, metadata):
    record = call(workspace, metadata=metadata)
    assert "Context bundle" in words(page(record))
    listed = signed_in(viewer_of(workspace)).get(reverse("admin:telemetry_aiinteraction_changelist"))
    assert listed.status_code == 200


def test_page__row_older_than_metadata__says_that_there_is_none(workspace):
    record = AIInteraction.objects.create(workspace=workspace, external_id="old", metadata=None)
    seen = words(page(record))
    assert "The call came without one, as without any metadata that may be kept." in seen
    assert "Duration – not reported" in seen
    assert "Input tokens – not reported" in seen


def test_page__follow_up__parse_and_gate(workspace):
    metadata = {
        "followupParse": {"confidence": 0.93, "proposedTimesCount": 2, "needsTimezoneClarification": False},
        "bookingGate": {"decision": "needs_clarification", "confidence": 0.4, "issuesCount": 1},
    }
    seen = words(page(call(workspace, metadata=metadata)))
    assert "Parse confidence 0.93 Proposed times 2 Time zone to be clarified no Free in the calendar –" in seen
    assert "Booking gate needs_clarification Its confidence 0.4 Issues 1" in seen


def test_page__removed_entries__counted_by_reason_without_their_content(workspace):
    secret = "the customer said"
    seen = words(page(call(workspace, metadata={"note": secret, "leadContextBundle": {"profile": secret}})))
    assert "Not declared in the schema 1" in seen
    assert "Text where no text may stand 1" in seen
    assert secret not in seen


def test_page__schema_of_the_host__shows_its_entries(workspace, settings):
    settings.CONFIDENCE_METADATA_SCHEMA = {"toolUse": {"calls": "count"}}
    assert "{'toolUse': {'calls': 3}}" in words(page(call(workspace, metadata={"toolUse": {"calls": 3}})))
