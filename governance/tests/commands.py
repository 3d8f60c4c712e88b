"""Commands as a person runs them."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command


def run(name, *args):
    out = StringIO()
    call_command(name, *map(str, args), stdout=out)
    return out.getvalue()
