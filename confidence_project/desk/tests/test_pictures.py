"""Pictures of evidence over HTTP: who gets them, what they hold, and when they are drawn again."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from confidence_project.desk.tests.calibrated import calibrated
from governance.tests.browser import signed_in
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, viewer_of

pytestmark = pytest.mark.django_db

SVG = "{http://www.w3.org/2000/svg}"
CHARTS = ["reliability", "risk-coverage"]


def picture(proposal, chart="reliability", theme="light", place=0):
    return reverse("admin:desk_proposal_picture", args=[proposal.pk, place, chart, theme])


@pytest.fixture(scope="module")
def found(module_db):
    return calibrated(WorkspaceFactory())


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_picture__member__an_svg_with_title_and_description_and_no_style(found, chart, theme):
    _, proposal = found
    response = signed_in(viewer_of(proposal.workspace)).get(picture(proposal, chart, theme))
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    root = ElementTree.fromstring(response.content)
    assert root.find(f"{SVG}title").text
    assert "%" in root.find(f"{SVG}desc").text
    assert not any("style" in element.attrib or element.tag.endswith(("style", "script")) for element in root.iter())


def test_pictures__two_themes__differ(found):
    _, proposal = found
    client = signed_in(viewer_of(proposal.workspace))
    assert client.get(picture(proposal)).content != client.get(picture(proposal, theme="dark")).content


@pytest.mark.parametrize("chart", CHARTS)
def test_picture_of_a_run__member__is_drawn(found, chart):
    run, _ = found
    address = reverse("admin:desk_run_picture", args=[run.pk, "confidence_gate", 0, chart, "light"])
    assert signed_in(viewer_of(run.workspace)).get(address).status_code == 200
    assert signed_in(viewer_of(WorkspaceFactory())).get(address).status_code == 404


def test_picture__member_of_another_workspace__not_found(found):
    _, proposal = found
    assert signed_in(viewer_of(WorkspaceFactory())).get(picture(proposal)).status_code == 404


def test_picture__nobody_signed_in__asks_to_sign_in(found):
    _, proposal = found
    response = Client().get(picture(proposal))
    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_picture__seen_before__not_sent_again_but_asked_for_each_time(found):
    _, proposal = found
    client = signed_in(viewer_of(proposal.workspace))
    first = client.get(picture(proposal))
    assert {"private", "no-cache"} <= set(first["Cache-Control"].split(", "))
    again = client.get(picture(proposal), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_picture__membership_lost_since__not_even_a_304(found):
    _, proposal = found
    viewer = viewer_of(proposal.workspace)
    client = signed_in(viewer)
    etag = client.get(picture(proposal))["ETag"]
    viewer.memberships.all().delete()
    assert client.get(picture(proposal), headers={"If-None-Match": etag}).status_code == 404


@pytest.mark.parametrize(
    "what", [{"chart": "unknown"}, {"theme": "sepia"}, {"place": 99}], ids=["chart", "theme", "finding"]
)
def test_picture__there_is_no_such__not_found(found, what):
    _, proposal = found
    assert signed_in(SuperuserFactory()).get(picture(proposal, **what)).status_code == 404


def test_picture__post__refused(found):
    _, proposal = found
    assert signed_in(SuperuserFactory()).post(picture(proposal)).status_code == 405
