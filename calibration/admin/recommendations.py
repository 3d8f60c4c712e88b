"""What runs said of single values and segments, in the words of their pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from calibration.admin.runs import link_to
from calibration.models import Recommendation
from confidence_project.foundation.formatting import segment, threshold
from governance.admin_kit.scoped_admin import ScopedAdmin, WorkspaceFilter
from governance.definitions import DEFINITIONS

OUTCOMES = {
    "OK": "Certified",
    "NOT_CERTIFIABLE": "Refused: fails too often",
    "INSUFFICIENT_DATA": "Refused: too few labels",
    "NOT_YET_JUDGED": "Cannot be judged yet",
    "OUT_OF_BOUNDS": "Outside of what may be set",
}
"""What came of looking at a value, in words."""


class OutcomeFilter(admin.SimpleListFilter):
    """Filter by what came of it, in the same words as the list."""

    title = "outcome"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(OUTCOMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recommendation]) -> QuerySet[Recommendation]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Recommendation)
class RecommendationAdmin(ScopedAdmin):
    """What runs said of single fields and segments."""

    nothing_yet = "No calibration has run yet"
    list_display = ["policy", "where", "value", "then", "found", "outcome", "workspace", "run"]
    list_filter = [WorkspaceFilter, OutcomeFilter, "policy_key"]
    list_select_related = ["workspace", "run__workspace"]
    fields = (
        "run",
        "workspace",
        "policy",
        "value",
        "where",
        "then",
        "found",
        "outcome",
        "explanation",
        "proposal_link",
    )
    readonly_fields = fields

    @admin.display(description="segment")
    def where(self, recommendation: Recommendation) -> str:
        return segment(recommendation.segment)

    @admin.display(description="value", ordering="field")
    def value(self, recommendation: Recommendation) -> str:
        known = DEFINITIONS.get(recommendation.policy_key)
        fields = known.fields if known else ()
        return next((each.title for each in fields if each.name == recommendation.field), "") or recommendation.field

    @admin.display(description="in force then", ordering="current")
    def then(self, recommendation: Recommendation) -> str:
        return threshold(recommendation.current)

    @admin.display(description="certified", ordering="recommended")
    def found(self, recommendation: Recommendation) -> str:
        return threshold(recommendation.recommended)

    @admin.display(description="outcome", ordering="reason")
    def outcome(self, recommendation: Recommendation) -> str:
        return OUTCOMES.get(recommendation.reason, recommendation.reason)

    @admin.display(description="proposal", empty_value="–")
    def proposal_link(self, recommendation: Recommendation) -> SafeString | None:
        return link_to(recommendation.proposal) if recommendation.proposal else None
