"""What hangs on decisions, as lists of their own: outcomes and corrections."""

from __future__ import annotations

from django.contrib import admin

from governance.admin_kit.list_filters import OneWorkspaceFilter
from ledger.admin.base import LedgerAdmin
from ledger.models import DecisionOutcome, LedgerAmendment


@admin.register(DecisionOutcome)
class DecisionOutcomeAdmin(LedgerAdmin):
    nothing_yet = "No outcome was reported yet"
    list_display = ["id", "decision_id", "success", "source", "observed_at", "recorded_at", "reporter"]
    list_filter = [OneWorkspaceFilter, "success"]


@admin.register(LedgerAmendment)
class LedgerAmendmentAdmin(LedgerAdmin):
    nothing_yet = "Nothing on record had to be amended"
    list_display = ["id", "decision_id", "field", "value_after", "actor_name", "at"]
