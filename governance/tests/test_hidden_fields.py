"""No list of the admin can be filtered by what its pages hide: a secret would be found out letter by letter."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from governance.models import WebhookEndpoint
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of

pytestmark = pytest.mark.django_db

SECRET = {"secret", "previous_secret", "hashed_key", "digest", "password"}
"""Names of fields whose value nobody may see, or find out, in the admin."""

HIDDEN = [
    (model, field.name)
    for model, model_admin in admin.site._registry.items()
    for field in model._meta.fields
    if field.name in {*SECRET, *(model_admin.exclude or ())} and not field.primary_key
]


def asked(client: Client, model: type, lookup: str) -> int:
    listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return client.get(listed, {lookup: "a"}).status_code


def test_models__with_secrets__are_all_walked() -> None:
    assert {(WebhookEndpoint, "secret"), (WebhookEndpoint, "previous_secret"), (User, "password")} <= set(HIDDEN)
    assert len(HIDDEN) > 15


@pytest.mark.parametrize(("model", "name"), HIDDEN, ids=lambda each: getattr(each, "__name__", each))
def test_list__filtered_by_a_hidden_field__refused(model: type, name: str) -> None:
    lookups = [f"{name}__startswith", f"{name}__regex", name]
    if model._meta.get_field(name).is_relation:
        lookups = [f"{name}__password__startswith", f"{name}__isnull", name]
    for person in (SuperuserFactory(), admin_of(WorkspaceFactory())):
        client = signed_in(person)
        assert {asked(client, model, lookup) for lookup in lookups} <= {400, 403, 404}, person


def test_list__filtered_by_a_field_that_it_shows__answers() -> None:
    client = signed_in(admin_of(WorkspaceFactory()))
    assert asked(client, WebhookEndpoint, "url__startswith") == 200
