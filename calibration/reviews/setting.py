"""Setting the calendar of a policy's reviews."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from calibration.engines.declaring import check_engine
from calibration.engines.mapping import parse_engine_mapping
from calibration.models import EvidenceEngine, ReviewCalendar
from calibration.parameters import parameters_of
from calibration.reviews.calendar import calendars_of, midnight, received
from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Person, Verb, require
from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH
from governance.texts import clean_text

MOST_REVIEWS = 52
"""Reviews a year: each has this share of delta, and with more none would find anything."""


def set_review_calendar(
    *,
    actor: Person | None,
    workspace: Workspace,
    policy_key: str,
    reason: str,
    reviews_a_year: int = 4,
    opening_on: date | None = None,
    opening_decisions: int | None = None,
    window_days: int | None = None,
    maturity_days: float | None = None,
    target_failure_rate: float = 0.05,
    risk_confidence: float = 0.95,
    candidate_share: float = 0.2,
    segment_by: Sequence[str] = ("provider", "model"),
    looks_for_band: bool = False,
    engine: EvidenceEngine | None = None,
) -> ReviewCalendar:
    """Set when a policy is reviewed and what is asked then, for windows that begin from now on. It stays on record.

    Parameters
    ----------
    actor
        The person who sets it, None for the operator's command.
    opening_on, opening_decisions
        The first review: on a date, or over the decisions that come in first from now on (an import is one file).
        Neither: the dates go on from the opening that was set before, or by default.
    looks_for_band
        Also look for a confidence ceiling, for models that are most wrong where they claim certainty.
    engine
        Where decisions are counted; None: in the ledger. What was known on the date must be told from what came later,
        so its mapping says when decisions and outcomes were recorded.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; a value is not possible, or decisions
        of the opening's window have come in already.
    """
    if actor is not None:
        require(Verb.OPERATE, actor, workspace)
    definition = get_definition(policy_key)
    if opening_decisions is not None and not definition.gates_decisions:
        raise InvalidInput("This policy gates no decisions that could be counted. Give the date of the opening.")
    if looks_for_band and definition.field_of_kind(FieldKind.CONFIDENCE_CEILING) is None:
        raise InvalidInput("This policy has no confidence ceiling, so its reviews cannot look for one.")
    if engine is not None:
        _check_engine(engine, workspace, gates_decisions=definition.gates_decisions)
    days: dict[str, Any] = {"window_days": window_days, "maturity_days": maturity_days}
    calendar = ReviewCalendar(
        workspace=workspace,
        policy_key=policy_key,
        reason=clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True),
        reviews_a_year=reviews_a_year,
        opening_on=opening_on,
        opening_decisions=opening_decisions,
        target_failure_rate=target_failure_rate,
        risk_confidence=risk_confidence,
        candidate_share=candidate_share,
        segment_by=list(segment_by),
        looks_for_band=looks_for_band,
        engine=engine,
        set_by_id=actor.pk if actor else None,
        set_by_name=actor.get_username() if actor else "",
        **{name: value for name, value in days.items() if value is not None},
    )
    with transaction.atomic():
        workspace.lock()
        calendar.set_at = timezone.now()
        if opening_on is None and opening_decisions is None:
            _keep_opening(calendar, calendars_of(workspace, policy_key)[-1])
        if engine is not None and calendar.opening_decisions is not None:
            raise InvalidInput("Only the ledger's decisions are counted as they come in. Give the date of the opening.")
        _check(calendar, gates_decisions=definition.gates_decisions)
        calendar.save(force_insert=True)
    return calendar


def _check_engine(engine: EvidenceEngine, workspace: Workspace, *, gates_decisions: bool) -> None:
    check_engine(engine, workspace)
    if not gates_decisions:
        raise InvalidInput("This policy gates no decisions that an engine could hold.")
    if not parse_engine_mapping(engine.mapping).knows_when_recorded:
        raise InvalidInput(
            "A review counts what was known on its date. Declare an engine whose mapping has recorded_at, among the "
            "columns of decisions and among those of outcomes."
        )


def _keep_opening(calendar: ReviewCalendar, before: ReviewCalendar) -> None:
    """Take over an opening whose window has not begun; one that has begun stays what it is."""
    if before.opening_on is not None:
        if midnight(before.opening_on) - timedelta(days=before.window_days) > calendar.set_at:
            calendar.opening_on = before.opening_on
    elif not received(calendar, after=before.set_at).exists():
        calendar.opening_decisions = before.opening_decisions


def _check(calendar: ReviewCalendar, *, gates_decisions: bool) -> None:
    if not 1 <= calendar.reviews_a_year <= MOST_REVIEWS:
        raise InvalidInput(f"Give 1 to {MOST_REVIEWS} reviews a year.")
    if not 0 <= calendar.candidate_share < 1:
        raise InvalidInput("The share that is kept for candidates lies in [0, 1), for example 0.2.")
    if calendar.opening_on and calendar.opening_decisions:
        raise InvalidInput("The opening is on a date or over so many decisions, not both.")
    if calendar.opening_decisions is not None and not 1 <= calendar.opening_decisions < 10**9:
        raise InvalidInput("The opening is over at least one decision.")
    if not 1 <= calendar.window_days < 3650:
        raise InvalidInput("A window has at least one day.")
    end = midnight(calendar.opening_on) if calendar.opening_on else calendar.set_at
    start = end - timedelta(days=calendar.window_days)
    # What a run could not be asked, a review cannot ask either.
    parameters_of(
        policy_keys=[calendar.policy_key],
        window_from=start,
        window_to=end,
        target_failure_rate=calendar.target_failure_rate,
        risk_confidence=calendar.risk_confidence,
        segment_by=calendar.segment_by,
        maturity_days=calendar.maturity_days,
    )
    if calendar.opening_on is None:
        return
    if end <= calendar.set_at:
        raise InvalidInput("The opening lies in the future: what is known already cannot be fixed beforehand.")
    # Of an engine nobody knows here what it holds already.
    is_filling = not gates_decisions or calendar.engine is not None or received(calendar).exists()
    if start < calendar.set_at and is_filling:
        raise InvalidInput("The opening's window has begun already. Give a later date, or a shorter window.")
