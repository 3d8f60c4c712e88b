"""Filters that a person keeps: for themselves, of one list and one workspace."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from governance.models import Membership, SavedFilter
from governance.tests.browser import signed_in, words
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, pending, viewer_of

pytestmark = pytest.mark.django_db

PROPOSALS = reverse("admin:governance_confidencepolicyproposal_changelist")
DECISIONS = reverse("admin:ledger_decisionrecord_changelist")
AUDIT = reverse("admin:audit")
LISTS = [(PROPOSALS, "status=PENDING"), (DECISIONS, "verdict=block"), (AUDIT, "kind=Proposals")]


def kept(reply):
    """Names and addresses of the filters that a list shows."""
    found = re.search(r'<details class="filter saved".*?</details>', reply.content.decode(), re.DOTALL)
    return {name: unescape(at) for at, name in re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', found[0])}


def keep(client, listed, query, name):
    return client.post(f"{listed}filters/?{query}", {"name": name}, follow=True)


@pytest.mark.parametrize(("listed", "query"), LISTS)
def test_saved__leads_to_the_same_rows__and_is_nobody_elses(listed, query):
    workspace = WorkspaceFactory(slug="post")
    mine, other = signed_in(admin_of(workspace)), signed_in(admin_of(workspace))
    reply = keep(mine, listed, f"{query}&workspace=post", "What I watch")
    assert "kept as “What I watch”" in words(reply)
    assert kept(mine.get(f"{listed}?workspace=post")) == {"What I watch": f"?{query}&workspace=post"}
    assert kept(other.get(f"{listed}?workspace=post")) == {}
    shown = mine.get(f"{listed}?{query}&workspace=post").content.decode()
    assert re.search(r'aria-current="true">What I watch<', shown)


def test_saved__of_one_workspace__is_not_offered_in_another():
    first, second = WorkspaceFactory(slug="a"), WorkspaceFactory(slug="b")
    person = admin_of(first)
    Membership.objects.create(user=person, workspace=second, role="viewer")
    client = signed_in(person)
    keep(client, PROPOSALS, "status=PENDING&workspace=a", "Of a")
    keep(client, PROPOSALS, "status=PENDING", "Of all")
    assert set(kept(client.get(f"{PROPOSALS}?workspace=a"))) == {"Of a"}
    assert set(kept(client.get(f"{PROPOSALS}?workspace=b"))) == set()
    assert kept(client.get(PROPOSALS)) == {"Of all": "?status=PENDING"}
    Membership.objects.filter(user=person, workspace=first).delete()
    assert set(kept(client.get(f"{PROPOSALS}?workspace=a"))) == {"Of all"}


def test_same_name__replaces__and_delete_is_for_ones_own():
    workspace = WorkspaceFactory()
    person, other = admin_of(workspace), admin_of(workspace)
    client = signed_in(person)
    keep(client, PROPOSALS, "status=PENDING", "Mine")
    keep(client, PROPOSALS, "status=APPLIED", "Mine")
    stored = SavedFilter.objects.get()
    assert stored.query == "status=APPLIED"
    signed_in(other).post(f"{PROPOSALS}filters/", {"delete": stored.pk})
    client.post(f"{DECISIONS}filters/", {"delete": stored.pk})
    client.post(f"{PROPOSALS}filters/", {"delete": "x"})
    assert SavedFilter.objects.exists()
    assert "was deleted" in words(client.post(f"{PROPOSALS}filters/", {"delete": stored.pk}, follow=True))
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("", "Nothing", "There must be filters to keep"),
        ("q=secret&p=1", "A search", "There must be filters to keep"),
        ("status=PENDING", " ", "must not be empty"),
        ("status=PENDING", "x" * 61, "at most 60"),
        ("origin=" + "x" * 2000, "Long", "at most 2,000 characters"),
        ("nonsense=1", "Unknown", ""),
        ("status=PENDING", "a\0b", "cannot be stored"),
    ],
)
def test_what_is_no_filter_or_no_name__says_so_and_keeps_nothing(query, name, said):
    client = signed_in(viewer_of(WorkspaceFactory()))
    assert said in words(keep(client, PROPOSALS, query, name))
    assert not SavedFilter.objects.exists()


def test_many__are_refused_and_the_old_ones_stay():
    person = viewer_of(WorkspaceFactory())
    client = signed_in(person)
    for number in range(30):
        keep(client, PROPOSALS, "status=APPLIED", str(number))
    assert "At most 30" in words(keep(client, PROPOSALS, "status=PENDING", "One more"))
    keep(client, PROPOSALS, "status=PENDING", "7")
    assert SavedFilter.objects.get(name="7").query == "status=PENDING"
    assert SavedFilter.objects.count() == 30


def test_another_workspace_or_nobody__keeps_nothing():
    WorkspaceFactory(slug="far")
    stranger = signed_in(admin_of(WorkspaceFactory()))
    keep(stranger, AUDIT, "kind=Proposals&workspace=far", "x")
    keep(stranger, DECISIONS, "verdict=block&workspace=far", "x")
    assert not SavedFilter.objects.filter(workspace__slug="far").exists()
    assert stranger.get(f"{PROPOSALS}filters/").status_code == 405
    assert stranger.get(f"{AUDIT}filters/").status_code == 405


def test_account_deleted__its_filters_go_with_it():
    person = admin_of(WorkspaceFactory())
    SavedFilter.objects.create(user=person, page="audit", name="x", query="a=1")
    User.objects.filter(pk=person.pk).delete()
    assert not SavedFilter.objects.exists()


def test_kept_filter__follows_its_own_address(django_assert_max_num_queries):
    workspace = WorkspaceFactory(slug="post")
    pending(workspace)
    client = signed_in(SuperuserFactory())
    keep(client, PROPOSALS, "status=APPLIED&workspace=post", "Done")
    address = kept(client.get(f"{PROPOSALS}?workspace=post"))["Done"]
    assert "Nothing matches" in words(client.get(PROPOSALS + address))
