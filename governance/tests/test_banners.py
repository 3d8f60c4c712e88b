"""An emergency change stands on every page of the admin until a second superuser has looked at it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.controls.services import close_break_glass_review
from governance.models import BreakGlassReview
from governance.tests.browser import page, signed_in, text
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, approved, viewer_of
from governance.workflow import apply_confidence_policy_proposal

pytestmark = pytest.mark.django_db
PAGES = [
    reverse(f"admin:{name}")
    for name in ("index", "second_factor", "password_change", "governance_workspace_changelist", "knox_authtoken_add")
]


def in_an_emergency(workspace):
    apply_confidence_policy_proposal(
        actor=SuperuserFactory(),
        workspace=workspace,
        proposal_id=approved(workspace).pk,
        break_glass=True,
        reason="Fire.",
    )
    return BreakGlassReview.objects.get(workspace=workspace)


def bannered(person):
    """The reviews that stand on each of the pages; the same everywhere."""
    client = signed_in(person)
    shown = {tuple(each.pk for each in client.get(address).context["open_reviews"]) for address in PAGES}
    assert len(shown) == 1
    return list(shown.pop())


def test_banner__on_every_page__until_a_second_superuser_closes_the_review():
    workspace = WorkspaceFactory()
    review = in_an_emergency(workspace)
    everybody = [viewer_of(workspace), admin_of(workspace), SuperuserFactory()]
    for person in everybody:
        assert bannered(person) == [review.pk]
    shown = text(signed_in(everybody[0]).get(reverse("admin:index")))
    assert "changed in an emergency" in shown
    assert page(review) in shown
    close_break_glass_review(actor=everybody[2], review_id=review.pk, note="Was right.")
    for person in everybody:
        assert bannered(person) == []


def test_banner__of_another_workspace__and_before_the_sign_in__is_not_shown():
    in_an_emergency(WorkspaceFactory())
    assert bannered(admin_of(WorkspaceFactory())) == []
    assert "emergency" not in text(Client().get(reverse("admin:login")))


def test_banner__more_reviews__the_same_queries():
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("admin:password_change")).status_code == 200
        return len(captured)

    client = signed_in(SuperuserFactory())
    in_an_emergency(WorkspaceFactory())
    queries()
    before = queries()
    for _ in range(3):
        in_an_emergency(WorkspaceFactory())
    assert queries() == before
