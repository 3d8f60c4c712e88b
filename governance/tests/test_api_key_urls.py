"""Addresses of the admin reach access logs: those of API keys say nothing about the key."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from governance.models import ApiKey
from governance.tests.browser import page, signed_in, text, url
from governance.tests.callers import Caller
from governance.tests.factories import ApiKeyFactory, WorkspaceFactory, admin_of

pytestmark = pytest.mark.django_db


def test_addresses_of_a_key__hold_neither_prefix_nor_hash():
    workspace = WorkspaceFactory()
    client = signed_in(admin_of(workspace))
    client.post(url(ApiKey, "add"), {"workspace": workspace.pk, "name": "a machine", "scopes": ["read"]})
    key = ApiKey.objects.get()
    client.post(page(key, "revoke"))
    pages = [client.get(address) for address in (url(ApiKey, "changelist"), page(key), reverse("admin:index"))]
    addresses = re.findall(r'(?:href|action|value)="([^"]*)"', " ".join(map(text, pages)))
    assert page(key) in addresses
    assert not [each for each in addresses if key.prefix in each or key.hashed_key in each]
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {key.pk}


def test_migration__key_of_before__goes_on_working_under_an_opaque_id():
    caller = Caller(scopes=["read"])
    client = signed_in(admin_of(caller.workspace))
    old = f"{caller.key.prefix}.{caller.key.hashed_key}"
    ApiKey.objects.filter(pk=caller.key.pk).update(id=old)
    client.post(page(ApiKey.objects.get(), "revoke"), follow=True)
    ApiKey.objects.update(revoked=False)
    import_module("governance.migrations.0003_opaque_api_key_ids").make_opaque(apps, None)
    key = ApiKey.objects.get()
    assert re.fullmatch(r"[0-9a-f]{32}", key.pk)
    assert LogEntry.objects.get().object_id == key.pk
    assert caller.get("decisions").status_code == 200


def test_migration__done_twice__changes_nothing_more():
    key = ApiKeyFactory()
    import_module("governance.migrations.0003_opaque_api_key_ids").make_opaque(apps, None)
    assert ApiKey.objects.get().pk == key.pk
