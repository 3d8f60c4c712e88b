"""Kill switches, keys, workspaces, members and accounts, through their pages."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from governance.models import (
    ApiKey,
    AuditSampling,
    BlockedSource,
    KillSwitch,
    Membership,
    Workspace,
)
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.browser import page, signed_in, text, url
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    viewer_of,
)
from governance.workflow import (
    rollback_confidence_policy_revision,
)

pytestmark = pytest.mark.django_db


def read_and_sent(client, model, **data):
    """Send a form, read what it would bring about, and send it again."""
    shown = client.post(url(model, "add"), data)
    assert not model.objects.in_force().filter(reason=data["reason"], started_at__gt=timezone.now()).exists()
    seen = re.search(r'name="read" value="([0-9a-f]{64})"', text(shown)).group(1)
    return client.post(url(model, "add"), {**data, "read": seen})


def test_kill_switch__engaged_and_released_through_the_pages():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    smoke = {"workspace": workspace.pk, "policy_key": "", "reason": "Smoke."}
    read_and_sent(client, KillSwitch, **smoke)
    switch = KillSwitch.objects.in_force().get()
    again = read_and_sent(client, KillSwitch, **smoke)
    assert "This is in force already" in text(again)
    client.post(page(switch, "release"), {"reason": "Toast."})
    assert not KillSwitch.objects.in_force().exists()


@pytest.mark.parametrize("model", [KillSwitch, BlockedSource, AuditSampling, ApiKey])
def test_add__viewer__refused_with_who_may(model):
    workspace = WorkspaceFactory()
    client = signed_in(viewer_of(workspace))
    response = client.post(url(model, "add"), {"workspace": workspace.pk, "reason": "Mine."})
    assert response.status_code == 403
    assert "admin membership" in text(response)
    assert not model.objects.exists()


@pytest.mark.parametrize("model", [KillSwitch, BlockedSource, AuditSampling, ApiKey])
def test_add__foreign_workspace__is_neither_offered_nor_accepted(model):
    foreign = WorkspaceFactory()
    client = signed_in(admin_of(WorkspaceFactory()))
    assert foreign.slug not in text(client.get(url(model, "add")))
    data = {"workspace": foreign.pk, "reason": "Mine.", "kind": "model", "value": "m", "policy_key": KEY}
    response = client.post(url(model, "add"), {**data, "rate": "0.1", "name": "x", "scopes": "read"})
    assert "Select a valid choice" in text(response)
    assert not model.objects.exists()


def test_block_and_sampling__added_and_ended():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    common = {"workspace": workspace.pk, "policy_key": KEY, "reason": "Drift."}
    read_and_sent(client, BlockedSource, **common, kind="model", value="m-1")
    client.post(url(AuditSampling, "add"), {**common, "rate": "0.25"})
    client.post(page(BlockedSource.objects.in_force().get(), "unblock"), {"reason": "Over."})
    client.post(page(AuditSampling.objects.in_force().get(), "stop"), {"reason": "Over."})
    assert not BlockedSource.objects.in_force().exists()
    assert not AuditSampling.objects.in_force().exists()


def test_sampling__rules_in_the_table__in_force_in_their_order_and_shown_in_words():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    rules = [
        {"side": "allowed", "confidence_from": "0.9", "rate": "0.05"},
        {"side": "", "key": "model", "value": "m-1", "rate": "1"},
        {},
    ]
    sent = {f"rules-{place}-{name}": value for place, rule in enumerate(rules) for name, value in rule.items()}
    common = {"workspace": workspace.pk, "policy_key": KEY, "reason": "Drift.", "rate": "0.25"}
    client.post(url(AuditSampling, "add"), {**common, **sent, "rules-TOTAL_FORMS": "3", "rules-INITIAL_FORMS": "0"})
    assert AuditSampling.objects.get().rates == SamplingRates(
        Decimal("0.25"),
        (
            SamplingRule(rate=Decimal("0.05"), side="allowed", confidence_from=9_000),
            SamplingRule(rate=Decimal(1), match=(("model", "m-1"),)),
        ),
    )
    said = text(client.get(url(AuditSampling, "changelist")))
    assert "Of what is allowed with a confidence from 0.9: 5" in said
    assert "Of what is decided with model m-1: 100" in said
    assert "Of what is not allowed otherwise: 25" in said


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"confidence_from": "0.9"}, "Give the share to draw"),
        ({"rate": "0.5", "key": "model"}, "Name both"),
        ({"rate": "0.5", "confidence_from": "0.9", "confidence_below": "0.5"}, "begins below its end"),
        ({"rate": "1.5"}, "less than or equal to 1"),
        ({"rate": "0.5", "side": "north"}, "valid choice"),
    ],
)
def test_sampling__rule_that_is_none__said_and_nothing_in_force(rule, complaint):
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    sent = {f"rules-0-{name}": value for name, value in rule.items()}
    common = {"workspace": workspace.pk, "policy_key": KEY, "reason": "Drift.", "rate": "0.25"}
    sent |= {"rules-TOTAL_FORMS": "1", "rules-INITIAL_FORMS": "0"}
    reply = client.post(url(AuditSampling, "add"), {**common, **sent})
    assert complaint in text(reply)
    assert not AuditSampling.objects.exists()


def test_api_key__plain_text_is_shown_once_and_works_until_revoked():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    data = {"workspace": workspace.pk, "name": "a machine", "scopes": ["read", "decide"], "expires_at": ""}
    issued = client.post(url(ApiKey, "add"), data)
    plain = re.search(r"<code[^>]*>(\w+\.\w+)</code>", issued.content.decode())[1]
    key = ApiKey.objects.get_from_key(plain)
    assert key.scopes == ["decide", "read"]
    assert "no-store" in issued["Cache-Control"]
    secret = plain.partition(".")[2]
    for shown in (client.get(url(ApiKey, "changelist")), client.get(page(key))):
        assert secret not in text(shown)
    client.post(page(key, "revoke"))
    assert not ApiKey.objects.is_valid(plain)


def test_api_key__expiry_in_the_past__refused_on_the_page():
    workspace = WorkspaceFactory()
    past = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%d %H:%M")
    data = {"workspace": workspace.pk, "name": "a machine", "scopes": ["read"], "expires_at": past}
    assert "expired already" in text(signed_in(admin_of(workspace)).post(url(ApiKey, "add"), data))


def test_workspace__settings__are_changed_by_an_admin():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    assert "checked" in text(client.get(page(workspace, "settings")))
    client.post(page(workspace, "settings"), {"name": "New name", "booking_gate_enabled": "on"})
    workspace.refresh_from_db()
    assert (workspace.name, workspace.automation_enabled, workspace.booking_gate_enabled) == ("New name", False, True)


def test_workspace__is_created_by_superusers_alone():
    data = {"slug": "new", "name": "New"}
    assert signed_in(admin_of(WorkspaceFactory())).post(url(Workspace, "add"), data).status_code == 403
    signed_in(SuperuserFactory()).post(url(Workspace, "add"), data)
    assert Workspace.objects.filter(slug="new").exists()


def test_members__superuser_adds_changes_and_removes():
    workspace, user = WorkspaceFactory(), UserFactory()
    client = signed_in(SuperuserFactory())
    client.post(url(Membership, "add"), {"workspace": workspace.pk, "user": user.pk, "role": "viewer"})
    membership = Membership.objects.get()
    client.post(page(membership, "role"), {"role": "admin"})
    membership.refresh_from_db()
    assert membership.role == "admin"
    client.post(page(membership, "remove"))
    assert not Membership.objects.exists()


def test_members__admin__reads_who_may():
    workspace = WorkspaceFactory()
    user = admin_of(workspace)
    client = signed_in(user)
    membership = Membership.objects.get()
    assert client.post(url(Membership, "add"), {"workspace": workspace.pk}).status_code == 403
    response = client.post(page(membership, "role"), {"role": "viewer"})
    assert (response.status_code, "A superuser may decide" in text(response)) == (403, True)


def test_accounts__staff_with_every_model_permission__still_has_no_way_in():
    user = admin_of(WorkspaceFactory())
    user.user_permissions.set(Permission.objects.all())
    client = signed_in(user)
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert client.get(reverse("admin:auth_user_add")).status_code == 403
    assert client.post(reverse("admin:auth_user_change", args=[user.pk]), {"is_superuser": "on"}).status_code == 403
    assert signed_in(SuperuserFactory()).get(reverse("admin:auth_user_changelist")).status_code == 200


def test_break_glass__review_is_listed_and_closed_by_a_second_superuser():
    workspace = WorkspaceFactory()
    baseline = applied(workspace).policy.revisions.get(version=0)
    first = SuperuserFactory()
    review = rollback_confidence_policy_revision(
        actor=first, workspace=workspace, revision_id=baseline.pk, reason="Fire.", break_glass=True
    ).review
    assert signed_in(first).post(page(review, "close"), {"reason": "Fine."}).status_code == 403
    signed_in(SuperuserFactory()).post(page(review, "close"), {"reason": "Fine."})
    review.refresh_from_db()
    assert review.end_reason == "Fine."
