"""When answers are due, how many are late, and reminding people of them once a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from governance.models import Reminder, Workspace
from governance.notices.outbox import notify
from ledger.models import LabellingRules
from ledger.models.decisions import least_decision_id
from ledger.selectors import ID_SLACK, count_waiting_for_review

DUE_DAYS: int = LabellingRules._meta.get_field("due_days").default
"""Where a policy has no rules."""


def count_overdue(workspaces: Iterable[Workspace]) -> Mapping[int, int]:
    """Count, by id of the workspace, what waits for a label whose date is over, in two queries.

    Up to `MOST_COUNTED + 1`, which stands for more.
    """
    listed = list(workspaces)
    return count_waiting_for_review(listed, only=is_overdue(listed)) if listed else {}


def is_overdue(workspaces: Sequence[Workspace]) -> Q:
    """Return the condition under which the answer to a decision of these workspaces is late by now."""
    now = timezone.now()
    rules = LabellingRules.objects.in_force().filter(workspace__in=workspaces)
    terms = list(rules.values_list("workspace_id", "policy_key", "due_days"))
    late = Q(timestamp__lt=now - timedelta(days=DUE_DAYS))
    for workspace_id, policy_key, due_days in terms:
        this = Q(workspace_id=workspace_id, policy_key=policy_key)
        late = (late & ~this) | (this & Q(timestamp__lt=now - timedelta(days=due_days)))
    # By its id, too: the queue is in the order of these, and of what came in lately nothing is looked at.
    soonest = min([DUE_DAYS, *(due_days for _, _, due_days in terms)])
    return late & Q(pk__lt=least_decision_id(now - timedelta(days=soonest), ID_SLACK))


def remind(workspaces: Iterable[Workspace]) -> int:
    """Tell those who may answer where answers are late, each at most once a day; return of how many workspaces."""
    late = [each for each in workspaces if count_overdue([each])[each.pk]]
    for workspace in late:
        page = f"{reverse('admin:ledger_judgement_workbench')}?workspace={workspace.slug}"
        url = f"{settings.CONFIDENCE_SITE_URL}{page}"
        notify(Reminder.LABELS_OVERDUE, workspace, None, policy_key=None, url=url, at=timezone.now())
    return len(late)
