"""From a decision to the case at the host: by a template that an admin sets, https alone, escaped."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.models import WorkspaceEvent
from governance.tests.browser import page, signed_in, text, words
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from governance.workspaces.cases import set_case_url
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

TEMPLATE = "https://desk.example.org/cases/{external_id}?tab=ai"
LABEL = "See the case at the host"


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def shown(decision):
    address = reverse("admin:ledger_decisionrecord_change", args=[decision.pk])
    return text(signed_in(viewer_of(decision.workspace)).get(address))


def test_case__of_a_decision__is_linked_with_the_id_escaped(workspace):
    set_case_url(actor=admin_of(workspace), workspace=workspace, case_url=TEMPLATE)
    decision = DecisionRecordFactory(workspace=workspace, external_id='a/b?c=1&"d"#e')
    assert 'href="https://desk.example.org/cases/a%2Fb%3Fc%3D1%26%22d%22%23e?tab=ai"' in shown(decision)
    assert 'rel="noopener noreferrer"' in shown(decision)


def test_case__no_template_or_no_id__no_link(workspace):
    assert LABEL not in shown(DecisionRecordFactory(workspace=workspace, external_id="a"))
    set_case_url(actor=admin_of(workspace), workspace=workspace, case_url=TEMPLATE)
    assert LABEL not in shown(DecisionRecordFactory(workspace=workspace, external_id=""))


def settings_of(workspace, case_url):
    data = {"name": workspace.name, "automation_enabled": "on", "case_url": case_url}
    return signed_in(admin_of(workspace)).post(page(workspace, "settings"), data, follow=True)


def test_template__set_on_the_page_of_settings__is_kept_with_its_history(workspace):
    settings_of(workspace, TEMPLATE)
    workspace.refresh_from_db()
    assert workspace.case_url == TEMPLATE
    event = WorkspaceEvent.objects.filter(workspace=workspace).latest("pk")
    assert (event.kind, event.before, event.after) == (
        "workspace.case_url_changed",
        {"case_url": None},
        {"case_url": TEMPLATE},
    )
    settings_of(workspace, "")
    workspace.refresh_from_db()
    assert workspace.case_url == ""


@pytest.mark.parametrize(
    "case_url",
    [
        "http://desk.example.org/{external_id}",
        "javascript:alert('{external_id}')",
        "https://{external_id}.example.org/",
        "https://desk.example.org@{external_id}/",
        "https://user:secret@desk.example.org/{external_id}",
        "https://desk.example.org/",
        "https://desk.example.org/{external_id}/{external_id}",
        "https://desk.example.org/{other}/{external_id}",
        "https:///{external_id}",
        "https://desk.example.org:x/{external_id}",
        "//desk.example.org/{external_id}",
    ],
)
def test_template__that_could_lead_elsewhere__is_refused_with_the_rule_and_nothing_changes(workspace, case_url):
    refused = settings_of(workspace, case_url)
    assert "The link to cases must be an address that begins with https://" in words(refused)
    workspace.refresh_from_db()
    assert workspace.case_url == ""


def test_template__viewer__may_not(workspace):
    data = {"name": workspace.name, "automation_enabled": "on", "case_url": TEMPLATE}
    assert signed_in(viewer_of(workspace)).post(page(workspace, "settings"), data).status_code == 403
