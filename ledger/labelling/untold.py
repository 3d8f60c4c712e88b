"""Decisions of which a person could not tell how they went."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from governance.models import Workspace
from ledger.labelling.confirming import TOWARDS_A_LABEL
from ledger.models import Judgement


def untold(workspace: Workspace, policy_key: str, as_of: datetime) -> Q:
    """Return what holds of decisions of a policy of which somebody had said so until a moment, and not undone it.

    One that has a label all the same is told: whoever asks for the others looks at the labels, too.
    """
    answers = Judgement.objects.in_workspace(workspace).filter(
        policy_key=policy_key, purpose__in=TOWARDS_A_LABEL, answer=Judgement.Answer.CANNOT_TELL, at__lte=as_of
    )
    return Q(pk__in=answers.exclude(undone_by__at__lte=as_of).values("decision_id"))
