"""How far the labelling of a workspace is, and how it goes for one person."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from governance.access.permissions import Person
from governance.models import Workspace
from ledger.labelling.confirming import TOWARDS_A_LABEL
from ledger.labelling.due import is_overdue
from ledger.labelling.queue import standing
from ledger.labelling.requests import still_wanted
from ledger.models import Judgement, LabelRequest
from ledger.selectors import MOST_COUNTED

_RECENT = 100
"""Answers of a person by which their pace is told."""

_LOOKED_AT = 1_000
"""Of what waits, the oldest, among which is counted what is overdue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far labelling is.

    Parameters
    ----------
    waiting : int
        Decisions that were drawn and have no answer, up to `MOST_COUNTED + 1`, which stands for more.
    overdue : int
        How many of these should have one by now, counted likewise.
    answered : int
        What the person answered in the last 24 hours, skipped ones left out.
    pace : float or None
        Median seconds an answer of the person's last hundred; None without any.
    """

    waiting: int
    overdue: int
    answered: int
    pace: float | None


def progress_of(person: Person, workspace: Workspace) -> Progress:
    """Return how far labelling is in a workspace, as one person sees it who was just shown the next decision."""
    requests = LabelRequest.objects.in_workspace(workspace).filter(purpose__in=TOWARDS_A_LABEL)
    queue = requests.order_by("purpose", "decision_id").values("decision_id")
    late = still_wanted(queue[:_LOOKED_AT]).filter(is_overdue([workspace]))
    mine = standing(Judgement.objects.in_workspace(workspace)).filter(person_id=person.pk)
    mine = mine.exclude(answer=Judgement.Answer.SKIPPED)
    newest = mine.filter(seconds__isnull=False).order_by("-id")[:_RECENT]
    recent = [seconds for seconds in newest.values_list("seconds", flat=True) if seconds is not None]
    return Progress(
        waiting=still_wanted(queue[: MOST_COUNTED + 1]).count(),
        overdue=late.values("pk")[: MOST_COUNTED + 1].count(),
        answered=mine.filter(at__gt=timezone.now() - timedelta(hours=24)).count(),
        pace=statistics.median(recent) if recent else None,
    )
