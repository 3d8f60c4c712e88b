"""The page of reviewers: how well they agree, how often they err where the truth is known, and how long they take.

Admins of a workspace see everybody in it, in the order of names; anybody else sees themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from calibration.statistics.agreement import Agreement, cohen_kappa
from calibration.statistics.intervals import clopper_pearson
from governance.access.permissions import Verb, may
from governance.admin_kit.scope import workspace_in_view
from governance.definitions import all_definitions
from governance.models import Workspace
from ledger.labelling.figures import LABELS, OfPerson, Pair, of_people, pairs_of
from ledger.labelling.rules import rules_of
from ledger.models import Judgement, LabellingRules

DAYS = 90
"""The page is about the answers of so many days."""

FEW = 30
"""With fewer pairs the interval of kappa, which is a large sample's, would be too short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its exact 95 % interval; without trials there is none."""

    hits: int
    trials: int

    @property
    def rate(self) -> float | None:
        return self.hits / self.trials if self.trials else None

    @property
    def interval(self) -> tuple[float, float]:
        low, high = clopper_pearson([self.hits], [self.trials])
        return float(low[0]), float(high[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One person on the page."""

    person: OfPerson
    missed: Share
    accused: Share
    overrides: Share
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPolicy:
    """One policy on the page: everybody together, and those whom the person may see."""

    title: str
    rules: LabellingRules
    agreement: Agreement
    rows: list[Row]


def reviewers_view(request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
    """Show the reviewers of one workspace, policy by policy. `context` is the admin site's."""
    workspace = workspace_in_view(request)
    own: dict[str, Any] = {"title": "Reviewers", "workspace": workspace}
    if workspace is not None:
        sees_all = may(Verb.OPERATE, request.user, workspace)
        alone = "" if sees_all else request.user.get_username()
        own |= {"policies": _policies(workspace, alone), "sees_all": sees_all, "days": DAYS, "few": FEW}
    return TemplateResponse(request, "desk/reviewers.html", {**context, **own})


def _policies(workspace: Workspace, alone: str) -> list[OfPolicy]:
    since = timezone.now() - timedelta(days=DAYS)
    found = []
    for definition in all_definitions():
        people = of_people(workspace, definition.key, since) if definition.gates_decisions else []
        if people:
            shown = [_row(person) for person in people if alone in ("", person.name)]
            rules = rules_of(workspace, definition.key)
            agreement = _agreement(pairs_of(people), each_way=True)
            found.append(OfPolicy(title=definition.title, rules=rules, agreement=agreement, rows=shown))
    return found


def _row(person: OfPerson) -> Row:
    right, wrong = Judgement.Answer.RIGHT, Judgement.Answer.WRONG
    of_truth = {truth: sum(n for (known, _), n in person.known.items() if known is truth) for truth in (True, False)}
    return Row(
        person=person,
        missed=Share(hits=person.known[False, right], trials=of_truth[False]),
        accused=Share(hits=person.known[True, wrong], trials=of_truth[True]),
        overrides=Share(hits=person.overrides, trials=person.compared),
        agreement=_agreement({pair: person.pairs.count(pair) for pair in set(person.pairs)}, each_way=False),
    )


def _agreement(pairs: Mapping[Pair, int], *, each_way: bool) -> Agreement:
    """Kappa of pairs; of everybody together each pair was counted both ways, and is one decision."""
    table = np.array([[pairs.get((one, other), 0) for other in LABELS] for one in LABELS], dtype=np.int64)
    if not each_way:
        return cohen_kappa(table)
    # Halves of both ways: who came first is no property of a pair. An odd one is on the side of disagreement.
    upper = int(table[0, 1])
    return cohen_kappa([[table[0, 0] // 2, (upper + 1) // 2], [upper // 2, table[1, 1] // 2]])
