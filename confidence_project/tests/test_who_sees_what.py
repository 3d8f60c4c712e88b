"""Every page of the admin, asked for by everybody: rows of other workspaces are not there.

The pages are enumerated from the site, so whatever is registered anew fails here until it is covered: a model of a
workspace needs a row in `furnish`, anything else a place in one of the sets below.
"""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from confidence_project.evidence_pack.models import EvidencePack
from confidence_project.tests.every_row import OUTSIDERS, furnish, row_of, rows_written, walk
from governance.models import (
    ConfidencePolicyProposal,
    WebhookDelivery,
    WebhookEndpoint,
    Workspace,
)
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.models import Judgement, KnownCase, LabelAssignment

pytestmark = pytest.mark.django_db

REGISTRY = admin.site._registry
OWNED = sorted(
    (model for model in REGISTRY if model is Workspace or "workspace" in {field.name for field in model._meta.fields}),
    key=lambda model: model._meta.label,
)
FOR_OPERATORS = {EvidencePack, Judgement, KnownCase, LabelAssignment, WebhookEndpoint, WebhookDelivery}
OWNED_BY_NO_WORKSPACE = {
    "superusers": {
        "auth.User", "axes.AccessAttempt", "axes.AccessLog", "axes.AccessFailureLog",
        "django_tasks_database.DBTaskResult", "governance.PolicyKey", "governance.SignIn",
    },
    "hashes of the whole deployment's log": {"ledger.LogLeaf", "ledger.LogNode", "ledger.Checkpoint"},
    "one's own": {"knox.AuthToken"},
}  # fmt: skip

NOT_THERE = (302, 403, 404)


@pytest.fixture(scope="module")
def foreign(module_db):
    workspace = WorkspaceFactory(slug="not-yours", name="Not yours")
    furnish(workspace)
    return workspace


def pages_of_row(row):
    """Every address that the model's admin has for a row."""
    for pattern in REGISTRY[type(row)].get_urls():
        if "object_id" in pattern.pattern.converters and pattern.name:
            yield reverse(f"admin:{pattern.name}", args=[quote(row.pk)])


def list_of(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def change_of(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])


def filled_in():
    """Form data that would be valid for most verbs."""
    return {"reason": "Because.", "share": "0.5", "role": "admin", "name": "Mine", "acknowledge_large_step": "on"}


def test_every_admin__is_of_a_workspace_or_named_here():
    named = set().union(*OWNED_BY_NO_WORKSPACE.values())
    assert {model._meta.label for model in REGISTRY} == named | {model._meta.label for model in OWNED}


@pytest.mark.parametrize("who", OUTSIDERS)
def test_rows_of_another_workspace__are_on_no_page__and_nothing_changes_them(foreign, who):
    client, before = signed_in(OUTSIDERS[who]()), rows_written(foreign)
    for model in OWNED:
        row = row_of(model, foreign)
        for address in pages_of_row(row):
            assert client.get(address).status_code in NOT_THERE, address
            assert client.post(address, filled_in()).status_code in NOT_THERE, address
        filters = [
            "",
            "?workspace=not-yours",
            f"?workspace__id__exact={foreign.pk}",
            "?workspace__slug=not-yours",
            "?q=not",
        ]
        for query in filters:
            shown = client.get(list_of(model) + query, follow=True).content.decode()
            assert change_of(row) not in shown, (model, query)
            assert f">{foreign.name}" not in shown, (model, query)
            assert "?workspace=not-yours" not in shown.replace(query, ""), (model, query)
        selected = {"_selected_action": row.pk, "confirmed": "yes", **filled_in()}
        for action in ["delete_selected", *(verb.name for verb in getattr(REGISTRY[model], "verbs", ()))]:
            client.post(list_of(model), {**selected, "action": action})
    assert rows_written(foreign) == before


def test_rows_of_the_own_workspace__a_viewer_sees_them_and_changes_nothing(foreign):
    client, before = signed_in(viewer_of(foreign)), rows_written(foreign)
    for model in OWNED:
        row = row_of(model, foreign)
        for address in pages_of_row(row):
            client.post(address, filled_in())
        if model in FOR_OPERATORS:
            assert client.get(change_of(row)).status_code == 302
        else:
            assert client.get(change_of(row)).status_code == 200, model
            assert client.get(list_of(model)).status_code == 200, model
    assert rows_written(foreign) == before


@pytest.mark.parametrize("who", [admin_of, lambda workspace: SuperuserFactory()], ids=["admin", "superuser"])
def test_rows_of_the_own_workspace__admins_and_superusers_see_them_all(foreign, who):
    client = signed_in(who(foreign))
    for model in OWNED:
        assert client.get(change_of(row_of(model, foreign))).status_code == 200, model
        assert client.get(list_of(model)).status_code == 200, model


@pytest.mark.parametrize("who", [*OUTSIDERS, "viewer", "admin"])
def test_accounts_and_what_superusers_see__nobody_else_does(who):
    workspace = WorkspaceFactory()
    person = {**OUTSIDERS, "viewer": lambda: viewer_of(workspace), "admin": lambda: admin_of(workspace)}[who]()
    client = signed_in(person)
    for model in REGISTRY:
        if model._meta.label in OWNED_BY_NO_WORKSPACE["superusers"]:
            assert client.get(list_of(model)).status_code == 403, model
            assert client.post(list_of(model) + "add/", {}).status_code == 403, model
    for address in (
        reverse("admin:auth_user_change", args=[person.pk]),
        reverse("admin:auth_user_password_change", args=[person.pk]),
    ):
        assert client.post(address, {"is_superuser": "on"}).status_code == 403
    assert not User.objects.get(pk=person.pk).is_superuser
    assert not Group.objects.exists()


@pytest.mark.parametrize("who", OUTSIDERS)
def test_autocomplete__of_any_field_of_any_model__offers_nothing_of_another_workspace(foreign, who):
    client = signed_in(OUTSIDERS[who]())
    asked = 0
    for model in REGISTRY:
        for field in model._meta.fields:
            if field.remote_field is None or field.remote_field.model not in OWNED:
                continue
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            reply = client.get(reverse("admin:autocomplete"), {**query, "term": ""})
            if reply.status_code == 200:
                asked += 1
                ids = {each["id"] for each in reply.json()["results"]}
                assert str(row_of(field.remote_field.model, foreign).pk) not in ids, query
    assert asked


SITE_PAGES = {
    "index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site",
    "app_list", "second_factor", "second_factor_picture", "definitions", "desk_proposal_picture", "desk_run_picture",
    "desk_run_progress", "openid", "openid_callback", "invitation", "notices",
    "audit", "audit_filters", "reviewers", "desk_revision_proofs", "desk_thresholds", "settings", "choose_workspace",
    "label_plan",
}  # fmt: skip
"""Pages of the site itself; what is new needs a look at whom it tells what."""
WITHOUT_SIGN_IN = {"login", "logout", "openid", "openid_callback", "invitation"}


def site_pages():
    ours = {pattern.name for model_admin in REGISTRY.values() for pattern in model_admin.get_urls()}
    return [(route, pattern) for route, pattern in walk(admin.site.get_urls()) if pattern.name not in ours]


def test_pages_of_the_site_itself__are_named_here():
    assert {pattern.name for _, pattern in site_pages() if pattern.name} <= SITE_PAGES


@pytest.mark.parametrize("who", OUTSIDERS)
def test_pictures_of_another_workspace__are_not_there(foreign, who):
    from calibration.models import ConfidenceCalibrationRun

    client = signed_in(OUTSIDERS[who]())
    picture = {"place": 0, "chart": "reliability", "theme": "light"}
    run, proposal = row_of(ConfidenceCalibrationRun, foreign), row_of(ConfidencePolicyProposal, foreign)
    addresses = [
        reverse("admin:desk_proposal_picture", kwargs={"pk": proposal.pk, **picture}),
        reverse("admin:desk_run_picture", kwargs={"pk": run.pk, "policy_key": "confidence_gate", **picture}),
        reverse("admin:desk_run_progress", kwargs={"pk": run.pk}),
    ]
    assert [client.get(address).status_code for address in addresses] == [404] * 3
    insider = signed_in(viewer_of(foreign))
    assert [insider.get(address).status_code for address in addresses[1:]] == [200] * 2


def test_anonymous__every_page_of_the_admin__sends_to_the_sign_in(foreign):
    client, before = Client(), rows_written(foreign)
    for model in OWNED:
        for address in [list_of(model), *pages_of_row(row_of(model, foreign))]:
            for reply in (client.get(address), client.post(address, filled_in())):
                assert (reply.status_code, "/login/" in reply["Location"]) == (302, True), address
    for route, pattern in site_pages():
        if pattern.name and not pattern.pattern.converters and pattern.name not in WITHOUT_SIGN_IN | {"app_list"}:
            reply = client.get(f"/admin/{route}")
            assert reply.status_code in (302, 404), route
    assert rows_written(foreign) == before
