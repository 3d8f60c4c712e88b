"""Filters of lists that grow without bound: each narrows by what an index holds, and offers its choices without a scan.

For tables that a workspace owns, in lists of `keyset`. Not a leaf: the `admin.py` of the apps build on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from confidence_project.foundation.filters import TimeField
from governance.admin_kit.keyset import narrowed_to
from governance.admin_kit.scope import PARAMETER, workspace_in_view, workspaces_in_reach
from governance.models import Workspace

MOST_CHOICES = 50
"""So many values of a field are offered; any other is found by its address."""


class OneWorkspaceFilter(admin.SimpleListFilter):
    """Shows one workspace at a time, for an index holds the rows of one in their order.

    A search by id looks in every workspace that the person may see.
    """

    title = "workspace"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.in_view = workspace_in_view(request)
        self.head = "" if request.GET.get(SEARCH_VAR, "").strip() else "workspace_id"
        return [(workspace.slug, workspace.name) for workspace in workspaces_in_reach(request)]

    def has_output(self) -> bool:
        # Django applies no filter without output, and the order of the list rests on this one.
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for slug, name in self.lookup_choices:
            yield {
                "selected": self.in_view is not None and self.in_view.slug == slug,
                "query_string": changelist.get_query_string({self.parameter_name: slug}),
                "display": name,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.in_view is None:
            return queryset.none()
        return narrowed_to(queryset, "workspace_id", self.in_view.pk) if self.head else queryset


def values_in_use(rows: QuerySet[Any], workspace: Workspace, field: str, left_out: str = "") -> list[str]:
    """Return the first `MOST_CHOICES` values, in their order, of a text field in a workspace's rows; never blank.

    `left_out` is a value that is not looked for, because the index does without it.

    Leaps from value to value ("loose index scan") through an index that begins with workspace and field, so that it
    costs as many look-ups as there are values. A DISTINCT would read every row.
    """
    database = connections[rows.db]
    quote = database.ops.quote_name
    column = quote(str(rows.model._meta.get_field(field).column))
    table = quote(rows.model._meta.db_table)
    which = f"{table} WHERE workspace_id = %s AND NOT ({column} = %s)"
    least = f"SELECT MIN({column}) FROM {which} AND {column} >"  # noqa: S608 - names are quoted
    statement = f"""
        WITH RECURSIVE found(value, place) AS (
            SELECT ({least} ''), 1
            UNION ALL
            SELECT ({least} found.value), place + 1 FROM found WHERE value IS NOT NULL AND place < %s
        )
        SELECT value FROM found WHERE value IS NOT NULL ORDER BY value
    """  # noqa: S608
    with database.cursor() as cursor:
        cursor.execute(statement, [workspace.pk, left_out, workspace.pk, left_out, MOST_CHOICES])
        return [value for (value,) in cursor.fetchall()]


class _ValueFilter(admin.SimpleListFilter):
    """Narrows a text field to one value."""

    field_name: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = (self.value() or "").strip()
        if not value:
            return queryset
        # PostgreSQL takes no NUL, and no row has one.
        return queryset.none() if "\0" in value else self.narrowed(queryset, value)

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Narrow `rows`; to be overridden where an index wants to be asked otherwise."""
        return rows.filter(**{self.field_name: value})


class ExactFilter(_ValueFilter):
    """Narrows a text field to one value, of those that `offered` gives or any other that the address names."""

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Return values with what to call them."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered, chosen = list(self.offered(request, model_admin)), self.value()
        if not chosen or chosen in dict(offered):
            return offered
        return [*offered, (chosen, chosen)]


class InUseFilter(ExactFilter):
    """Offers the values that rows of the workspace in view have, and `left_out`, which is not looked for."""

    left_out = ""

    def offered(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        workspace = workspace_in_view(request)
        if workspace is None:
            return []
        values = values_in_use(model_admin.model._default_manager.all(), workspace, self.field_name, self.left_out)
        if len(values) == MOST_CHOICES:
            self.title = f"{self.title} (the first {MOST_CHOICES})"
        return [(value, value) for value in sorted({*values, self.left_out} - {""})]


class TypedFilter(_ValueFilter):
    """Narrows a text field to the value that is typed in, whole."""

    template = "admin/typed_filter.html"
    parameter_name: str
    others: dict[str, str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", "")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.others = _without(changelist.params, [self.parameter_name])
        yield {
            "selected": not self.value(),
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": "All",
        }


NOT_A_TIME = "Write a time such as 2026-01-31T14:00."
PERIOD, FROM, TO = "period", "from", "to"
PERIODS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "90d": ("Last 90 days", timedelta(days=90)),
}


class RangeForm(forms.Form):
    """Two times, each of which may be left out; the first belongs to the range, the last does not."""

    since = TimeField(required=False, error_messages={"invalid": NOT_A_TIME})
    until = TimeField(required=False, error_messages={"invalid": NOT_A_TIME})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            raise forms.ValidationError("The range ends before it starts.")
        return cleaned


class TimeFilter(admin.ListFilter):
    """Narrows by time: steps back from now, or a range, in the person's time zone.

    A range that cannot be read shows nothing and says why, instead of everything.
    """

    title = "time"
    template = "admin/time_filter.html"
    expected: ClassVar = [PERIOD, FROM, TO]
    others: dict[str, str]

    def __init__(self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.expected:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]
        self.form = RangeForm({"since": self.used_parameters.get(FROM), "until": self.used_parameters.get(TO)})
        self.problem = "" if self.form.is_valid() else next(iter(self.form.errors.values()))[0]
        if self.used_parameters.get(PERIOD) not in (None, *PERIODS):
            self.problem = "There is no such period; choose one of the list."

    def between(self, rows: QuerySet[Any], since: datetime | None, until: datetime | None) -> QuerySet[Any]:
        """Narrow `rows`; None leaves the range open."""
        raise NotImplementedError

    @property
    def since(self) -> datetime | None:
        """Where the rows begin; None: with the first."""
        asked: datetime | None = self.form.cleaned_data.get("since")
        period = PERIODS.get(str(self.used_parameters.get(PERIOD)))
        return timezone.now() - period[1] if period and asked is None else asked

    @property
    def until(self) -> datetime | None:
        """Where the rows end, itself left out; None: with the last."""
        until: datetime | None = self.form.cleaned_data.get("until")
        return until

    def expected_parameters(self) -> list[Any]:
        return self.expected

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        self.others = _without(changelist.params, self.expected)
        yield {
            "selected": not self.used_parameters,
            "query_string": changelist.get_query_string(remove=self.expected),
            "display": "Any time",
        }
        for name, (display, _) in PERIODS.items():
            yield {
                "selected": self.used_parameters.get(PERIOD) == name,
                "query_string": changelist.get_query_string({PERIOD: name}, remove=[FROM, TO]),
                "display": display,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.none() if self.problem else self.between(queryset, self.since, self.until)


def _without(params: dict[str, str], names: Sequence[str]) -> dict[str, str]:
    """What a form sends along, so that it narrows the filters that are set."""
    return {name: value for name, value in params.items() if name not in names}
