"""The page on which a person says what they are told by e-mail, and how soon."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from governance.models import NoticeSettings
from governance.notices.outbox import settings_of
from governance.notices.services import set_notices


class NoticesForm(forms.Form):
    """How soon, and what."""

    pace = forms.ChoiceField(label="By e-mail", choices=NoticeSettings.Pace.choices, widget=forms.RadioSelect)
    kinds = forms.MultipleChoiceField(
        label="Of", choices=NoticeSettings.Kind.choices, widget=forms.CheckboxSelectMultiple, required=False
    )


def notices_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show how the person is told, and change it. `context` is the admin site's."""
    person: Any = request.user
    how = settings_of(person)
    form = NoticesForm(request.POST or None, initial={"pace": how.pace, "kinds": how.kinds})
    if form.is_valid():
        set_notices(actor=person, **form.cleaned_data)
        messages.success(request, "Your notices were changed.")
        return redirect("admin:notices")
    own = {"title": "Your notices", "form": form, "sends_mail": settings.CONFIDENCE_SENDS_MAIL}
    return TemplateResponse(request, "desk/notices.html", {**context, **own})
