"""The registry of questions: which decision models are asked, and when one of them was asked otherwise."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.admin_kit.list_filters import OneWorkspaceFilter
from ledger.admin.base import LedgerAdmin
from ledger.models import Question


@admin.register(Question)
class QuestionAdmin(LedgerAdmin):
    """Nobody edits it: it is filled by the decisions that arrive."""

    nothing_yet = "No question has come yet"
    list_display = ["task", "type", "number_of_options", "worded", "what_changed", "since"]
    list_filter = [OneWorkspaceFilter]
    change_list_template = "admin/ledger/questions.html"

    @admin.display(description="options", empty_value="–")
    def number_of_options(self, question: Question) -> int | None:
        return question.number_of_options

    @admin.display(description="wording", empty_value="not said")
    def worded(self, question: Question) -> SafeString | None:
        return format_html("<code>{}</code>", question.wording[:12]) if question.wording else None

    @admin.display(description="what changed")
    def what_changed(self, question: Question) -> SafeString:
        is_first = question.change == Question.Change.FIRST
        return format_html(
            '<span class="badge{}">{}</span>', "" if is_first else " warn", question.get_change_display()
        )

    @admin.display(description="asked since")
    def since(self, question: Question) -> datetime:
        return question.asked_since
