"""Writes of how people want to be told."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import User

from confidence_project.foundation.errors import InvalidInput
from governance.models import NoticeSettings


def set_notices(*, actor: User, pace: str, kinds: Collection[str]) -> NoticeSettings:
    """Have `actor` told these kinds of events at this pace, from the next event on.

    Raises
    ------
    InvalidInput
        The pace or a kind is not known.
    """
    if pace not in NoticeSettings.Pace.values:
        raise InvalidInput(f"The pace is one of {', '.join(NoticeSettings.Pace.values)}.")
    if not set(kinds) <= set(NoticeSettings.Kind.values):
        raise InvalidInput(f"The kinds are among {', '.join(NoticeSettings.Kind.values)}.")
    chosen = {"pace": pace, "kinds": sorted(set(kinds))}
    stored, _ = NoticeSettings.objects.update_or_create(user=actor, defaults=chosen)
    return stored
