"""How far the labelling of a workspace is, and how it goes for one person."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from governance.access.permissions import Person
from governance.models import Workspace
from ledger.labelling.due import count_overdue
from ledger.labelling.queue import standing
from ledger.models import Judgement
from ledger.selectors import count_waiting_for_review

_RECENT = 100
"""Answers of a person by which their pace is told."""


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
    """Return how far labelling is in a workspace, as one person sees it."""
    mine = standing(Judgement.objects.in_workspace(workspace)).filter(person_id=person.pk)
    mine = mine.exclude(answer=Judgement.Answer.SKIPPED)
    newest = mine.filter(seconds__isnull=False).order_by("-id")[:_RECENT]
    recent = [seconds for seconds in newest.values_list("seconds", flat=True) if seconds is not None]
    return Progress(
        waiting=count_waiting_for_review([workspace])[workspace.pk],
        overdue=count_overdue([workspace])[workspace.pk],
        answered=mine.filter(at__gt=timezone.now() - timedelta(hours=24)).count(),
        pace=statistics.median(recent) if recent else None,
    )
