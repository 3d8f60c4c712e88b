"""What answers of reviewers tell of the reviewers: counts by person, pairs of answers, and errors on known cases."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from governance.models import Workspace
from ledger.labelling.confirming import confirms, labels_at_worst
from ledger.labelling.queue import known_answers_by_decision, standing
from ledger.models import DecisionRecord, Judgement, KnownCase, Purpose

LABELS = (Judgement.Answer.RIGHT, Judgement.Answer.WRONG)

Pair = tuple[str, str]
"""The first and the second answer about one decision."""


@dataclass(slots=True, kw_only=True)
class OfPerson:
    """Answers of one person.

    Parameters
    ----------
    name : str
        Of the account.
    answers : Counter of str
        Answers by what they were, those about known cases included.
    seconds : list of int
        From being shown until the answer.
    overrides, compared : int
        Labels that say the opposite of the verdict, of how many.
    known : Counter of tuple of (bool, str)
        Answers about known cases, by the truth and the answer.
    pairs : list of Pair
        Of decisions that another person answered, too: their answer last.
    """

    name: str
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[int] = field(default_factory=list)
    overrides: int = 0
    compared: int = 0
    known: Counter[tuple[bool, str]] = field(default_factory=Counter)
    pairs: list[Pair] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return self.answers.total() - self.answers[Judgement.Answer.SKIPPED]

    @property
    def pace(self) -> float | None:
        """Median seconds an answer, None where no time is known."""
        return statistics.median(self.seconds) if self.seconds else None


def of_people(workspace: Workspace, policy_key: str, since: datetime) -> list[OfPerson]:
    """Return what each person answered about a policy since a moment, by name."""
    people: dict[str, OfPerson] = {}
    firsts: dict[object, Judgement] = {}
    checks: dict[object, tuple[str, str]] = {}
    seconds: dict[object, list[tuple[str, str]]] = defaultdict(list)
    for row in _told(workspace, policy_key).filter(at__gte=since).order_by("id"):
        person = people.setdefault(row.person_name, OfPerson(name=row.person_name))
        person.answers[row.answer] += 1
        if row.seconds is not None and row.answer != Judgement.Answer.SKIPPED:
            person.seconds.append(row.seconds)
        if row.purpose == Purpose.KNOWN:
            if row.truth is not None and row.answer != Judgement.Answer.SKIPPED:
                person.known[row.truth, row.answer] += 1
        elif row.answer in LABELS:
            allowed = row.verdict == DecisionRecord.Verdict.ALLOW
            person.compared += 1
            person.overrides += allowed != (row.answer == Judgement.Answer.RIGHT)
            if row.purpose == Purpose.LABEL:
                firsts[row.decision_id] = row
            elif row.purpose == Purpose.CHECK:
                checks.setdefault(row.decision_id, (row.person_name, row.answer))
            else:
                seconds[row.decision_id].append((row.person_name, row.answer))
    for decision, first in firsts.items():
        # Only what is wrong is confirmed: of these, pairs that were not drawn would make people seem to differ more.
        confirmed = [checks[decision]] if first.wants_second and decision in checks else []
        for other, theirs in [*seconds[decision], *confirmed]:
            people[first.person_name].pairs.append((first.answer, theirs))
            people[other].pairs.append((theirs, first.answer))
    return [people[name] for name in sorted(people)]


def pairs_of(people: Iterable[OfPerson]) -> Mapping[Pair, int]:
    """Count pairs of answers, each decision once for either order, so that neither person comes first."""
    return Counter(pair for person in people for pair in person.pairs)


def known_answers(workspace: Workspace, policy_key: str, as_of: datetime) -> Counter[tuple[bool, str]] | None:
    """Count answers about the known cases of a policy until a moment, by the truth and the answer.

    Where failures had to be confirmed at some time, the labels are counted to which the answers come in that way. It
    misses no fewer failures, and calls no more successes wrong, than one answer does, so that it stands for labels from
    before it, too.

    None where nobody has answered anything about it in the workbench. What was withdrawn or taken back later counts as
    it did then: nobody improves a review by it that has come already.
    """
    rows = _told(workspace, policy_key, as_of=as_of).filter(at__lte=as_of)
    if not rows.exists():
        return None
    rows = rows.filter(truth__isnull=False)
    truths = dict(rows.order_by().values_list("decision_id", "truth"))
    come_to = labels_at_worst if confirms(workspace, policy_key, as_of) else list
    counted: Counter[tuple[bool, str]] = Counter()
    for decision_id, answers in known_answers_by_decision(rows).items():
        counted.update((truths[decision_id], answer) for answer in come_to(answers))
    return counted


def _told(workspace: Workspace, policy_key: str, *, as_of: datetime | None = None) -> QuerySet[Any]:
    """Answers that stand, now or then, each with the verdict on its decision and the truth where that is known."""
    moment = as_of or timezone.now()
    cases = KnownCase.objects.filter(decision_id=OuterRef("decision_id"), started_at__lte=moment).exclude(
        ended_at__lte=moment
    )
    rows = standing(Judgement.objects.in_workspace(workspace), as_of=moment).filter(policy_key=policy_key)
    verdicts = DecisionRecord.objects.filter(pk=OuterRef("decision_id"))
    return rows.annotate(
        truth=Subquery(cases.values("success")[:1]), verdict=Subquery(verdicts.values("gate_verdict")[:1])
    )
