"""What `AXES_USERNAME_CALLABLE` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

LONGEST_NAME = 150


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return the name under which a failed sign-in is counted.

    Cut, because a name longer than its column would make PostgreSQL refuse the count, and the sign-in with it.
    """
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    return str(name)[:LONGEST_NAME]
