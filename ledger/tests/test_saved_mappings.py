"""Saved mappings have a page: what each maps; admins of the workspace rename and delete them, and nobody else."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from ledger.imports.mapping import parse_mapping
from ledger.imports.saved import save_mapping
from ledger.models import SavedMapping

pytestmark = pytest.mark.django_db
LIST = reverse("admin:ledger_savedmapping_changelist")


def page(kept, name="change"):
    return reverse(f"admin:ledger_savedmapping_{name}", args=[kept.pk])


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def kept(workspace):
    mapping = parse_mapping({"columns": {"confidence": "ai_conf"}, "constants": {"provider": "acme"}, "scale": 100})
    return save_mapping(workspace=workspace, name="tickets", mapping=mapping)


def test_page__says_what_a_mapping_maps(workspace, kept):
    member = signed_in(viewer_of(workspace))
    listed = words(member.get(LIST))
    assert "tickets" in listed
    assert "confidence, provider" in listed
    shown = words(member.get(page(kept)))
    assert "confidence is the column ai_conf" in shown
    assert "provider of every row is acme" in shown
    assert "scale 100" in shown


def test_admin__renames_and_deletes(workspace, kept):
    admin = signed_in(admin_of(workspace))
    assert admin.get(page(kept, "rename")).context["form"]["name"].value() == "tickets"
    assert admin.post(page(kept, "rename"), {"name": "mails"})["Location"] == page(kept)
    kept.refresh_from_db()
    assert kept.name == "mails"
    assert admin.post(page(kept, "remove"), follow=True).redirect_chain == [(LIST, 302)]
    assert not SavedMapping.objects.exists()


@pytest.mark.parametrize("name", ["two words", "", "taken", "x" * 64])
def test_rename__to_what_is_no_name_or_is_taken__stays(workspace, kept, name):
    save_mapping(workspace=workspace, name="taken", mapping=parse_mapping({}))
    reply = signed_in(admin_of(workspace)).post(page(kept, "rename"), {"name": name})
    assert reply.status_code == 200
    assert reply.context["form"].errors
    kept.refresh_from_db()
    assert kept.name == "tickets"


@pytest.mark.parametrize("verb, data", [("rename", {"name": "mine"}), ("remove", {})])
def test_verbs__of_a_viewer_or_a_stranger__change_nothing(workspace, kept, verb, data):
    assert signed_in(viewer_of(workspace)).post(page(kept, verb), data).status_code == 403
    assert signed_in(admin_of(WorkspaceFactory())).post(page(kept, verb), data).status_code == 404
    kept.refresh_from_db()
    assert kept.name == "tickets"


def test_list__of_another_workspace__does_not_name_it(kept):
    stranger = signed_in(admin_of(WorkspaceFactory()))
    assert "tickets" not in words(stranger.get(LIST))
    assert stranger.get(page(kept)).status_code == 302
