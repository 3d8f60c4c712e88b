"""What each role sees in the admin: rows of their own workspaces, read-only, and nothing of the others."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework_api_key.models import APIKey

from governance.controls.services import block_source, engage_kill_switch, set_audit_sampling
from governance.models import (
    ApiKey,
    AuditSampling,
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    KillSwitch,
    Membership,
    ProposalEvent,
    Workspace,
)
from governance.sampling_rates import SamplingRates
from governance.tests.browser import page, signed_in, text, url
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    pending,
    viewer_of,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
)
from governance.workspaces.services import issue_api_key

pytestmark = pytest.mark.django_db


GOVERNED = [
    ApiKey,
    AuditSampling,
    BlockedSource,
    BreakGlassReview,
    ConfidencePolicy,
    ConfidencePolicyProposal,
    ConfidencePolicyRevision,
    KillSwitch,
    Membership,
    ProposalEvent,
    Workspace,
]


def furnished(workspace):
    """Fill a workspace with a row of every governed model; return them by model."""
    superuser = SuperuserFactory()
    admin_user = admin_of(workspace)
    common = {"actor": admin_user, "workspace": workspace, "reason": "Smoke."}
    proposal = pending(workspace)
    for step in (approve_confidence_policy_proposal, apply_confidence_policy_proposal):
        step(actor=superuser, workspace=workspace, proposal_id=proposal.pk, break_glass=True, reason="Fire.")
    issue_api_key(actor=admin_user, workspace=workspace, name=f"key of {workspace.slug}", scopes=["read"])
    engage_kill_switch(**common)
    block_source(**common, kind="model", value=f"model-of-{workspace.slug}")
    set_audit_sampling(**common, policy_key=KEY, rates=SamplingRates(Decimal("0.1")))
    owned = {model: model.objects.filter(workspace=workspace).latest("pk") for model in GOVERNED[:-1]}
    return {**owned, Workspace: workspace}


def test_every_model_of_governance__is_registered():
    assert set(GOVERNED) <= set(admin.site._registry)
    assert APIKey not in admin.site._registry


@pytest.mark.parametrize("model", GOVERNED)
@pytest.mark.parametrize("who", [viewer_of, admin_of, lambda workspace: SuperuserFactory()])
def test_pages__own_workspace__list_and_row_are_shown(model, who):
    workspace = WorkspaceFactory()
    row = furnished(workspace)[model]
    client = signed_in(who(workspace))
    assert client.get(url(model, "changelist")).status_code == 200
    assert client.get(page(row)).status_code == 200
    assert client.get(page(row, "history")).status_code == 200


@pytest.mark.parametrize("model", GOVERNED)
@pytest.mark.parametrize("who", [viewer_of, admin_of])
def test_pages__foreign_workspace__neither_listed_nor_filtered_nor_found(model, who):
    own, foreign = WorkspaceFactory(), WorkspaceFactory()
    row = furnished(foreign)[model]
    client = signed_in(who(own))
    for query in ("", f"?workspace={foreign.slug}", f"?workspace__id__exact={foreign.pk}", f"?q={foreign.slug}"):
        response = client.get(url(model, "changelist") + query, follow=True)
        shown = text(response).replace(f"q={foreign.slug}", "").replace(f'value="{foreign.slug}"', "")
        assert str(row.pk) not in re.findall(r"/(\d+)/change/", shown)
        assert foreign.slug not in re.sub(r"[?&][^\"]*", "", shown)
    for name in ("change", "history", "delete"):
        assert client.get(page(row, name)).status_code in (302, 403, 404)


@pytest.mark.parametrize("model", [ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision, ProposalEvent])
def test_governed_rows__even_superusers_do_not_edit_add_or_delete(model):
    row = furnished(WorkspaceFactory())[model]
    before = model.objects.filter(pk=row.pk).values().get()
    client = signed_in(SuperuserFactory())
    assert client.post(page(row), {"title": "Mine", "status": "APPLIED", "version": 9}).status_code == 403
    assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    client.post(url(model, "changelist"), data)
    if model is not ConfidencePolicyProposal:  # a person may author one
        assert client.post(url(model, "add"), {"title": "Mine"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_anonymous_and_not_staff__are_sent_to_sign_in():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    not_staff = admin_of(workspace)
    User.objects.filter(pk=not_staff.pk).update(is_staff=False)
    for client in (Client(), signed_in(not_staff)):
        for name in ("change", "approve", "apply"):
            response = client.post(page(proposal, name))
            assert response.status_code == 302
            assert "/login/" in response["Location"]
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


def test_pages__hold_no_inline_style_or_script():
    workspace = WorkspaceFactory()
    furnished(workspace)
    proposal = pending(workspace, 0.7)
    client = signed_in(SuperuserFactory())
    pages = [page(proposal), page(proposal, "approve"), url(ApiKey, "add"), url(ConfidencePolicyProposal, "changelist")]
    for address in pages:
        response = client.get(address)
        html = response.content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), address
        inline = re.findall(r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>", html)
        assert not inline, address
        assert (
            "script-src" in response["Content-Security-Policy"]
            or "default-src 'self'" in response["Content-Security-Policy"]
        )


def test_autocomplete__offers_own_workspaces_and_no_accounts():
    own, foreign = WorkspaceFactory(), WorkspaceFactory()
    client = signed_in(admin_of(own))
    query = {"app_label": "governance", "model_name": "membership", "field_name": "workspace", "term": "workspace"}
    offered = client.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [row["text"] for row in offered] == [own.name]
    assert foreign.name not in str(offered)
    assert client.get(reverse("admin:autocomplete"), {**query, "field_name": "user"}).status_code == 403
