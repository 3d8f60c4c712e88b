"""Evidence for the budgets of lead context: what bundles needed, and whether they were truncated.

Telemetry keeps statistics of each bundle in the metadata of its call (`leadContextBundle`), never its text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Case, Count, F, Q, Value, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from calibration.evidence.contract import EvidenceRequest
from governance.workflow.evidence import canonical_json
from telemetry.models import AIInteraction

POLICY_KEY = "lead_context_bundle"
SOURCE = "lead context bundles"

_BUNDLE = "metadata__leadContextBundle"
_TOKENS = {
    "total_token_budget": (_BUNDLE, "totalTokens"),
    "knowledge_token_budget": (f"{_BUNDLE}__sections__knowledge", "tokens"),
    "memory_token_budget": (f"{_BUNDLE}__sections__memory", "tokens"),
}
"""Where the metadata keep what each field of the policy is about: an object with `truncated`, and its tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """Bundles by the tokens that they needed.

    Parameters
    ----------
    needed, counts : tuple of int
        Ascending tokens of bundles that were not truncated, and how many bundles needed so many.
    truncated : int
        Bundles that were truncated: what they needed is not known, only that it was more than they were given.
    """

    needed: tuple[int, ...]
    counts: tuple[int, ...]
    truncated: int

    @property
    def total(self) -> int:
        return sum(self.counts) + self.truncated

    def too_large_for(self, budget: float) -> int:
        """Return how many bundles the budget would truncate, at most: those of unknown need are counted in."""
        over = (count for tokens, count in zip(self.needed, self.counts, strict=True) if tokens > budget)
        return self.truncated + sum(over)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetEvidence:
    """What was counted for each field of the policy."""

    request: EvidenceRequest
    fields: Mapping[str, Bundles]
    source: str = SOURCE

    @property
    def decisions(self) -> int:
        return max((bundles.total for bundles in self.fields.values()), default=0)

    def sha256(self, context: Mapping[str, Any]) -> str:
        """Return the hash that names this evidence together with the parameters and the config in `context`."""
        counted = {
            name: [list(each.needed), list(each.counts), each.truncated] for name, each in sorted(self.fields.items())
        }
        whole = {**context, "policy_key": self.request.policy_key, "source": self.source, "bundles": counted}
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()


def read_budgets(request: EvidenceRequest) -> BudgetEvidence:
    """Count the bundles of the window for each field that has any; a bundle needs no outcome, so none is too young."""
    fields = {name: _bundles(request, *place) for name, place in _TOKENS.items()}
    return BudgetEvidence(request=request, fields={name: each for name, each in fields.items() if each.total})


def _bundles(request: EvidenceRequest, place: str, tokens: str) -> Bundles:
    is_cut, is_whole = Q(**{f"{place}__truncated": True}), Q(**{f"{place}__truncated": False})
    rows: Sequence[tuple[int | None, int]] = list(
        AIInteraction.objects.in_workspace(request.workspace)
        .filter(
            is_cut | (is_whole & Q(**{f"{place}__{tokens}__gte": 0})),
            created_at__gte=request.start,
            created_at__lt=request.window_end,
            received_at__lte=request.labels_as_of,
        )
        .annotate(
            bundle_tokens=Cast(_text(f"{place}__{tokens}"), BigIntegerField()),
            bundle_needed=Case(
                When(is_cut, then=Value(None)), default=F("bundle_tokens"), output_field=BigIntegerField(null=True)
            ),
        )
        .order_by()
        .values_list("bundle_needed")
        .annotate(bundles=Count("*"))
    )
    whole = sorted((needed, count) for needed, count in rows if needed is not None)
    return Bundles(
        needed=tuple(needed for needed, _ in whole),
        counts=tuple(count for _, count in whole),
        truncated=sum(count for needed, count in rows if needed is None),
    )


def _text(path: str) -> KeyTextTransform:
    column, *objects, last = path.split("__")
    inside: Any = F(column)
    for key in objects:
        inside = KeyTransform(key, inside)
    return KeyTextTransform(last, inside)
