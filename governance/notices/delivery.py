"""Sending notices: all that is due to a person in one letter, claimed by a compare-and-swap, tried again with pauses.

At least once: a process that dies after the mail server took a letter sends it again.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db.models import F, QuerySet
from django.utils import timezone
from django_tasks import task

from governance.models import Notice

log = logging.getLogger(__name__)

Status = Notice.Status

MAX_ATTEMPTS = 8
LEASE = timedelta(minutes=2)
OVERDUE = timedelta(minutes=1)
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180, 600, 1440)]
MOST_IN_A_LETTER = 100


@task()
def send_notices(user_id: int) -> None:
    """Send a person what is due to them, in one letter; nothing when nothing is, or somebody else is at it."""
    _send(user_id, Notice.objects.filter(user_id=user_id, next_attempt_at__lte=timezone.now()))


def send_overdue_notices() -> int:
    """Send what no task came for; return to how many people."""
    late = Notice.objects.filter(status=Status.PENDING, next_attempt_at__lte=timezone.now() - OVERDUE)
    return _send_each(late)


def send_digests() -> int:
    """Send everybody who wants one letter a day what has come together; return to how many people."""
    return _send_each(Notice.objects.filter(status=Status.PENDING, in_digest=True))


def _send_each(notices: QuerySet[Notice]) -> int:
    user_ids = list(notices.order_by("user_id").values_list("user_id", flat=True).distinct())
    for user_id in user_ids:
        _send(user_id, notices.filter(user_id=user_id))
    return len(user_ids)


def _send(user_id: int, notices: QuerySet[Notice]) -> None:
    person = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    claimed = _claim(notices)
    if not claimed:
        return
    ours = Notice.objects.filter(pk__in=[notice.pk for notice in claimed])
    if person is None:
        ours.update(status=Status.FAILED)
        return
    try:
        send_mail(_subject(claimed), _text(claimed), None, [person.email])
    except (SMTPException, OSError) as error:
        _postpone(claimed)
        log.warning("%d notices could not be sent (%s)", len(claimed), type(error).__name__)
    else:
        ours.update(status=Status.SENT)


def _claim(notices: QuerySet[Notice]) -> list[Notice]:
    """Take what nobody else is at: each row by itself, with the moment at which it was due as its version."""
    now, claimed = timezone.now(), []
    for notice in notices.filter(status=Status.PENDING).select_related("workspace").order_by("pk")[:MOST_IN_A_LETTER]:
        unclaimed = Notice.objects.filter(
            pk=notice.pk, status=Status.PENDING, attempts=notice.attempts, next_attempt_at=notice.next_attempt_at
        )
        if unclaimed.update(attempts=F("attempts") + 1, next_attempt_at=now + LEASE) == 1:
            notice.attempts += 1
            claimed.append(notice)
    return claimed


def _postpone(claimed: list[Notice]) -> None:
    now = timezone.now()
    for notice in claimed:
        given_up = notice.attempts >= MAX_ATTEMPTS
        pause = PAUSES[min(notice.attempts, len(PAUSES)) - 1]
        Notice.objects.filter(pk=notice.pk).update(
            status=Status.FAILED if given_up else Status.PENDING, next_attempt_at=now + pause
        )


def _subject(notices: list[Notice]) -> str:
    if len(notices) == 1:
        return f"{_headline(notices[0])}: {notices[0].workspace.name}"
    return f"{len(notices)} notices of the Enterprise Confidence System"


def _text(notices: list[Notice]) -> str:
    letters = [
        f"{_headline(each)}\n{_place(each)}, {each.created_at:%Y-%m-%d %H:%M} UTC\n{each.url}" for each in notices
    ]
    # Imported rows of names only: no title, reason or evidence is in a letter.
    foot = f"What you are told, and how soon: {settings.CONFIDENCE_SITE_URL}/admin/notices/"
    return "\n\n".join([*letters, foot])


def _headline(notice: Notice) -> str:
    label = notice.get_event_display()
    return f"{label}, and waits for you" if notice.kind == "waiting" else label


def _place(notice: Notice) -> str:
    return f"{notice.policy_key} in {notice.workspace.name}" if notice.policy_key else notice.workspace.name
