"""What a person says should have happened to a decision: an outcome like any other, from the source `human_review`."""

from __future__ import annotations

from datetime import datetime

from confidence_project.foundation.errors import AlreadySo, Conflict, DomainError, LostRace, WrongState
from confidence_project.foundation.submissions import Submission
from governance.access.permissions import Person, Verb, require
from ledger.contracts import OutcomeEnvelope
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.models.decisions import REVIEW
from ledger.services import append_outcomes, build_outcome, record_outcomes


def can_be_judged(decision: DecisionRecord) -> bool:
    """False for a block without a confidence: there was no action that could have been right or wrong."""
    return decision.gate_verdict == DecisionRecord.Verdict.ALLOW or decision.llm_confidence is not None


def last_seen(decision: DecisionRecord) -> int:
    """Return the sequence of the last outcome of a decision, 0 where it has none."""
    return decision.outcomes.order_by("-sequence").values_list("sequence", flat=True).first() or 0


def record_review(*, actor: Person, decision: DecisionRecord, success: bool, seen: int) -> DecisionOutcome:
    """Record whether the action of a decision was right, or would have been, as `actor` judges it.

    Parameters
    ----------
    seen
        Sequence of the last outcome that the actor saw, 0 for none. One answer is taken for each: the same one again,
        as by a form that is sent twice, is the first record.

    Raises
    ------
    NotFound, PermissionRefused
        The workspace of the decision is not one of the actor's; the actor may not.
    WrongState
        There was no action to judge.
    AlreadySo, LostRace
        Somebody answered the same, or otherwise, after the actor looked.
    """
    require(Verb.LABEL, actor, decision.workspace)
    reporter = actor.get_username()
    review = _review(decision, success=success, seen=seen)
    (answer,) = record_outcomes(workspace=decision.workspace, submissions=[review], reporter=reporter)
    if isinstance(answer, Conflict):
        raise LostRace("Another answer was recorded after this page was opened. Go back and look at it first.")
    if isinstance(answer, DomainError):
        raise answer
    if answer.record.reporter != reporter:
        raise AlreadySo(f"{answer.record.reporter} recorded the same answer after this page was opened.")
    return answer.record


def append_review(
    *, decision: DecisionRecord, success: bool, seen: int, reporter: str, answered_at: datetime | None = None
) -> DecisionOutcome:
    """Append what somebody answered about a decision within the caller's transaction.

    Parameters
    ----------
    seen
        As for `record_review`.
    reporter
        Who told of it.
    answered_at
        When it was answered, where that was not now.

    Raises
    ------
    WrongState, InvalidInput
        There was no action to judge; an impossible time.
    django.db.IntegrityError
        Somebody else appends to the decision at the same time.
    """
    review = _review(decision, success=success, seen=seen, observed_at=answered_at)
    outcome = build_outcome(review, decision, decision.workspace, reporter)
    append_outcomes([outcome])
    return outcome


def _review(
    decision: DecisionRecord, *, success: bool, seen: int, observed_at: datetime | None = None
) -> Submission[OutcomeEnvelope]:
    if not can_be_judged(decision):
        raise WrongState("There was no action to judge: the decision was blocked without a confidence.")
    return Submission.of(
        OutcomeEnvelope(
            external_id=f"{REVIEW}{seen + 1}-of-{decision.pk}",
            decision_id=decision.pk,
            success=success,
            source=DecisionOutcome.Source.HUMAN_REVIEW.value,
            observed_at=observed_at,
        )
    )
