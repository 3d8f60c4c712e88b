"""The registry of questions: filled as decisions arrive, after their commit, and never in the way of one."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import DatabaseError, connection, transaction

from confidence_project.foundation.bulk import Values
from ledger.models import ConfidenceKind, Question

logger = logging.getLogger(__name__)

MOST_WAYS = 200
"""Of one question. A host whose options are others with every decision asks another question each time."""

_MOST_KNOWN = 10_000

_TYPES: Mapping[str, Question.Type] = {
    ConfidenceKind.PREDICATE_YES: Question.Type.PREDICATE,
    ConfidenceKind.PREDICATE_NO: Question.Type.PREDICATE,
    ConfidenceKind.PREDICATE_MAX: Question.Type.PREDICATE,
    ConfidenceKind.CHOICE_PROBABILITY: Question.Type.CHOICE,
    ConfidenceKind.OPENAI_CHOICE: Question.Type.CHOICE,
    ConfidenceKind.SYSTEM_ONE_CHOICE: Question.Type.CHOICE,
    ConfidenceKind.GOOGLE_CHOICE: Question.Type.CHOICE,
    ConfidenceKind.OPENAI_SCORE: Question.Type.SCORE,
    ConfidenceKind.SYSTEM_ONE_SCORE: Question.Type.SCORE,
    ConfidenceKind.GOOGLE_SCORE: Question.Type.SCORE,
}


class _Way(NamedTuple):
    type: str
    options: str
    wording: str


_Asked = tuple[int, str, _Way]

_KNOWN: set[_Asked] = set()
"""What this process knows to be in the registry, so that an ordinary decision costs no statement."""


def register_questions(records: Iterable[Values]) -> None:
    """Add the questions of committed decisions that are not in the registry yet.

    A failure is logged and no more: the verdicts are on record, and the next decision tries again.
    """
    asked = {_asked(record): record for record in records if record["confidence_kind"] in _TYPES}
    new = {each: record for each, record in asked.items() if each not in _KNOWN}
    if not new:
        return
    try:
        with transaction.atomic():
            for task, records_of_task in _by_task(new).items():
                _add(task, records_of_task)
    except DatabaseError as error:
        logger.warning("Questions not registered: %s", type(error).__name__)
        return
    # Within a transaction of somebody else the rows may be rolled back yet.
    if not connection.in_atomic_block:
        if len(_KNOWN) > _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN.update(new)


def _asked(record: Values) -> _Asked:
    way = _Way(_TYPES[record["confidence_kind"]].value, record["options"] or "", record["prompt_hash"])
    return record["workspace_id"], record["task"], way


_Task = tuple[int, str]


def _by_task(new: Mapping[_Asked, Values]) -> Mapping[_Task, Sequence[tuple[_Way, Values]]]:
    tasks: dict[_Task, list[tuple[_Way, Values]]] = defaultdict(list)
    for (workspace_id, task, way), record in sorted(new.items(), key=lambda item: item[1]["timestamp"]):
        tasks[workspace_id, task].append((way, record))
    return tasks


def _add(task: _Task, asked: Sequence[tuple[_Way, Values]]) -> None:
    rows = Question.objects.filter(workspace_id=task[0], task=task[1])
    known = [_Way(*row) for row in rows.order_by("id").values_list("type", "options", "wording")[:MOST_WAYS]]
    added = []
    for way, record in asked:
        if way in known or len(known) >= MOST_WAYS:
            continue
        change = _change(known[-1] if known else None, way)
        row = Question(
            workspace_id=task[0], task=task[1], **way._asdict(), change=change, asked_since=record["timestamp"]
        )
        added.append(row)
        known.append(way)
    if added:
        # Another process may be adding the same.
        Question.objects.bulk_create(added, ignore_conflicts=True)


def _change(before: _Way | None, way: _Way) -> Question.Change:
    if before is None:
        return Question.Change.FIRST
    if before.type != way.type:
        return Question.Change.TYPE
    return Question.Change.OPTIONS if before.options != way.options else Question.Change.WORDING
