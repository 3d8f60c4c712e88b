"""What a reviewer answers about the decision that lies before them, and taking it back."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, LostRace, WrongState
from confidence_project.foundation.submissions import commit_with_retry
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.labelling.confirming import TOWARDS_A_LABEL
from ledger.labelling.queue import hold_again, standing
from ledger.labelling.requests import ask_again
from ledger.labelling.rules import rules_of
from ledger.labelling.writing import Answer, towards_the_label, write_answer
from ledger.models import DecisionOutcome, Judgement, LabelClaim, OutcomeVoid, Purpose
from ledger.reviews import last_seen

UNDO_WITHIN = timedelta(minutes=15)

ANSWERS = [answer for answer in Judgement.Answer if answer is not Judgement.Answer.UNDONE]
"""What a person may answer."""


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

    def write() -> Judgement | None:
        workspace.lock()
        claim = mine.select_related("decision__workspace").first()
        if claim is None:
            raise LostRace("This decision was given back, as nobody answered in time. Go on with the one below.")
        mine.delete()
        if claim.purpose in TOWARDS_A_LABEL and _is_reviewed_since(claim):
            return None
        return write_answer(
            Answer(
                given=answer,
                name=person.get_username(),
                person_id=person.pk,
                reporter=person.get_username(),
                seconds=max(round((timezone.now() - claim.shown_at).total_seconds()), 0),
            ),
            decision=claim.decision,
            purpose=claim.purpose,
            rules=rules_of(workspace, claim.decision.policy_key),
            seen=claim.seen,
        )

    judgement = commit_with_retry(write)
    if judgement is None:
        raise LostRace("Somebody else said what should have happened meanwhile. Go on with the one below.")
    return judgement


def _is_reviewed_since(claim: LabelClaim) -> bool:
    reviews = claim.decision.outcomes.filter(source=DecisionOutcome.Source.HUMAN_REVIEW, void__isnull=True)
    return reviews.filter(sequence__gt=claim.seen).exists()


def can_undo(*, person: Person, workspace: Workspace) -> Judgement | None:
    """Return the person's last answer while it may be taken back: in time, and nobody was asked or answered upon it."""
    mine = standing(Judgement.objects.in_workspace(workspace)).filter(person_id=person.pk)
    last = mine.select_related("decision__workspace", "outcome").order_by("-id").first()
    if last is None or last.at < timezone.now() - UNDO_WITHIN:
        return None
    if last.purpose in TOWARDS_A_LABEL:
        is_asked = LabelClaim.objects.filter(decision=last.decision, purpose=Purpose.CHECK).exists()
        if is_asked or towards_the_label(last.decision).filter(pk__gt=last.pk).exists():
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
        ask_again(last.decision)
        hold_again(person=person, decision=last.decision, purpose=last.purpose)
    return undone
