"""For what people are still to be asked: kept beside the ledger, so that the next decision is found at once.

The ledger is written without it. Drawn decisions are looked at in their order, each once, when somebody wants to know
what waits; from then on every answer says what the decision waits for after it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from governance.models import Workspace
from ledger.labelling.confirming import found_wrong
from ledger.models import DecisionRecord, Judgement, LabelMark, LabelRequest, Purpose
from ledger.models.decisions import least_decision_id
from ledger.selectors import MOST_COUNTED, drawn_for_review, with_answer_of_a_person

STEP = 500
"""Drawn decisions that are looked at in one statement."""

SETTLES_AFTER = timedelta(minutes=10)
"""Decisions commit in another order than that of their ids; after so long all of a moment are there."""


def catch_up(workspace: Workspace, *, fully: bool = False) -> None:
    """Look at what was drawn since the last time, until more wait than are counted; `fully`: at all of it."""
    mark = LabelMark.objects.filter(workspace=workspace).values_list("through", flat=True).first() or UUID(int=0)
    settled = least_decision_id(timezone.now() - SETTLES_AFTER)
    drawn = drawn_for_review(DecisionRecord.objects.in_workspace(workspace)).order_by("pk")
    seen, through, waiting, is_over = mark, mark, 0, False
    while not is_over:
        found = list(_with_purpose(drawn.filter(pk__gt=seen)).values_list("pk", "wanted")[:STEP])
        wanted = [(pk, purpose) for pk, purpose in found if purpose]
        LabelRequest.objects.bulk_create(
            [LabelRequest(workspace=workspace, decision_id=pk, purpose=purpose) for pk, purpose in wanted],
            ignore_conflicts=True,
        )
        seen = found[-1][0] if found else seen
        through = max([through, *(pk for pk, _ in found if pk < settled)])
        waiting += len(wanted)
        is_over = len(found) < STEP or (waiting > MOST_COUNTED and not fully)
    if through != mark:
        LabelMark.objects.bulk_create(
            [LabelMark(workspace=workspace, through=through)],
            update_conflicts=True,
            unique_fields=["workspace"],
            update_fields=["through"],
        )


def ask_again(decision: DecisionRecord) -> None:
    """Say for what a decision waits after an answer, or after one was taken back, within the caller's transaction."""
    drawn = drawn_for_review(DecisionRecord.objects.filter(pk=decision.pk))
    purpose = _with_purpose(drawn).values_list("wanted", flat=True).first()
    LabelRequest.objects.filter(decision=decision).exclude(purpose=purpose or "").delete()
    if purpose:
        LabelRequest.objects.get_or_create(
            decision=decision, defaults={"workspace_id": decision.workspace_id, "purpose": purpose}
        )


def still_wanted(decision_ids: Any) -> QuerySet[DecisionRecord]:
    """Return those decisions of the queue whose label nobody else told of meanwhile: hosts may report one, too."""
    asked = with_answer_of_a_person(DecisionRecord.objects.filter(pk__in=decision_ids, label_request__isnull=False))
    return asked.filter(Q(label__isnull=True) | Q(label_request__purpose=Purpose.SECOND))


def _with_purpose(drawn: QuerySet[DecisionRecord]) -> QuerySet[Any]:
    """Annotate drawn decisions with that for which a person is to be asked next; null: for nothing."""
    of_it = Judgement.objects.filter(decision_id=OuterRef("pk"), undone_by__isnull=True)
    # Whoever has to confirm an answer gives the second look at it, too.
    twice = of_it.filter(wants_second=True).exclude(answer=Judgement.Answer.WRONG, outcome__isnull=True)
    done = of_it.filter(purpose=Purpose.SECOND).exclude(answer__in=[Judgement.Answer.SKIPPED, Judgement.Answer.UNDONE])
    annotated: QuerySet[Any] = with_answer_of_a_person(drawn).annotate(
        wanted=Case(
            When(Q(label__isnull=True) & Exists(found_wrong()), then=Value(Purpose.CHECK.value)),
            When(label__isnull=True, then=Value(Purpose.LABEL.value)),
            When(Exists(twice) & ~Exists(done), then=Value(Purpose.SECOND.value)),
            default=None,
            output_field=CharField(),
        )
    )
    return annotated
