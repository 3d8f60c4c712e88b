"""The gateway: models' servers and bound questions, put in force and ended through services; every row stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import WorkspaceFilter
from governance.admin_kit.service_views import ReasonForm, RowVerb, ServiceAdmin
from governance.definitions import all_definitions
from governance.models.controls import REASON_LENGTH
from ledger.gateway import services
from ledger.models import ModelServer, QuestionBinding


class _GatewayForm(InWorkspaceForm):
    """Where and why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=REASON_LENGTH)


class ServerForm(_GatewayForm):
    """A server that is asked, in place of the one of its protocol before."""

    dialect = forms.ChoiceField(label="Protocol", choices=ModelServer.Dialect.choices)
    url = forms.CharField(
        label="URL",
        max_length=500,
        help_text="Of the endpoint in full, like https://api.openai.com/v1/decisions. The operator names the hosts.",
    )
    provider = forms.CharField(
        max_length=200, required=False, help_text="The name under which decisions are recorded; blank: the host."
    )
    key_variable = forms.CharField(
        max_length=100,
        required=False,
        help_text=f"Environment variable with its key, which begins with {services.KEY_PREFIX}; blank: it takes none.",
    )
    timeout_seconds = forms.FloatField(initial=30, min_value=0.1, max_value=services.LONGEST_SECONDS)
    max_reply_bytes = forms.IntegerField(initial=1024**2, min_value=1, max_value=services.LARGEST_REPLY)
    withholds = forms.BooleanField(
        required=False,
        label="Withhold blocked answers",
        help_text="For clients that read no verdict: a blocked answer is replaced by a refusal.",
    )


class BindingForm(_GatewayForm):
    """A question and the policy that gates its answers."""

    question = forms.CharField(
        max_length=services.QUESTION_LENGTH,
        required=False,
        help_text="Its id, letter by letter. Blank: every question that is not bound itself.",
    )
    policy_key = forms.ChoiceField(
        choices=lambda: [(each.key, each.title) for each in all_definitions() if each.answer is not None]
    )


def _ending(name: str, label: str, done: str, act: Any) -> RowVerb:
    return RowVerb(
        name=name,
        label=label,
        done=done,
        verb=Verb.OPERATE,
        form=ReasonForm,
        may=lambda person, row: may(Verb.OPERATE, person, row.workspace),
        is_open=lambda row: row.ended_at is None,
        act=act,
    )


class _GatewayAdmin(ServiceAdmin):
    list_filter = [WorkspaceFilter, ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["workspace"]
    add_verb = Verb.OPERATE


@admin.register(ModelServer)
class ModelServerAdmin(_GatewayAdmin):
    """Where the gateway asks for a workspace."""

    nothing_yet = "No model's server is connected"
    list_display = ["provider", "dialect", "workspace", "url", "withholds", "started_at", "started_by_name", "ended_at"]
    exclude = ["policy_key", "started_by", "ended_by"]
    add_title = "Connect a model's server"
    verbs = (
        _ending(
            "disconnect",
            "Disconnect",
            "disconnected",
            lambda person, row, data: services.disconnect_model_server(
                actor=person, workspace=row.workspace, dialect=row.dialect, reason=data["reason"]
            ),
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        # The menu of every page asks; the service reads the role from the database.
        return request.user.is_active and request.user.is_superuser

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return ServerForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> ModelServer:
        return services.connect_model_server(actor=request.user, **form.cleaned_data)


@admin.register(QuestionBinding)
class QuestionBindingAdmin(_GatewayAdmin):
    """Which policy gates the answers to which question."""

    nothing_yet = "No question is bound"
    list_display = ["asked", "policy_key", "workspace", "started_at", "started_by_name", "ended_at"]
    exclude = ["started_by", "ended_by"]
    add_title = "Bind a question"
    verbs = (
        _ending(
            "unbind",
            "Unbind",
            "unbound",
            lambda person, row, data: services.unbind_question(
                actor=person, workspace=row.workspace, question=row.question, reason=data["reason"]
            ),
        ),
    )

    @admin.display(description="question", ordering="question")
    def asked(self, row: QuestionBinding) -> str:
        return row.question or "every other question"

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return BindingForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> QuestionBinding:
        return services.bind_question(actor=request.user, **form.cleaned_data)
