"""What hangs on decisions, as lists of their own: outcomes and corrections; and which decisions were removed."""

from __future__ import annotations

from django.contrib import admin

from governance.admin_kit.list_filters import OneWorkspaceFilter
from ledger.admin.base import LedgerAdmin
from ledger.models import DecisionOutcome, LedgerAmendment, LedgerRemoval


@admin.register(DecisionOutcome)
class DecisionOutcomeAdmin(LedgerAdmin):
    nothing_yet = "No outcome was reported yet"
    list_display = ["id", "decision_id", "success", "source", "observed_at", "recorded_at", "reporter"]
    list_filter = [OneWorkspaceFilter, "success"]


@admin.register(LedgerAmendment)
class LedgerAmendmentAdmin(LedgerAdmin):
    nothing_yet = "Nothing on record had to be amended"
    list_display = ["id", "decision_id", "field", "value_after", "actor_name", "at"]


@admin.register(LedgerRemoval)
class LedgerRemovalAdmin(LedgerAdmin):
    nothing_yet = "No decision was ever pruned or erased"
    list_display = ["id", "kind", "decisions", "occurred_from", "occurred_to", "archive", "reason", "actor_name", "at"]
