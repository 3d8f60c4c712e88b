"""Webhooks: who is told, what they were told, and telling again. Seen by those who may operate the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from governance.access.permissions import Verb, may, workspaces_where
from governance.admin_kit.forms import InWorkspaceForm
from governance.admin_kit.scoped_admin import OperatedRows, WorkspaceFilter
from governance.admin_kit.service_views import RowVerb, ServiceAdmin
from governance.models import WebhookDelivery, WebhookEndpoint
from governance.webhooks import services
from governance.webhooks.selectors import with_last_answer

LAST_DELIVERIES = 20


class EndpointForm(InWorkspaceForm):
    """A new endpoint."""

    url = forms.CharField(label="URL", max_length=services.URL_LENGTH, help_text="Like https://example.org/hooks.")
    form = forms.ChoiceField(
        choices=WebhookEndpoint.Form.choices, help_text="For Slack and Teams: the URL of an incoming webhook of theirs."
    )
    events = forms.MultipleChoiceField(
        choices=WebhookEndpoint.Event.choices,
        initial=WebhookEndpoint.Event.values,
        widget=forms.CheckboxSelectMultiple,
    )


_STATES = {
    "on": ("applied", "On"),
    "failing": ("warn", "On, but failing"),
    "gone": ("failed", "Gone: needs a review"),
    "off": ("still", "Off"),
}


def _state_of(endpoint: Any) -> str:
    if endpoint.needs_review:
        return "gone"
    if not endpoint.is_active:
        return "off"
    return "on" if endpoint.last_status in (None, WebhookDelivery.Status.DELIVERED) else "failing"


def _may_operate(person: Any, row: WebhookEndpoint | WebhookDelivery) -> bool:
    return may(Verb.OPERATE, person, row.workspace)


def _switching(name: str, is_active: bool) -> RowVerb:
    return RowVerb(
        name=f"switch-{name}",
        label=f"Switch {name}",
        done=f"switched {name}",
        bulk=f"Switch the selected webhooks {name}",
        verb=Verb.OPERATE,
        may=_may_operate,
        is_open=lambda endpoint: endpoint.is_active is not is_active,
        act=lambda person, endpoint, data: services.switch_webhook_endpoint(
            actor=person, workspace=endpoint.workspace, endpoint_id=endpoint.pk, is_active=is_active
        ),
    )


class RotateForm(forms.Form):
    """When the old secret ends."""

    at_once = forms.BooleanField(
        required=False,
        label="The old secret has leaked: it signs nothing from now on.",
        help_text="Otherwise it signs beside the new one for a while, so that the receiver can change over.",
    )


def _rotate(person: Any, endpoint: WebhookEndpoint, data: Mapping[str, Any]) -> dict[str, Any]:
    endpoint, secret = services.rotate_webhook_secret(
        actor=person, workspace=endpoint.workspace, endpoint_id=endpoint.pk, at_once=data["at_once"]
    )
    return {"endpoint": endpoint, "secret": secret}


class OperatorsAdmin(OperatedRows, ServiceAdmin):
    """Seen by those who operate the workspace: a URL can hold a secret of the receiver's."""

    list_select_related = ["workspace"]


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OperatorsAdmin):
    """Hosts that are told; the signing secret is shown once, when the endpoint is added."""

    nothing_yet = "Nobody is told by webhook"
    add_title = "Add a webhook"
    list_display = ["url", "workspace", "state", "last_answer", "created_at"]
    list_filter = [WorkspaceFilter, "is_active", "needs_review"]
    exclude = ["secret", "previous_secret", "created_by"]
    change_form_template = "admin/governance/webhook_endpoint.html"
    add_verb = Verb.OPERATE
    verbs = (
        _switching("off", False),
        _switching("on", True),
        RowVerb(
            name="leave-off",
            label="Leave it off",
            done="left off",
            bulk="Leave the selected webhooks off",
            verb=Verb.OPERATE,
            may=_may_operate,
            is_open=lambda endpoint: endpoint.needs_review,
            act=lambda person, endpoint, data: services.leave_webhook_endpoint_off(
                actor=person, workspace=endpoint.workspace, endpoint_id=endpoint.pk
            ),
        ),
        RowVerb(
            name="rotate",
            label="Rotate the secret",
            done="given a new secret",
            verb=Verb.OPERATE,
            form=RotateForm,
            may=_may_operate,
            is_open=lambda endpoint: True,
            act=_rotate,
            reveals="admin/governance/webhook_secret.html",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return with_last_answer(super().get_queryset(request))

    @admin.display(description="state", ordering="is_active")
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        colour, label = _STATES[_state_of(endpoint)]
        return format_html('<span class="badge {}">{}</span>', colour, label)

    @admin.display(description="last answer")
    def last_answer(self, endpoint: Any) -> str:
        if not endpoint.last_result:
            return "–"
        return f"{endpoint.last_result}, {timesince(endpoint.last_attempt_at)} ago"

    def facts(self, row: WebhookEndpoint) -> dict[str, Any]:
        return {"deliveries": row.deliveries.all()[:LAST_DELIVERIES]}

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        return EndpointForm(data, workspaces_where(Verb.OPERATE, request.user))

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        endpoint, secret = services.add_webhook_endpoint(actor=request.user, **form.cleaned_data)
        self.log_addition(request, endpoint, [{"added": {}}])
        # No redirect: this reply is the only one that ever holds the secret.
        context = {"endpoint": endpoint, "secret": secret, "back": self._list()}
        return self._page(request, "admin/governance/webhook_secret.html", "The signing secret, shown once", context)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(OperatorsAdmin):
    """Messages, and what became of them."""

    nothing_yet = "Nothing was sent yet"
    list_display = ["event", "endpoint", "workspace", "status", "attempts", "last_result", "created_at"]
    list_filter = [WorkspaceFilter, "status", "event"]
    list_select_related = ["workspace", "endpoint"]
    verbs = (
        RowVerb(
            name="redeliver",
            label="Deliver again",
            done="on its way again",
            bulk="Deliver the selected messages again",
            verb=Verb.OPERATE,
            may=_may_operate,
            is_open=lambda delivery: delivery.endpoint.is_active,
            act=lambda person, delivery, data: services.redeliver_webhook(
                actor=person, workspace=delivery.workspace, delivery_id=delivery.pk
            ),
        ),
    )
