"""Writing notices: a row for each person who wants the event, in the event's own transaction."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from governance.models import Notice, NoticeSettings, Workspace
from governance.notices.delivery import send_notices
from governance.notices.recipients import recipients_of

Pace = NoticeSettings.Pace


def notify(event: str, workspace: Workspace, subject: Any, *, policy_key: str | None, url: str, at: datetime) -> None:
    """Tell people of an event, each as their settings say; without a mail server nobody is told."""
    if not settings.CONFIDENCE_SENDS_MAIL:
        return
    wanted = []
    for person, kind in recipients_of(event, workspace, subject):
        how = settings_of(person)
        if how.pace == Pace.NEVER or kind not in how.kinds:
            continue
        in_digest = how.pace == Pace.DAILY
        wanted.append(
            Notice(
                user=person,
                workspace=workspace,
                event=event,
                kind=kind,
                policy_key=policy_key or "",
                url=url,
                in_digest=in_digest,
                next_attempt_at=Notice.digest_due(at) if in_digest else at,
                created_at=at,
            )
        )
    Notice.objects.bulk_create(wanted)
    for notice in wanted:
        if not notice.in_digest:
            # Robust: the event stands, whatever becomes of the queue; `send_overdue_notices` finds what it lost.
            transaction.on_commit(partial(send_notices.enqueue, notice.user_id), robust=True)


def settings_of(person: User) -> NoticeSettings:
    """Return how a person wants to be told, as stored or as the defaults are."""
    stored: NoticeSettings | None = getattr(person, "notice_settings", None)
    return stored or NoticeSettings(user=person, kinds=list(NoticeSettings.DEFAULT_KINDS))
