"""How one decision was labelled: drawn at what rate, what a judge and people said, and which of it is the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.access.permissions import Person, Verb, may
from ledger.labelling.rules import rules_of
from ledger.models import DecisionRecord, Judgement, JudgeVerdict, LabelClaim, LabelRequest
from ledger.selectors import waiting_for_review

MOST_ANSWERS = 100
"""No more answers are shown of one decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelStory:
    """What a person may know of how a decision was labelled.

    Parameters
    ----------
    judge : JudgeVerdict or None
        What a judge by machine said of it.
    answers : sequence of Judgement
        What people answered, in their order: to admins that of everybody, to others their own.
    tells_purposes : bool
        Why each was asked is told, too: to admins, for reviewers are not to know which cases are known.
    is_hidden : bool
        What was said is shown once the person has answered, or need not: it is labelled blind.
    """

    judge: JudgeVerdict | None
    answers: Sequence[Judgement]
    tells_purposes: bool
    is_hidden: bool


def label_story(decision: DecisionRecord, person: Person) -> LabelStory | None:
    """Return how a decision was labelled, as far as a person may know it; None where nobody was or is to be asked."""
    answers = Judgement.objects.filter(decision=decision).select_related("undone_by", "outcome__void")
    said = list(answers.order_by("id")[:MOST_ANSWERS])
    if not decision.audit_selected and not said:
        return None
    operates = may(Verb.OPERATE, person, decision.workspace)
    mine = [each for each in said if each.person_id == person.pk]
    if not operates and not mine and not decision.audit_selected:
        return None
    is_hidden = _is_hidden(decision, person, has_answered=bool(mine), operates=operates)
    return LabelStory(
        judge=None if is_hidden else JudgeVerdict.objects.filter(decision=decision).first(),
        answers=[] if is_hidden else said if operates else mine,
        tells_purposes=operates,
        is_hidden=is_hidden,
    )


def _is_hidden(decision: DecisionRecord, person: Person, *, has_answered: bool, operates: bool) -> bool:
    """True for whoever is asked about it at this moment, and for every reviewer while they may be."""
    if LabelClaim.objects.filter(decision=decision, person_id=person.pk).exists():
        return bool(rules_of(decision.workspace, decision.policy_key).is_blind)
    if has_answered or operates or not may(Verb.LABEL, person, decision.workspace):
        return False
    waits = waiting_for_review(DecisionRecord.objects.filter(pk=decision.pk)).exists()
    is_asked = waits or LabelRequest.objects.filter(decision=decision).exists()
    return is_asked and bool(rules_of(decision.workspace, decision.policy_key).is_blind)
