"""Writes around notices: how people want to be told, and the end of what they were told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput
from governance.models import Notice, NoticeSettings


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


def prune_notices(*, days: int) -> int:
    """Delete the notices that were sent or given up, of events so many days ago; return how many."""
    before = timezone.now() - timedelta(days=days)
    settled = Notice.objects.filter(created_at__lt=before).exclude(status=Notice.Status.PENDING)
    return int(settled.delete()[0])
