"""Registering and ending candidates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import fsum
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from calibration.drawing import lowest_allowed, people_label, rates_at
from calibration.models import Candidate, CandidateEnd
from calibration.reviews.calendar import Outlook, outlook
from calibration.statistics.levels import PERIOD_DAYS, candidate_level
from confidence_project.foundation.errors import Conflict, InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.definitions import FieldKind, get_definition, to_lattice
from governance.models import Workspace
from governance.models.controls import REASON_LENGTH
from governance.policies import EffectivePolicy, get_confidence_policy
from governance.policies.config import parse_config
from governance.texts import clean_text


def register_candidate(
    *,
    actor: Person | None,
    workspace: Workspace,
    policy_key: str,
    threshold: float,
    reason: str,
    match: Mapping[str, str] | None = None,
) -> Candidate:
    """Register a more lenient confidence threshold for a segment; only decisions from now on count for it.

    Parameters
    ----------
    actor
        The person who registers it, None for the operator's command.
    match
        The segment, as an override would match on it; None or empty: the whole policy.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the key is not known; the value or the segment is not
        possible, or is no more lenient than what is in force; nothing that is blocked is drawn for audit.
    Conflict
        The year has no level left for another candidate.
    """
    if actor is not None:
        require(Verb.PROPOSE, actor, workspace)
    definition = get_definition(policy_key)
    field = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    if field is None:
        raise InvalidInput("This policy has no confidence threshold.")
    wanted = dict(match or {})
    override = {"match": wanted, "values": {field.name: threshold}}
    parse_config(definition, {"overrides": [override]} if wanted else {"values": {field.name: threshold}})
    with transaction.atomic():
        # Two that register at once would take the same level.
        workspace.lock()
        now = timezone.now()
        policy = get_confidence_policy(workspace, policy_key)
        if threshold >= policy.value(field.name, **wanted):
            raise InvalidInput("The value is no more lenient than the one in force: that needs no candidate.")
        ahead = outlook(workspace, policy_key, now)
        calendar, level = ahead.calendar, _level(ahead)
        return Candidate.objects.create(
            workspace=workspace,
            policy_key=policy_key,
            segment=wanted,
            threshold=threshold,
            target_failure_rate=calendar.target_failure_rate,
            maturity_days=calendar.maturity_days,
            propensity=_propensity(workspace, policy, threshold, wanted, now),
            number=level[0],
            level=level[1],
            reason=clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True),
            registered_at=now,
            registered_by_id=actor.pk if actor else None,
            registered_by_name=actor.get_username() if actor else "",
        )


def withdraw_candidate(*, actor: Person, candidate: Candidate, reason: str) -> CandidateEnd:
    """Give a candidate up. Its level stays spent for 365 days.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the reason is empty.
    WrongState
        It has ended.
    """
    require(Verb.PROPOSE, actor, candidate.workspace)
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    return end_candidate(
        candidate, passed=False, reason=reason, ended_by_id=actor.pk, ended_by_name=actor.get_username()
    )


def open_candidates(workspace: Workspace | None = None) -> QuerySet[Candidate]:
    """Return the candidates that have not ended, of one workspace or of all."""
    candidates = Candidate.objects.filter(end__isnull=True).select_related("workspace").order_by("pk")
    return candidates if workspace is None else candidates.in_workspace(workspace)


def _level(ahead: Outlook) -> tuple[int, float]:
    kept = ahead.delta * ahead.calendar.candidate_share
    if not kept:
        raise InvalidInput("The calendar of this policy keeps no share of the error probability for candidates.")
    today = ahead.now.astimezone(UTC).date()
    year = today - timedelta(days=PERIOD_DAYS - 1)
    # A calendar that keeps more for candidates than the one before does not give back what reviews have spent.
    unspent = ahead.delta - fsum(each.level for each in ahead.spent_before(today) if each.on >= year)
    if unspent <= kept * 1e-9:
        raise Conflict("The reviews of the year have spent the error probability that candidates could share.")
    found = candidate_level(ahead.candidates, today, candidate_delta=min(kept, unspent))
    if found.level is None or found.index is None:
        until = f" Try again on {found.free_on}." if found.free_on else " Withdraw one that is open, or wait."
        raise Conflict(f"The candidates of the year have spent their share of the error probability.{until}")
    return found.index, found.level


def _propensity(
    workspace: Workspace, policy: EffectivePolicy, threshold: float, segment: Mapping[str, str], now: datetime
) -> float:
    """The smallest chance with which something that it would allow gets its label."""
    definition = policy.definition
    rates, field = rates_at(workspace, definition.key, now), definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    assert field is not None  # noqa: S101 - narrows the type; a candidate has one
    lowest = Decimal(0)
    if rates is not None:
        # Up to the threshold in force, which itself is allowed.
        blocked = to_lattice(threshold), to_lattice(policy.value(field.name, **segment)) - 1
        lowest = rates.lowest("blocked", blocked, segment)
        if people_label(workspace, definition.key, now):
            lowest = min(lowest, lowest_allowed(rates, definition, policy.config, segment))
    if not lowest:
        raise InvalidInput(
            "Some of what the candidate would allow is never drawn for people, so nobody would learn how it does. Set "
            "audit sampling first, for all of it."
        )
    return float(lowest)


def end_candidate(candidate: Candidate, **how: Any) -> CandidateEnd:
    """Store how a candidate ended; raise `WrongState` when it has ended already."""
    try:
        with transaction.atomic():
            return CandidateEnd.objects.create(
                candidate=candidate, workspace_id=candidate.workspace_id, ended_at=timezone.now(), **how
            )
    except IntegrityError as error:
        raise WrongState("This candidate has ended.") from error
