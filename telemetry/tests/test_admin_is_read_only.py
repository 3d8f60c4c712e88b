"""Telemetry in the admin: seen by the members of its workspace, changed by nobody."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, UserFactory, viewer_of
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

MODELS = [AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision]


@pytest.fixture
def caller():
    caller = Caller()
    caller.post("drafts", bodies.draft(external_id="own"))
    caller.post("interactions", bodies.interaction(external_id="own"))
    caller.post("bookings", bodies.booking(external_id="own"))
    caller.post("overseer-decisions", bodies.overseer_decision(external_id="own"))
    caller.post("sentiments", bodies.sentiment(external_id="own", draft="own"))
    return caller


def _signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def _url(model, verb, *args):
    return reverse(f"admin:telemetry_{model._meta.model_name}_{verb}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_member__sees_the_records_of_the_workspace(caller, model):
    client = _signed_in(viewer_of(caller.workspace))
    assert ">own<" in client.get(_url(model, "changelist")).content.decode()
    assert client.get(_url(model, "change", model.objects.get().pk)).status_code == 200
    assert ">own<" in client.get(_url(model, "changelist"), {"q": "own"}).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_stranger__sees_none_of_them(caller, model):
    for stranger in (viewer_of(Caller().workspace), UserFactory()):
        client = _signed_in(stranger)
        for query in ({}, {"q": "own"}, {"workspace": caller.workspace.slug}):
            assert ">own<" not in client.get(_url(model, "changelist"), query).content.decode()
        assert client.get(_url(model, "change", model.objects.get().pk)).status_code == 302
        assert caller.workspace.slug not in client.get(_url(model, "changelist")).content.decode()


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("user", [SuperuserFactory, None])
def test_nobody__adds_changes_or_deletes(caller, model, user):
    client = _signed_in(user() if user else viewer_of(caller.workspace))
    pk = model.objects.get().pk
    assert client.get(_url(model, "add")).status_code == 403
    assert client.post(_url(model, "change", pk), {"external_id": "other"}).status_code == 403
    assert client.post(_url(model, "delete", pk), {"post": "yes"}).status_code == 403
    client.post(_url(model, "changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert model.objects.get().external_id == "own"
