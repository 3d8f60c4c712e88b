"""The choice of a workspace: it narrows lists and home, the address wins, and nothing is out of reach by it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.models import Membership
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, pending

pytestmark = pytest.mark.django_db

CHOOSE = reverse("admin:choose_workspace")
PROPOSALS = reverse("admin:governance_confidencepolicyproposal_changelist")
HOME = reverse("admin:index")


@pytest.fixture
def two():
    return WorkspaceFactory(slug="a", name="Accounts desk"), WorkspaceFactory(slug="b", name="Back office")


def member_of(*workspaces):
    first, *rest = workspaces
    person = admin_of(first)
    for workspace in rest:
        Membership.objects.create(user=person, workspace=workspace, role="admin")
    return person


def choose(client, slug, where=HOME):
    return client.post(CHOOSE, {"workspace": slug, "next": where})


def rows(client, address=PROPOSALS):
    return {each.workspace.slug for each in client.get(address).context["cl"].result_list}


@pytest.mark.parametrize("who", [member_of, lambda *_: SuperuserFactory()], ids=["member", "superuser"])
def test_chosen__lists_and_home_show_that_one_and_the_address_wins(two, who):
    for workspace in two:
        pending(workspace)
    client = signed_in(who(*two))
    assert rows(client) == {"a", "b"}
    assert "Workspace: all of yours" in words(client.get(HOME))
    assert choose(client, "b").url == HOME
    assert rows(client) == {"b"}
    assert rows(client, f"{PROPOSALS}?workspace=a") == {"a"}
    assert rows(client, f"{PROPOSALS}?workspace=") == {"a", "b"}
    home = client.get(HOME)
    assert [each.workspace.slug for each in home.context["workspaces"]] == ["b"]
    assert "Workspace: Back office" in words(home)
    assert "Workspace: Accounts desk All of yours Accounts desk Back office on this page" in words(
        client.get(f"{PROPOSALS}?workspace=a")
    )
    choose(client, "")
    assert rows(client) == {"a", "b"}


def test_chosen__lists_of_one_workspace_begin_with_it_and_its_rows_elsewhere_stay_in_reach(two):
    elsewhere = pending(two[0])
    client = signed_in(member_of(*two))
    choose(client, "b")
    for listed in ("admin:ledger_decisionrecord_changelist", "admin:telemetry_aiinteraction_changelist", "admin:audit"):
        assert client.get(reverse(listed)).context["workspace_in_view"] == two[1]
    assert client.get(page(elsewhere)).status_code == 200


def test_chosen__forms_begin_with_it_and_the_address_wins(two):
    client = signed_in(member_of(*two))
    choose(client, "b")
    asked = reverse("admin:governance_killswitch_add")
    assert f'<option value="{two[1].pk}" selected>' in client.get(asked).content.decode()
    assert f'<option value="{two[0].pk}" selected>' in client.get(f"{asked}?workspace={two[0].pk}").content.decode()


def test_switch__leads_back_to_the_list_without_its_workspace_and_place__and_home_from_a_row(two):
    client = signed_in(member_of(*two))
    assert choose(client, "b", f"{PROPOSALS}?status=PENDING&workspace=a&p=2").url == f"{PROPOSALS}?status=PENDING"
    assert choose(client, "b", page(pending(two[0]))).url == HOME
    for elsewhere in ("https://example.org/", "//example.org", "javascript:x", "/nowhere/", ""):
        assert choose(client, "b", elsewhere).url == HOME


def test_out_of_reach__is_not_chosen__and_a_lost_membership_is_no_choice_any_more(two):
    client = signed_in(member_of(two[0]))
    choose(client, "b")
    assert "Back office" not in words(client.get(HOME))
    both = member_of(*two)
    client = signed_in(both)
    choose(client, "b")
    Membership.objects.filter(user=both, workspace=two[1]).delete()
    assert client.get(HOME).context["chosen_workspace"] is None


def test_member_of_one__reads_its_name_and_has_nothing_to_choose(two):
    shown = signed_in(member_of(two[0])).get(PROPOSALS)
    assert "Workspace: Accounts desk" in words(shown)
    assert "data-switcher" not in shown.content.decode()


def test_get__changes_nothing(two):
    assert signed_in(member_of(*two)).get(CHOOSE).status_code == 405
