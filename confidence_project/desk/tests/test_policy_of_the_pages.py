"""No page of the admin holds what the content security policy refuses: inline styles, inline scripts, handlers."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.urls import reverse

from confidence_project.desk.tests.calibrated import calibrated
from confidence_project.desk.tests.inline import REFUSED
from governance.controls.services import engage_kill_switch
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, applied

pytestmark = pytest.mark.django_db


def pages():
    """Yield the list, the form to add and the page of the first row of every model."""
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        yield reverse(f"{name}_add")
        row = model._default_manager.first()
        if row is not None:
            yield reverse(f"{name}_change", args=[row.pk])
            yield reverse(f"{name}_history", args=[row.pk])


def test_pages__all_of_them__hold_nothing_inline():
    superuser = SuperuserFactory()
    workspace = WorkspaceFactory()
    calibrated(workspace)
    applied(WorkspaceFactory())
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, policy_key="", reason="Test.")
    client = signed_in(superuser)
    seen = 0
    for address in [reverse("admin:index"), reverse("admin:password_change"), *pages()]:
        response = client.get(address)
        if response["Content-Type"].startswith("text/html"):
            body = response.content.decode()
            assert [(address, rule) for rule in REFUSED if re.search(rule, body)] == []
            seen += response.status_code == 200
    assert seen > 40
