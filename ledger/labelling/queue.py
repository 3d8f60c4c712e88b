"""Which decision a reviewer is shown next: what waits for a label, a second look at another's, or a known case."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.labelling.assigning import waiting_of
from ledger.labelling.confirming import labels_from, with_unconfirmed
from ledger.labelling.rules import rules_of
from ledger.models import (
    DecisionRecord,
    Judgement,
    KnownCase,
    LabelAssignment,
    LabelClaim,
    LabellingRules,
    Purpose,
)
from ledger.reviews import last_seen

HELD_FOR = timedelta(minutes=15)
"""So long a decision lies before the person who was shown it, and before nobody else."""

_TRIED = 20
"""Decisions that others may be taking at this moment, before there is said to be none."""

_SECOND_FIRST = 0.5
"""How often a second look comes before a label where both wait: neither can be told from what is shown."""

_LOTTERY = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A decision that lies before a person.

    Parameters
    ----------
    claim : LabelClaim
        Whose it is, until when, and for which purpose; the person is not shown the purpose.
    rules : LabellingRules
        How decisions of its policy are given to reviewers.
    due_at : datetime
        When its answer is due.
    """

    claim: LabelClaim
    rules: LabellingRules
    due_at: datetime

    @property
    def decision(self) -> DecisionRecord:
        return self.claim.decision


def next_task(*, person: Person, workspace: Workspace) -> Task | None:
    """Return what lies before a person, or put the next decision before them; None where nothing waits for them.

    Raises
    ------
    NotFound, PermissionRefused
        The workspace is not the person's; the person may not label.
    """
    require(Verb.LABEL, person, workspace)
    now = timezone.now()
    LabelClaim.objects.in_workspace(workspace).filter(until__lte=now).delete()
    mine = LabelClaim.objects.in_workspace(workspace).filter(person_id=person.pk).select_related("decision")
    if (held := mine.first()) is not None:
        return _task(held)
    for decision, purpose in _offers(person, workspace):
        # Somebody else was first, or the same person in another window.
        claim = _claimed(person, decision, purpose, now) or mine.first()
        if claim is not None:
            return _task(claim)
    return None


def hold_again(*, person: Person, decision: DecisionRecord, purpose: str) -> None:
    """Put a decision before a person whose answer to it was taken back, in place of what lies there."""
    LabelClaim.objects.in_workspace(decision.workspace).filter(person_id=person.pk).delete()
    _claimed(person, decision, Purpose(purpose), timezone.now())


def standing(judgements: QuerySet[Judgement], *, as_of: datetime | None = None) -> QuerySet[Judgement]:
    """Narrow judgements to answers that were not taken back, or not until a moment."""
    answers = judgements.exclude(answer=Judgement.Answer.UNDONE)
    return answers.filter(undone_by__isnull=True) if as_of is None else answers.exclude(undone_by__at__lte=as_of)


def _task(claim: LabelClaim) -> Task:
    rules = rules_of(claim.workspace, claim.decision.policy_key)
    return Task(claim=claim, rules=rules, due_at=claim.decision.timestamp + timedelta(days=rules.due_days))


def _claimed(person: Person, decision: DecisionRecord, purpose: Purpose, now: datetime) -> LabelClaim | None:
    """Take a decision for a person, None where somebody else was first."""
    try:
        with transaction.atomic():
            return LabelClaim.objects.create(
                workspace=decision.workspace,
                person_id=cast(int, person.pk),
                decision=decision,
                purpose=purpose,
                seen=last_seen(decision),
                shown_at=now,
                until=now + HELD_FOR,
            )
    except IntegrityError:
        return None


def _offers(person: Person, workspace: Workspace) -> Iterator[tuple[DecisionRecord, Purpose]]:
    """What may be put before a person, what should come first, first."""
    waiting = list(_waiting(person, workspace)[:_TRIED])
    checks = list(_waiting(person, workspace, found_wrong=True)[:_TRIED])
    seconds = list(_second_looks(person, workspace)[:_TRIED])
    first = waiting[0] if waiting else None
    if first is not None and _LOTTERY.random() < rules_of(workspace, first.policy_key).known_share:
        known = _known(person, workspace, first.policy_key)
        if known is not None:
            yield known, Purpose.KNOWN
    kinds = [[(waiting, Purpose.LABEL)], [(checks, Purpose.CHECK), (seconds, Purpose.SECOND)]]
    if _LOTTERY.random() < _SECOND_FIRST:
        kinds.reverse()
    offers = [(decision, purpose) for each in kinds for decisions, purpose in each for decision in decisions]
    yield from sorted(offers, key=lambda offer: not offer[0].is_theirs)  # type: ignore[attr-defined]


def _waiting(person: Person, workspace: Workspace, *, found_wrong: bool = False) -> QuerySet[DecisionRecord]:
    """What was drawn and has no label: nobody looked at it, or somebody found it wrong and has to be confirmed."""
    waiting = with_unconfirmed(waiting_of(workspace), wanted=found_wrong)
    return _free(waiting, person, Purpose.CHECK if found_wrong else Purpose.LABEL)


def _second_looks(person: Person, workspace: Workspace) -> QuerySet[DecisionRecord]:
    drawn = standing(Judgement.objects.in_workspace(workspace)).filter(wants_second=True)
    # Whoever has to confirm an answer gives the second look at it, too.
    drawn = drawn.exclude(answer=Judgement.Answer.WRONG, outcome__isnull=True)
    wanted = DecisionRecord.objects.filter(pk__in=drawn.values("decision_id"))
    seconds = Judgement.objects.filter(decision_id=OuterRef("pk"), purpose=Purpose.SECOND)
    done = standing(seconds).exclude(answer=Judgement.Answer.SKIPPED)
    return _free(wanted.exclude(Exists(done)), person, Purpose.SECOND)


def _known(person: Person, workspace: Workspace, policy_key: str) -> DecisionRecord | None:
    """A known case that the person was not asked about yet; first one whose answers wait to be confirmed."""
    cases = KnownCase.objects.in_workspace(workspace).in_force().filter(policy_key=policy_key)
    # Who marked a case knows its truth, and measures nothing.
    cases = cases.exclude(started_by_id=person.pk)
    fresh = cases.exclude(Exists(_answered_by(person, OuterRef("decision_id"))))
    decisions = list(DecisionRecord.objects.filter(pk__in=fresh.values("decision_id")).select_related("workspace"))
    if rules_of(workspace, policy_key).confirms_wrong:
        answers = known_answers_by_decision(standing(Judgement.objects.filter(decision__in=decisions)))
        decisions = [each for each in decisions if labels_from(answers[each.pk])[1]] or decisions
    return _LOTTERY.choice(decisions) if decisions else None


def known_answers_by_decision(judgements: QuerySet[Any]) -> Mapping[object, list[str]]:
    """Return what was answered about known cases, in order, by id of the decision."""
    answers: dict[object, list[str]] = defaultdict(list)
    asked = judgements.filter(purpose=Purpose.KNOWN).exclude(answer=Judgement.Answer.SKIPPED).order_by("id")
    for decision_id, answer in asked.values_list("decision_id", "answer"):
        answers[decision_id].append(answer)
    return answers


def _free(decisions: QuerySet[DecisionRecord], person: Person, purpose: Purpose) -> QuerySet[DecisionRecord]:
    """What nobody holds, the person did not answer and is no other's for now; first what is theirs, then the oldest."""
    held = LabelClaim.objects.filter(decision_id=OuterRef("pk"), purpose=purpose)
    assigned = LabelAssignment.objects.filter(decision_id=OuterRef("pk"), until__gt=timezone.now())
    theirs = assigned.filter(person_id=person.pk)
    free = decisions.exclude(Exists(held)).exclude(Exists(_answered_by(person)))
    free = free.annotate(is_theirs=Exists(theirs)).filter(~Exists(assigned) | Q(is_theirs=True))
    return free.order_by("-is_theirs", "pk").select_related("workspace")


def _answered_by(person: Person, decision_id: OuterRef | None = None) -> QuerySet[Judgement]:
    of_decision = Judgement.objects.filter(decision_id=decision_id or OuterRef("pk"))
    # Whoever answers elsewhere under the name of their account is the same person.
    theirs = Q(person_id=person.pk) | Q(person_id__isnull=True, person_name=person.get_username())
    return standing(of_decision).filter(theirs)
