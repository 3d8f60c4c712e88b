"""Which label the answers of several people come to, where a failure has to be confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import OuterRef, QuerySet

from governance.models import Workspace
from ledger.models import Judgement, LabellingRules, Purpose

_Answer = Judgement.Answer

TOWARDS_A_LABEL = (Purpose.LABEL, Purpose.CHECK)
"""Purposes of the answers that make a label; others measure."""


def label_from(answers: Sequence[str]) -> str | None:
    """Return the label that answers of different people come to, None while another has to be asked.

    The first "right" is the label. A first "wrong" is one once a second person says so too; where the second says
    "right", the third settles it: were the second to settle it, twice as many failures would be missed. Whoever cannot
    tell ends it without a label.
    """
    wrong = right = 0
    for answer in answers:
        wrong += answer == _Answer.WRONG
        right += answer == _Answer.RIGHT
        if answer == _Answer.CANNOT_TELL or wrong == 2 or right > wrong or right == 2:
            return answer
    return None


def labels_from(answers: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the labels that answers about one known case come to, one after another, and the answers left over."""
    labels: list[str] = []
    asked: list[str] = []
    for answer in answers:
        asked.append(answer)
        if (label := label_from(asked)) is not None:
            labels.append(label)
            asked = []
    return labels, asked


def labels_at_worst(answers: Iterable[str]) -> list[str]:
    """Return the labels that answers about one known case come to, with what is left over at its worst.

    Two left over that differ count as "right", and one "wrong" as nothing: whatever was still to come, no fewer
    failures are missed and no more successes are called wrong by that.
    """
    labels, left = labels_from(answers)
    return [*labels, _Answer.RIGHT] if len(left) > 1 else labels


def confirms(workspace: Workspace, policy_key: str, as_of: datetime) -> bool:
    """True where failures of a policy had to be confirmed at some time until a moment."""
    rules = LabellingRules.objects.in_workspace(workspace).filter(policy_key=policy_key, confirms_wrong=True)
    return rules.filter(started_at__lte=as_of).exists()


def found_wrong() -> QuerySet[Judgement]:
    """Return the answers that found an outer query's decision wrong, and are not its label."""
    return Judgement.objects.filter(
        decision_id=OuterRef("pk"),
        purpose__in=TOWARDS_A_LABEL,
        answer=_Answer.WRONG,
        outcome__isnull=True,
        undone_by__isnull=True,
    )
