"""What waits for labels that are made elsewhere: taken from the workbench for some days, known cases among it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from governance.access.permissions import Person
from governance.definitions import get_definition
from governance.models import Workspace
from governance.workspaces.cases import case_link
from ledger.labelling.assigning import check_days, free_of, give
from ledger.labelling.queue import answered_by, standing, unasked
from ledger.labelling.rules import rules_of
from ledger.models import DecisionRecord, Judgement, KnownCase, LabellingRules

CHUNK = 500
"""Decisions that are taken in one transaction."""

_LOTTERY = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A decision that waits, as somebody elsewhere is shown it: what the policy wants blind is None.

    `task` is the question, `due_at` when the answer is due, `case_link` where the host shows the case, blank for none.
    """

    decision_id: UUID
    external_id: str
    case_key: str
    case_link: str
    policy_key: str
    task: str
    action_type: str
    occurred_at: datetime
    due_at: datetime
    model: str | None
    confidence: float | None
    verdict: str | None


def queue_of(workspace: Workspace, policy_key: str = "") -> QuerySet[DecisionRecord]:
    """Return what waits for a label, a confirmation or a second look and is nobody's; nothing tells which."""
    return free_of(workspace, policy_key, twice=True)


def take_queue(
    workspace: Workspace,
    *,
    days: int,
    limit: int | None = None,
    policy_key: str = "",
    given_by: str,
    taken_by: Person | None = None,
) -> Iterator[Waiting]:
    """Take what waits and is nobody's, the oldest first, for a team elsewhere: the workbench shows it to nobody.

    Known cases are mixed in as the policy's rules say, and each part of `CHUNK` comes in no order, so that nobody tells
    them apart. What is not answered in `days` is anybody's again.

    Parameters
    ----------
    taken_by
        Who answers all of it, so that nothing is taken that they answered before. None: a team.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The number of days is not possible; the key is not known. Raised at once, before the first is asked for.
    """
    check_days(days)
    if policy_key:
        get_definition(policy_key)
    return _taken(workspace, days, limit, policy_key, given_by, taken_by)


def _taken(
    workspace: Workspace, days: int, limit: int | None, policy_key: str, given_by: str, taken_by: Person | None
) -> Iterator[Waiting]:
    asked: set[UUID] = set()
    left = limit
    while left is None or left > 0:
        with transaction.atomic():
            workspace.lock()
            queue = queue_of(workspace, policy_key)
            if taken_by is not None:
                queue = queue.exclude(Exists(answered_by(taken_by, OuterRef("pk"))))
            taken = list(queue.order_by("pk")[: min(CHUNK, left or CHUNK)])
            give(taken, workspace=workspace, person=None, days=days, given_by=given_by)
        if not taken:
            return
        left = None if left is None else left - len(taken)
        rows = shown([*taken, *_known_among(taken, workspace, asked, taken_by)], workspace)
        _LOTTERY.shuffle(rows)
        yield from rows


def shown(decisions: Sequence[DecisionRecord], workspace: Workspace) -> list[Waiting]:
    """Return decisions as somebody elsewhere is shown them."""
    rules = {key: rules_of(workspace, key) for key in {each.policy_key for each in decisions}}
    return [_shown(each, workspace, rules[each.policy_key]) for each in decisions]


def _shown(decision: DecisionRecord, workspace: Workspace, rules: LabellingRules) -> Waiting:
    is_open, confidence = not rules.is_blind, decision.llm_confidence
    return Waiting(
        decision_id=decision.pk,
        external_id=decision.external_id,
        case_key=decision.case_key,
        case_link=case_link(workspace, decision.external_id),
        policy_key=decision.policy_key,
        task=decision.task,
        action_type=decision.action_type or "",
        occurred_at=decision.occurred_at,
        due_at=decision.timestamp + timedelta(days=rules.due_days),
        model=decision.model if is_open else None,
        confidence=float(confidence) if is_open and confidence is not None else None,
        verdict=decision.gate_verdict if is_open else None,
    )


def _known_among(
    taken: Sequence[DecisionRecord], workspace: Workspace, asked: set[UUID], taken_by: Person | None
) -> list[DecisionRecord]:
    """Draw known cases that who takes was not asked about, at the share of each policy; `asked` went out already."""
    answered = Judgement.objects.filter(decision_id=OuterRef("decision_id"), person_id__isnull=True)
    found: list[DecisionRecord] = []
    for key in {each.policy_key for each in taken}:
        share = float(rules_of(workspace, key).known_share)
        number = sum(each.policy_key == key for each in taken)
        # So many that they are the share of everything, as in the workbench.
        wanted = sum(_LOTTERY.random() < share for _ in range(round(number / (1 - share)) if share < 1 else number))
        if not wanted:
            continue
        cases = KnownCase.objects.in_workspace(workspace).in_force().filter(policy_key=key)
        new = unasked(cases, taken_by) if taken_by is not None else cases.exclude(Exists(standing(answered)))
        fresh = new.values("decision_id")
        decisions = [each for each in DecisionRecord.objects.filter(pk__in=fresh) if each.pk not in asked]
        found += _LOTTERY.sample(decisions, min(wanted, len(decisions)))
    asked.update(each.pk for each in found)
    return found


def columns_of(row: Waiting) -> Mapping[str, object]:
    """Return a decision that waits as a flat row: ids and times as text, blank for what is not there."""
    values = {name: getattr(row, name) for name in Waiting.__slots__}
    return {name: "" if value is None else _text(value) for name, value in values.items()}


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
