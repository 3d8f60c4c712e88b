"""How a person sees the desk: the page of their settings, and the choice of the workspace that pages show."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from governance.access.preferences import preferences_of, set_preferences, time_zones
from governance.admin_kit.saved_filters import NO_FILTERS
from governance.admin_kit.scope import choose_workspace


class SettingsForm(forms.Form):
    """The zone, and the keys."""

    time_zone = forms.ChoiceField(
        required=False, help_text="Of every time that a page of the desk shows or asks for. Files and the API keep UTC."
    )
    single_keys = forms.BooleanField(
        required=False,
        label="Single keys are shortcuts",
        help_text="Off: no key does anything by itself, for speech input, or where keys are pressed by mistake.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        servers = f"As the server: {timezone.get_default_timezone_name()}"
        zones = [(name, name.replace("_", " ")) for name in time_zones()]
        self.fields["time_zone"].choices = [("", servers), *zones]  # type: ignore[attr-defined]


def settings_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show how the person sees the desk, and change it. `context` is the admin site's."""
    person: Any = request.user
    known = preferences_of(person)
    initial = {"time_zone": known.time_zone, "single_keys": known.single_keys}
    form = SettingsForm(request.POST or None, initial=initial)
    if form.is_valid():
        set_preferences(actor=person, **form.cleaned_data)
        messages.success(request, "Your settings were changed.")
        return redirect("admin:settings")
    return TemplateResponse(request, "desk/settings.html", {**context, "title": "Your settings", "form": form})


def workspace_view(request: HttpRequest) -> HttpResponse:
    """Have pages show one workspace, or all, from now on: the list that the person looked at, or home."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    chosen = choose_workspace(request, request.POST.get("workspace", ""))
    messages.success(request, f"You see {chosen.name} now." if chosen else "You see all of your workspaces now.")
    return redirect(_where_it_shows(request, request.POST.get("next", "")) or "admin:index")


def _where_it_shows(request: HttpRequest, address: str) -> str:
    """Return the address of a list without the workspace and the place in it; "" for what is no list of ours."""
    if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
        return ""
    parts = urlsplit(address)
    try:
        name = resolve(parts.path).view_name
    except (Resolver404, Http404):
        return ""
    if not (name.startswith("admin:") and (name.endswith("_changelist") or name == "admin:audit")):
        return ""
    query = QueryDict(parts.query, mutable=True)
    for parameter in NO_FILTERS:
        query.pop(parameter, None)
    return f"{parts.path}?{query.urlencode()}" if query else parts.path
