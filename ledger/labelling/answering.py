"""What a reviewer answers about the decision that lies before them, and taking it back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, LostRace, WrongState
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.labelling.confirming import TOWARDS_A_LABEL, label_from
from ledger.labelling.queue import hold_again, standing
from ledger.labelling.rules import rules_of
from ledger.models import DecisionRecord, Judgement, LabelClaim, OutcomeVoid, Purpose
from ledger.reviews import last_seen, record_review

UNDO_WITHIN = timedelta(minutes=15)

ANSWERS = [answer for answer in Judgement.Answer if answer is not Judgement.Answer.UNDONE]
"""What a person may answer."""

_LABELS: Mapping[str | None, bool] = {Judgement.Answer.RIGHT: True, Judgement.Answer.WRONG: False}
_LOTTERY = random.SystemRandom()


def answer_task(*, person: Person, workspace: Workspace, claim_id: int, answer: str) -> Judgement:
    """Record what a person answers about the decision that lies before them.

    The first answer to a decision, right or wrong, is its label, unless a failure has to be confirmed: then the answer
    that settles it is, and until then the decision waits. A second look and a known case only measure.
    Whoever cannot tell takes it from the queue: drawn at random and without a label, it counts as a failure.

    Parameters
    ----------
    claim_id
        Of the `LabelClaim` that was shown: an answer to one that is over is none to the next.
    answer
        One of `ANSWERS`.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the person's; the person may not label; that is no answer.
    LostRace
        The decision lies before the person no more.
    """
    require(Verb.LABEL, person, workspace)
    if answer not in ANSWERS:
        raise InvalidInput(f"An answer is one of {', '.join(ANSWERS)}.")
    mine = LabelClaim.objects.in_workspace(workspace).filter(pk=claim_id, person_id=person.pk)
    claim = mine.select_related("decision__workspace").first()
    if claim is None:
        raise LostRace("This decision was given back, as nobody answered in time. Go on with the one below.")
    now, rules = timezone.now(), rules_of(workspace, claim.decision.policy_key)
    label = _label_with(claim.decision, claim.purpose, answer, confirms_wrong=bool(rules.confirms_wrong))
    outcome = None
    if label in _LABELS:
        success = _LABELS[label]
        outcome = record_review(actor=person, decision=claim.decision, success=success, seen=claim.seen)
    is_drawn = claim.purpose == Purpose.LABEL and answer in _LABELS and _LOTTERY.random() < rules.twice_share
    with transaction.atomic():
        judgement = Judgement.objects.create(
            workspace=workspace,
            decision=claim.decision,
            policy_key=claim.decision.policy_key,
            purpose=claim.purpose,
            answer=answer,
            is_blind=rules.is_blind,
            seconds=max(round((now - claim.shown_at).total_seconds()), 0),
            wants_second=is_drawn,
            outcome=outcome,
            person_id=person.pk,
            person_name=person.get_username(),
            at=now,
        )
        mine.delete()
    return judgement


def _label_with(decision: DecisionRecord, purpose: str, answer: str, *, confirms_wrong: bool) -> str | None:
    """Return what an answer makes the label, None where it makes none (yet)."""
    if purpose == Purpose.LABEL and not confirms_wrong:
        return answer
    if purpose not in TOWARDS_A_LABEL:
        return None
    return label_from([*_towards_the_label(decision).values_list("answer", flat=True), answer])


def _towards_the_label(decision: DecisionRecord) -> QuerySet[Judgement]:
    """Answers that stand and make the label of a decision, in their order."""
    of_decision = standing(Judgement.objects.filter(decision=decision, purpose__in=TOWARDS_A_LABEL))
    return of_decision.exclude(answer=Judgement.Answer.SKIPPED).order_by("id")


def can_undo(*, person: Person, workspace: Workspace) -> Judgement | None:
    """Return the person's last answer while it may be taken back: in time, and nobody was asked or answered upon it."""
    mine = standing(Judgement.objects.in_workspace(workspace)).filter(person_id=person.pk)
    last = mine.select_related("decision__workspace", "outcome").order_by("-id").first()
    if last is None or last.at < timezone.now() - UNDO_WITHIN:
        return None
    if last.purpose in TOWARDS_A_LABEL:
        is_asked = LabelClaim.objects.filter(decision=last.decision, purpose=Purpose.CHECK).exists()
        if is_asked or _towards_the_label(last.decision).filter(pk__gt=last.pk).exists():
            return None
    is_newest = last.outcome is None or last.outcome.sequence == last_seen(last.decision)
    return last if is_newest else None


def undo_answer(*, person: Person, workspace: Workspace) -> Judgement:
    """Take the person's last answer back, void the outcome that it was, and put the decision before them again.

    Raises
    ------
    NotFound, PermissionRefused
        The workspace is not the person's; the person may not label.
    WrongState
        There is none, it is too old, or somebody has recorded another outcome since.
    """
    require(Verb.LABEL, person, workspace)
    with transaction.atomic():
        workspace.lock()
        last = can_undo(person=person, workspace=workspace)
        if last is None:
            raise WrongState("There is no answer of yours that could still be taken back.")
        now = timezone.now()
        if last.outcome is not None:
            OutcomeVoid.objects.create(
                outcome=last.outcome, workspace=workspace, at=now, reporter=person.get_username()
            )
        undone = Judgement.objects.create(
            workspace=workspace,
            decision=last.decision,
            policy_key=last.policy_key,
            purpose=last.purpose,
            answer=Judgement.Answer.UNDONE,
            is_blind=last.is_blind,
            undoes=last,
            person_id=person.pk,
            person_name=person.get_username(),
            at=now,
        )
        hold_again(person=person, decision=last.decision, purpose=last.purpose)
    return undone
