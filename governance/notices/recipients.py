"""Who is told of an event, and as what: something that waits for them, or something that happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from governance.access.permissions import Verb, may, may_close_review
from governance.models import (
    BreakGlassReview,
    ConfidencePolicyProposal,
    Notice,
    NoticeSettings,
    Reminder,
    WebhookEndpoint,
    Workspace,
)

Event = WebhookEndpoint.Event
Kind = NoticeSettings.Kind

_NEXT_STEP: Mapping[str, Verb] = {Event.PROPOSAL_OPENED: Verb.APPROVE, Event.PROPOSAL_APPROVED: Verb.APPLY}

_KIND_OF_TREE: Mapping[str, str] = {
    "proposal": Kind.DECIDED,
    "policy": Kind.DECIDED,
    "rollout": Kind.DECIDED,
    "break_glass_review": Kind.DECIDED,
    "kill_switch": Kind.SWITCHES,
    "source": Kind.SWITCHES,
    "audit_sampling": Kind.SWITCHES,
    "workspace": Kind.SWITCHES,
}


def recipients_of(event: str, workspace: Workspace, subject: Any) -> Iterator[tuple[User, str]]:
    """Give each person who can be written to, with the kind of notice that `event` is for them.

    `subject` is the row that the event is about. People of the workspace and superusers are told; that something was
    opened, only those for whom it waits; of labels that are overdue, who may answer, once a day.
    """
    if isinstance(subject, ConfidencePolicyProposal):
        # As the step leaves it: who took the last one is who four eyes keep from the next.
        subject = ConfidencePolicyProposal.objects.get(pk=subject.pk)
    people = User.objects.filter(is_active=True, is_staff=True).exclude(email="")
    people = people.filter(Q(is_superuser=True) | Q(memberships__workspace=workspace)).distinct()
    for person in people.select_related("notice_settings").order_by("pk"):
        if event == Reminder.LABELS_OVERDUE:
            if _is_to_be_reminded(person, workspace):
                yield person, Kind.LABELS
            continue
        kind = Kind.WAITING if _waits_for(person, event, workspace, subject) else _kind_of(event)
        if kind:
            yield person, kind


def _is_to_be_reminded(person: User, workspace: Workspace) -> bool:
    """True for who may answer, and was not told today."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    told = Notice.objects.filter(user=person, workspace=workspace, event=Reminder.LABELS_OVERDUE, created_at__gte=today)
    return may(Verb.LABEL, person, workspace) and not told.exists()


def _waits_for(person: User, event: str, workspace: Workspace, subject: Any) -> bool:
    if event == Event.BREAK_GLASS_REVIEW_OPENED and isinstance(subject, BreakGlassReview):
        return may_close_review(person, subject)
    verb = _NEXT_STEP.get(event)
    return verb is not None and isinstance(subject, ConfidencePolicyProposal) and may(verb, person, workspace, subject)


def _kind_of(event: str) -> str:
    if event in (Event.PROPOSAL_OPENED, Event.BREAK_GLASS_REVIEW_OPENED):
        return ""
    if event in (Event.POLICY_ALARM_RAISED, Event.POLICY_ANSWERS_CHANGED):
        return Kind.ALARMS
    return _KIND_OF_TREE[event.partition(".")[0]]
