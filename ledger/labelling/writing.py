"""Writing an answer: what it makes the label, the outcome that it then is, and the end of what it was asked by."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from ledger.labelling.confirming import TOWARDS_A_LABEL, label_from
from ledger.labelling.queue import standing
from ledger.labelling.requests import ask_again
from ledger.models import DecisionRecord, Judgement, LabelAssignment, LabellingRules, Purpose
from ledger.reviews import append_review

_LABELS: Mapping[str | None, bool] = {Judgement.Answer.RIGHT: True, Judgement.Answer.WRONG: False}
_LOTTERY = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody answered.

    Parameters
    ----------
    given : str
        One of `Judgement.Answer`, not `UNDONE`.
    name, person_id
        Who gave it, and the id of their account; None: they have none here.
    reporter : str
        Who told of it.
    seconds
        From being shown until the answer, None where that is not known.
    answered_at
        When it was given, None for now.
    """

    given: str
    name: str
    person_id: int | None
    reporter: str
    seconds: int | None
    answered_at: datetime | None = None


def write_answer(
    answer: Answer, *, decision: DecisionRecord, purpose: str, rules: LabellingRules, seen: int
) -> Judgement:
    """Write an answer about a decision within the caller's transaction, which holds the workspace's lock.

    Parameters
    ----------
    purpose
        Why it was asked for, one of `Purpose`.
    rules
        In force for the decision's policy.
    seen
        Sequence of the decision's last outcome, 0 for none.

    Raises
    ------
    WrongState, InvalidInput
        There was no action to judge; an impossible time.
    """
    label = _label_with(answer.given, decision, purpose, confirms_wrong=bool(rules.confirms_wrong))
    outcome = None
    if label in _LABELS:
        outcome = append_review(
            decision=decision,
            success=_LABELS[label],
            seen=seen,
            reporter=answer.reporter,
            answered_at=answer.answered_at,
        )
    is_first = purpose == Purpose.LABEL and answer.given in _LABELS
    LabelAssignment.objects.filter(decision=decision).delete()
    judgement = Judgement.objects.create(
        workspace=decision.workspace,
        decision=decision,
        policy_key=decision.policy_key,
        purpose=purpose,
        answer=answer.given,
        is_blind=rules.is_blind,
        seconds=answer.seconds,
        wants_second=is_first and _LOTTERY.random() < rules.twice_share,
        outcome=outcome,
        person_id=answer.person_id,
        person_name=answer.name,
        at=timezone.now(),
    )
    ask_again(decision)
    return judgement


def towards_the_label(decision: DecisionRecord) -> QuerySet[Judgement]:
    """Return the answers that stand and make the label of a decision, in their order."""
    of_decision = standing(Judgement.objects.filter(decision=decision, purpose__in=TOWARDS_A_LABEL))
    return of_decision.exclude(answer=Judgement.Answer.SKIPPED).order_by("id")


def _label_with(given: str, decision: DecisionRecord, purpose: str, *, confirms_wrong: bool) -> str | None:
    """Return what an answer makes the label, None where it makes none (yet)."""
    if purpose == Purpose.LABEL and not confirms_wrong:
        return given
    if purpose not in TOWARDS_A_LABEL or given == Judgement.Answer.SKIPPED:
        return None
    return label_from([*towards_the_label(decision).values_list("answer", flat=True), given])
