"""Pages that say what went wrong: of the desk's looks, without anything inline, and without a session or a database."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from confidence_project.desk.tests.inline import REFUSED


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_page__by_itself__says_what_to_do_and_holds_nothing_inline(name):
    page = render_to_string(f"{name}.html")
    assert [rule for rule in REFUSED if re.search(rule, page)] == []
    assert "desk/desk.css" in page
    assert f'href="{reverse("admin:index")}"' in page


def test_error_page__form_without_its_token__says_that_nothing_was_changed():
    reply = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "somebody"})
    assert reply.status_code == 403
    assert "This form is too old" in reply.content.decode()


def test_error_page__address_that_nobody_knows__is_not_found():
    reply = Client().get("/nowhere")
    assert reply.status_code == 404
    assert "There is no such page" in reply.content.decode()
