"""The inspector: AI calls by feature, model, provider, status and time, and what each was made of."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from confidence_project.foundation.formatting import DASH, count, milliseconds
from governance.admin_kit.list_filters import InUseFilter, OneWorkspaceFilter
from telemetry.admin.base import HappenedFilter, RecordAdmin, RecordList, badge
from telemetry.figures import (
    MOST_CALLS,
    BundleTotals,
    Figures,
    Window,
    bundles_of,
    figures_of,
    window_of,
)
from telemetry.models import AIInteraction


class FeatureFilter(InUseFilter):
    title = "feature"
    field_name = "feature_id"
    parameter_name = "feature"


class ProviderFilter(InUseFilter):
    title = "provider"
    field_name = parameter_name = "provider"


class ModelFilter(InUseFilter):
    title = "model"
    field_name = parameter_name = "model"


class MetadataFilter(admin.SimpleListFilter):
    """Filter by whether anything of the metadata was kept."""

    title = "metadata"
    parameter_name = "metadata"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With metadata"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(metadata__isnull=self.value() == "no") if self.value() in ("yes", "no") else queryset


class InteractionList(RecordList):
    """The list with figures over everything that its filter leaves: made only where the page shows them."""

    @cached_property
    def window(self) -> Window:
        """What the figures cover."""
        time = next(spec for spec in self.filter_specs if isinstance(spec, HappenedFilter))
        return window_of(self.queryset, since=time.since, until=time.until, now=timezone.now(), most=MOST_CALLS)

    @cached_property
    def figures(self) -> Figures:
        """How many calls, how long they took, their tokens and errors."""
        return figures_of(self.window.narrow(self.queryset))

    @cached_property
    def bundles(self) -> BundleTotals:
        """What the context of the calls was made of."""
        return bundles_of(self.window.narrow(self.queryset))


@admin.register(AIInteraction)
class AIInteractionAdmin(RecordAdmin):
    """Calls of models. Figures stand above the list of one workspace, and on a page of its own what a call held."""

    nothing_yet = "No AI call has come yet"
    list_display = [
        "external_id",
        "workspace",
        "created_at",
        "feature",
        "asked",
        "how_it_ended",
        "took",
        "tokens",
        "verdict",
    ]
    list_filter = [
        OneWorkspaceFilter,
        HappenedFilter,
        FeatureFilter,
        ProviderFilter,
        ModelFilter,
        "status",
        MetadataFilter,
    ]
    change_form_template = "admin/telemetry/interaction.html"
    change_list_template = "admin/telemetry/interactions.html"
    fieldsets = [
        ("The call", {"fields": ["external_id", "workspace", "created_at", "received_at"]}),
        ("Who was asked", {"fields": ["feature_id", "prompt_key", "provider", "model", "operation"]}),
        ("How it ended", {"fields": ["status", "error_type", "duration_ms", "response_id"]}),
        ("Tokens", {"fields": ["input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"]}),
        ("Trace", {"fields": ["trace_id", "span_id"]}),
        ("Metadata as kept", {"fields": ["metadata", "metadata_removed"]}),
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return InteractionList

    @admin.display(description="feature")
    def feature(self, call: AIInteraction) -> str:
        return call.feature_id or DASH

    @admin.display(description="provider / model")
    def asked(self, call: AIInteraction) -> str:
        return " / ".join(filter(None, (call.provider, call.model))) or DASH

    @admin.display(description="status")
    def how_it_ended(self, call: AIInteraction) -> SafeString:
        if call.status == AIInteraction.Status.ERROR:
            return badge(call.error_type or call.get_status_display(), "failed")
        return badge(call.get_status_display(), "complete")

    @admin.display(description="duration")
    def took(self, call: AIInteraction) -> str:
        return milliseconds(call.duration_ms)

    @admin.display(description="tokens")
    def tokens(self, call: AIInteraction) -> str:
        return " / ".join(map(count, (call.input_tokens, call.output_tokens)))
