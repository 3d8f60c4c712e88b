"""A signed-in browser for tests of the admin."""

from __future__ import annotations

import html
import re

from django.test import Client
from django.urls import reverse


def signed_in(user, **options):
    client = Client(**options)
    client.force_login(user)
    return client


def url(model, page, *args):
    return reverse(f"admin:governance_{model._meta.model_name}_{page}", args=args)


def page(row, name="change"):
    return url(type(row), name, row.pk)


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def words(response):
    """What a reader sees of the page: its text without the tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())))
