"""Admin pages that change something: a form that calls one service, on one row or on many, after a look at the facts.

The page holds no rule. Who may, and from which state, the service says; the page asks the same functions to know what
to show. Every change is a POST under CSRF protection.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from confidence_project.foundation.errors import DomainError
from governance.access.permissions import Verb, who_may, workspaces_where
from governance.admin_kit import once
from governance.admin_kit.scope import chosen_workspace, holds_somewhere
from governance.admin_kit.scoped_admin import ScopedAdmin


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=500)


class OptionalReasonForm(ReasonForm):
    """Why, if there is something to say."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=2_000, required=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerb:
    """One thing that may be done to a row.

    Parameters
    ----------
    name, label, done
        `approve`, `Approve`, `approved`: part of the URL, the button, the report.
    act
        Calls the service with the person, the row and the form's data.
    may
        Whether the person may, four eyes included.
    is_open
        Whether the row is in a state from which the verb leads on.
    bulk
        The whole label of the action on a list, "Approve the selected proposals"; blank: one row at a time.
    reveals
        Template of a page that shows what `act` returns, its context: a secret, which no other reply ever holds.
    """

    name: str
    label: str
    done: str
    verb: Verb
    act: Callable[[Any, Any, Mapping[str, Any]], object]
    may: Callable[[Any, Any], bool]
    is_open: Callable[[Any], bool]
    form: type[forms.Form] = forms.Form
    bulk: str = ""
    reveals: str = ""


class ServiceAdmin(ScopedAdmin):
    """Pages for `verbs` on rows, and for adding a row through a service."""

    verbs: tuple[RowVerb, ...] = ()
    add_verb: Verb | None = None
    add_title = ""
    change_form_template = "admin/governance/row.html"

    # --- what subclasses say -----------------------------------------------------------------------------------------

    def facts(self, row: Any) -> dict[str, Any]:
        """Return what a person should see before they decide, for the templates."""
        return {}

    def form_for(self, verb: RowVerb, rows: list[Any], data: Any) -> forms.Form:
        """Return the form of a verb on `rows`."""
        return verb.form(data)

    def landing(self, verb: RowVerb, row: Any) -> str:
        """Return the address at which a person lands who has done `verb`: where it is seen what came of it."""
        return self._back(row)

    def why_not_now(self, person: Any, verb: RowVerb, row: Any) -> str:
        """Say why the state of `row` leaves nothing for `verb` to do."""
        return f"“{row}” cannot be {verb.done} (any more)."

    def consequences(self, form: forms.Form) -> list[str]:
        """Return what a valid form for a new row would bring about, to be read before it is sent again."""
        return []

    def in_force(self, request: HttpRequest) -> Sequence[tuple[Any, Sequence[str]]]:
        """Return the rows that a new one would take the place of, each with what it says in words."""
        return ()

    def add_form(self, request: HttpRequest, data: Any) -> forms.Form:
        """Return the form for a new row."""
        raise NotImplementedError

    def add_row(self, request: HttpRequest, form: forms.Form) -> Any:
        """Make the row through a service; return it, or a response of its own."""
        raise NotImplementedError

    # --- pages -------------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        info = self.opts.app_label, self.opts.model_name
        own = [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(partial(self.verb_view, verb=verb)),
                name="{}_{}_{}".format(*info, verb.name),
            )
            for verb in self.verbs
        ]
        return own + super().get_urls()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.add_verb is not None and holds_somewhere(request, self.add_verb)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        context = {**(extra_context or {})}
        if row is not None:
            asked = [(verb, verb.may(request.user, row)) for verb in self.verbs if verb.is_open(row)]
            context |= {
                "buttons": [(verb, self._verb_url(verb, row)) for verb, may in asked if may],
                "refusals": [(verb, who_may(verb.verb)) for verb, may in asked if not may],
                **self.facts(row),
            }
        return super().change_view(request, object_id, form_url, context)

    def verb_view(self, request: HttpRequest, object_id: str, verb: RowVerb) -> HttpResponse:
        """Show the facts and the form; on POST call the service and go back to the row."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if once.was_sent(request):
            return self._sent_before(request, self._back(row))
        if not verb.may(request.user, row) or not verb.is_open(row):
            return self._refuse(request, verb, row)
        form = self.form_for(verb, [row], request.POST if request.method == "POST" else None)
        done: list[Any] = []
        if form.is_valid() and self._called(form, lambda: done.append(verb.act(request.user, row, form.cleaned_data))):
            self.log_change(request, row, verb.label)
            once.remember(request)
            if verb.reveals:
                return self._page(request, verb.reveals, f"{verb.label}: {row}", {**done[0], "back": self._back(row)})
            self.message_user(request, f"“{row}”: {verb.done}.", messages.SUCCESS)
            is_there = self.get_object(request, str(row.pk)) is not None
            return HttpResponseRedirect(self.landing(verb, row) if is_there else self._list())
        context = {"verb": verb, "row": row, "form": form, "back": self._back(row), **self.facts(row)}
        return self._page(request, "admin/governance/confirm.html", f"{verb.label}: {row}", context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            why = who_may(self.add_verb or Verb.OPERATE)
            return self._refused(request, "You may not do this", why, HTTPStatus.FORBIDDEN)
        if once.was_sent(request):
            return self._sent_before(request, self._list())
        form = self.add_form(request, request.POST if request.method == "POST" else None)
        chosen = chosen_workspace(request)
        form.initial = {**({"workspace": chosen} if chosen else {}), **form.initial, **request.GET.dict()}
        made: list[Any] = []
        unread = self._unread(request, form)
        if not unread and form.is_valid() and self._called(form, lambda: made.append(self.add_row(request, form))):
            once.remember(request)
            if isinstance(made[0], HttpResponse):
                return made[0]
            self.log_addition(request, made[0], [{"added": {}}])
            self.message_user(request, f"“{made[0]}” was added.", messages.SUCCESS)
            return HttpResponseRedirect(self._list())
        context = {
            "form": form,
            "back": self._list(),
            "consequences": unread,
            "read": _digest(unread),
            "in_force": self.in_force(request),
        }
        return self._page(request, "admin/governance/add.html", self.add_title, context)

    # --- in bulk -----------------------------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        for verb in self.verbs:
            if verb.bulk and workspaces_where(verb.verb, request.user).exists():
                actions[verb.name] = (partial(_bulk, verb), verb.name, verb.bulk)
        return actions

    def bulk_view(self, request: HttpRequest, verb: RowVerb, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Show the facts of every row and one form; on confirmation call the service row by row."""
        rows = list(queryset)
        confirmed = "confirmed" in request.POST
        form = self.form_for(verb, rows, request.POST if confirmed else None)
        if confirmed and form.is_valid():
            self._report(request, verb, self._call_each(request, verb, rows, form.cleaned_data))
            return None
        context = {
            "verb": verb,
            "form": form,
            "rows": [{"row": row, **self.facts(row)} for row in rows],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "back": self._list(),
        }
        return self._page(request, "admin/governance/confirm_bulk.html", verb.bulk, context)

    def _call_each(
        self, request: HttpRequest, verb: RowVerb, rows: list[Any], data: Mapping[str, Any]
    ) -> Counter[str | None]:
        results: Counter[str | None] = Counter()
        for row in rows:
            try:
                verb.act(request.user, row, data)
            except DomainError as error:
                results[error.detail] += 1
            else:
                self.log_change(request, row, verb.label)
                results[None] += 1
        return results

    def _report(self, request: HttpRequest, verb: RowVerb, results: Counter[str | None]) -> None:
        skipped = [f"skipped {count}: {why}" for why, count in results.items() if why is not None]
        report = ", ".join([f"{verb.done} {results[None]}", *skipped])
        self.message_user(request, report, messages.WARNING if skipped else messages.SUCCESS)

    def _unread(self, request: HttpRequest, form: forms.Form) -> list[str]:
        """What the form would bring about, unless the person was shown just that and sent it all the same."""
        sentences = self.consequences(form) if form.is_bound and form.is_valid() else []
        return [] if request.POST.get("read") == _digest(sentences) else sentences

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _called(self, form: forms.Form, act: Callable[[], object]) -> bool:
        try:
            act()
        except DomainError as error:
            form.add_error(None, error.detail)
            return False
        return True

    def _refuse(self, request: HttpRequest, verb: RowVerb, row: Any) -> HttpResponse:
        """Say what is in the way: to whoever has the role, first the state, for they may be the one who did it."""
        where = workspaces_where(verb.verb, request.user)
        has_role = where.filter(pk=row.workspace_id).exists() if hasattr(row, "workspace_id") else where.exists()
        if has_role and not verb.is_open(row):
            why = self.why_not_now(request.user, verb, row)
            return self._refused(request, "There is nothing left to do here", why, HTTPStatus.CONFLICT, self._back(row))
        return self._refused(request, "You may not do this", who_may(verb.verb), HTTPStatus.FORBIDDEN, self._back(row))

    def _sent_before(self, request: HttpRequest, back: str) -> HttpResponse:
        return self._refused(request, "This was done already", once.SENT_BEFORE, HTTPStatus.CONFLICT, back)

    def _refused(self, request: HttpRequest, title: str, why: str, status: int, back: str = "") -> HttpResponse:
        return self._page(request, "admin/governance/refused.html", title, {"refusal": why, "back": back}, status)

    def _page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int | None = None
    ) -> HttpResponse:
        own = {"opts": self.opts, "title": title, "form_field": once.FIELD, "form_name": once.new_name()}
        return TemplateResponse(
            request, template, {**self.admin_site.each_context(request), **own, **context}, status=status
        )

    def _verb_url(self, verb: RowVerb, row: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_{verb.name}",
            args=[row.pk],
            current_app=self.admin_site.name,
        )

    def _back(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def _list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def _digest(sentences: list[str]) -> str:
    return hashlib.sha256("\n".join(sentences).encode()).hexdigest()


def _bulk(verb: RowVerb, model_admin: ServiceAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
    return model_admin.bulk_view(request, verb, queryset)
