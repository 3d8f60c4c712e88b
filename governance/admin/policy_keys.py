"""Policy keys: proposed by one superuser, confirmed by another."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.access.permissions import Verb, is_superuser
from governance.admin_kit.scoped_admin import SuperuserOnly
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.models import PolicyKey
from governance.policies import keys

EXAMPLE = """\
[policies."claims.auto_pay"]
title = "Pay a claim"
description = ""
actions = { pay = { amount = "number" } }

[policies."claims.auto_pay".fields.pay_threshold]
kind = "confidence_threshold"
default = 0.95
minimum = 0.5
max_step = 0.05
title = "Least confidence that is paid on"

# Where answers of decision models are gated:
[policies."claims.auto_pay".answer]
question = "is_covered"
"""


class PolicyKeyForm(ReasonForm):
    """A policy key as it is written in a definitions file."""

    text = forms.CharField(
        label="Definition",
        initial=EXAMPLE,
        max_length=keys.LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 18, "class": "vLargeTextField evidence", "spellcheck": "false"}),
        help_text="TOML, as docs/extending.md explains it. It never changes once it is confirmed.",
    )
    field_order = ["text", "reason"]


def _verb(name: str, done: str, may: Any, act: Any) -> RowVerb:
    return RowVerb(
        name=name,
        label=name.capitalize(),
        done=done,
        verb=Verb.DEFINE,
        form=ReasonForm,
        may=may,
        is_open=lambda row: not hasattr(row, "event"),
        act=lambda person, row, data: act(actor=person, proposed_id=row.pk, reason=data["reason"]),
    )


@admin.register(PolicyKey)
class PolicyKeyAdmin(SuperuserOnly, ServiceAdmin):
    """Policy keys made here, and those that wait for a second person."""

    nothing_yet = "No policy key was ever proposed here"
    list_display = ["policy_key", "at", "actor_name", "reason", "what_became_of_it"]
    list_select_related = ["event"]
    search_fields = ["policy_key"]
    exclude = ["actor", "definition"]
    add_verb = Verb.DEFINE
    add_title = "Propose a policy key"
    change_form_template = "admin/governance/policy_key.html"
    verbs = (
        _verb("confirm", "confirmed", keys.may_confirm, keys.confirm_policy_key),
        _verb("refuse", "refused", lambda person, row: True, keys.refuse_policy_key),
    )

    @admin.display(description="what became of it")
    def what_became_of_it(self, row: PolicyKey) -> str:
        event = getattr(row, "event", None)
        return f"{event.verb} by {event.actor_name}: {event.reason}" if event else "waits for a second superuser"

    def get_queryset(self, request: HttpRequest) -> Any:
        return PolicyKey.objects.select_related("event").order_by("-pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def facts(self, row: Any) -> dict[str, Any]:
        return {"definition": keys.read_definition(row), "what_became_of_it": self.what_became_of_it(row)}

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return PolicyKeyForm(data)

    def add_row(self, request: HttpRequest, form: forms.Form) -> PolicyKey:
        return keys.propose_policy_key(actor=request.user, **form.cleaned_data)
