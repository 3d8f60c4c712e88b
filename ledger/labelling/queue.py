"""Which decision a reviewer is shown next: what waits for a label, a second look at another's, or a known case."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.labelling.assigning import unassigned
from ledger.labelling.confirming import labels_from
from ledger.labelling.requests import catch_up, still_wanted
from ledger.labelling.rules import rules_of
from ledger.models import (
    DecisionRecord,
    Judgement,
    KnownCase,
    LabelAssignment,
    LabelClaim,
    LabellingRules,
    LabelRequest,
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


class _Offer(NamedTuple):
    """What may be put before a person, and why."""

    decision_id: UUID
    purpose: Purpose
    policy_key: str


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
    for offer in _offers(person, workspace):
        # Somebody else was first, or the same person in another window.
        claim = _claimed(person, workspace, offer.decision_id, offer.purpose, now) or mine.first()
        if claim is not None:
            return _task(claim)
    return None


def hold_again(*, person: Person, decision: DecisionRecord, purpose: str) -> None:
    """Put a decision before a person whose answer to it was taken back, in place of what lies there."""
    LabelClaim.objects.in_workspace(decision.workspace).filter(person_id=person.pk).delete()
    _claimed(person, decision.workspace, decision.pk, Purpose(purpose), timezone.now())


def standing(judgements: QuerySet[Judgement], *, as_of: datetime | None = None) -> QuerySet[Judgement]:
    """Narrow judgements to answers that were not taken back, or not until a moment."""
    answers = judgements.exclude(answer=Judgement.Answer.UNDONE)
    return answers.filter(undone_by__isnull=True) if as_of is None else answers.exclude(undone_by__at__lte=as_of)


def _task(claim: LabelClaim) -> Task:
    rules = rules_of(claim.workspace, claim.decision.policy_key)
    return Task(claim=claim, rules=rules, due_at=claim.decision.timestamp + timedelta(days=rules.due_days))


def _claimed(
    person: Person, workspace: Workspace, decision_id: UUID, purpose: Purpose, now: datetime
) -> LabelClaim | None:
    """Take a decision for a person, None where somebody else was first."""
    decision = DecisionRecord.objects.get(pk=decision_id)
    decision.workspace = workspace
    try:
        with transaction.atomic():
            return LabelClaim.objects.create(
                workspace=workspace,
                person_id=cast(int, person.pk),
                decision=decision,
                purpose=purpose,
                seen=last_seen(decision),
                shown_at=now,
                until=now + HELD_FOR,
            )
    except IntegrityError:
        return None


def _offers(person: Person, workspace: Workspace) -> Iterator[_Offer]:
    """What may be put before a person, what should come first, first; each part is looked up once it is its turn."""
    catch_up(workspace)
    yield from _theirs(person, workspace)
    waiting = _free(person, workspace, Purpose.LABEL)
    if waiting:
        policy_key = waiting[0].policy_key
        if _LOTTERY.random() < rules_of(workspace, policy_key).known_share:
            known = _known(person, workspace, policy_key)
            if known is not None:
                yield _Offer(known, Purpose.KNOWN, policy_key)
    if _LOTTERY.random() < _SECOND_FIRST:
        yield from _free(person, workspace, Purpose.CHECK, Purpose.SECOND)
        yield from waiting
    else:
        yield from waiting
        yield from _free(person, workspace, Purpose.CHECK, Purpose.SECOND)


def _theirs(person: Person, workspace: Workspace) -> Sequence[_Offer]:
    """The oldest that were given to the person, and that nobody holds."""
    given = LabelAssignment.objects.in_workspace(workspace).filter(person_id=person.pk, until__gt=timezone.now())
    if not given.exists():
        return []
    held = LabelClaim.objects.filter(decision_id=OuterRef("decision_id"), purpose=OuterRef("purpose"))
    requests = LabelRequest.objects.in_workspace(workspace).filter(decision__in=given.values("decision_id"))
    return _oldest(requests.exclude(Exists(held)).order_by("decision_id"), person)


def _free(person: Person, workspace: Workspace, *purposes: Purpose) -> Sequence[_Offer]:
    """The oldest that nobody holds and that are nobody's, of one purpose after another."""
    requests = LabelRequest.objects.in_workspace(workspace).order_by("decision_id")
    return [each for one in purposes for each in _oldest(unassigned(requests.filter(purpose=one)), person)]


def _oldest(requests: QuerySet[LabelRequest], person: Person) -> Sequence[_Offer]:
    """The first requests that the person did not answer. What turns out to wait no more is taken from the queue."""
    unanswered = requests.exclude(Exists(answered_by(person, OuterRef("decision_id"))))
    while found := dict(unanswered.values_list("decision_id", "purpose")[:_TRIED]):
        # By their ids: PostgreSQL might look for them among all that were decided.
        policies = dict(still_wanted(found).values_list("pk", "policy_key"))
        if policies:
            return [_Offer(pk, Purpose(found[pk]), policies[pk]) for pk in found if pk in policies]
        LabelRequest.objects.filter(decision__in=found).delete()
    return []


def _known(person: Person, workspace: Workspace, policy_key: str) -> UUID | None:
    """A known case that the person was not asked about yet; first one whose answers wait to be confirmed."""
    cases = KnownCase.objects.in_workspace(workspace).in_force().filter(policy_key=policy_key)
    decisions = list(unasked(cases, person).values_list("decision_id", flat=True))
    if rules_of(workspace, policy_key).confirms_wrong:
        answers = known_answers_by_decision(standing(Judgement.objects.filter(decision__in=decisions)))
        decisions = [each for each in decisions if labels_from(answers[each])[1]] or decisions
    return _LOTTERY.choice(decisions) if decisions else None


def unasked(cases: QuerySet[KnownCase], person: Person) -> QuerySet[KnownCase]:
    """Leave out the known cases that a person was asked about, or marked: who knows the truth measures nothing."""
    return cases.exclude(started_by_id=person.pk).exclude(Exists(answered_by(person, OuterRef("decision_id"))))


def known_answers_by_decision(judgements: QuerySet[Any]) -> Mapping[object, list[str]]:
    """Return what was answered about known cases, in order, by id of the decision."""
    answers: dict[object, list[str]] = defaultdict(list)
    asked = judgements.filter(purpose=Purpose.KNOWN).exclude(answer=Judgement.Answer.SKIPPED).order_by("id")
    for decision_id, answer in asked.values_list("decision_id", "answer"):
        answers[decision_id].append(answer)
    return answers


def answered_by(person: Person, decision_id: OuterRef) -> QuerySet[Judgement]:
    """Return the answers of a person that stand, about the decision of an outer query."""
    of_decision = Judgement.objects.filter(decision_id=decision_id)
    # Whoever answers elsewhere under the name of their account is the same person.
    theirs = Q(person_id=person.pk) | Q(person_id__isnull=True, person_name=person.get_username())
    return standing(of_decision).filter(theirs)
