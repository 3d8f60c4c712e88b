"""The registry for reading, and the menu that leads to it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from confidence_project.desk.menu import SECTIONS, SYSTEM
from governance.definitions import all_definitions
from governance.tests.browser import signed_in, words
from governance.tests.factories import UserFactory, WorkspaceFactory, viewer_of

pytestmark = pytest.mark.django_db
DEFINITIONS = reverse("admin:definitions")


def test_definitions__any_staff_member__reads_every_key_with_its_fields_bounds_and_source():
    shown = words(signed_in(UserFactory()).get(DEFINITIONS))
    for definition in all_definitions():
        assert f"{definition.title} {definition.key}" in shown
        for field in definition.fields:
            assert field.name in shown
    assert "allows a confidence at or above it: lower allows more 0.9 0 1 0.2 probability" in shown
    assert "Budget bounds what may be spent: higher allows more 4,000 100 200,000 4,000 tokens" in shown
    for source in ("decision ledger", "lead context bundles"):
        assert f"Evidence {source}" in shown


def test_definitions__nobody__has_to_sign_in():
    assert Client().get(DEFINITIONS).status_code == 302
    assert signed_in(UserFactory(is_staff=False)).get(DEFINITIONS).status_code == 302


def test_menu__of_a_viewer__goes_by_what_people_do_and_leads_to_the_definitions():
    page = signed_in(viewer_of(WorkspaceFactory())).get(reverse("admin:index"))
    captions = re.findall(r"<caption>(.*?)</caption>", page.content.decode())
    sections = [each for each in SECTIONS if each != SYSTEM]
    assert captions[: len(sections)] == sections
    assert SYSTEM not in captions
    assert f'<a href="{DEFINITIONS}">Definitions</a>' in page.content.decode()
    assert ">Accounts<" not in page.content.decode()


def test_menu__every_name__is_of_a_list_that_there_is():
    there = {model._meta.model_name for model in admin.site._registry} | {
        "definitions",
        "audit",
        "workbench",
        "labelfiles",
        "reviewers",
        "labelplan",
    }
    assert {key for names in SECTIONS.values() for key in names} <= there
