"""Lists of tables that grow without bound: a page at a time from a row that the address names, and never a count.

A page begins after or before a row ("keyset pagination"), so that page ten thousand costs what the first does, and
rows that arrive meanwhile move nothing.

How to use it: derive from `scoped_admin.GrowingTableAdmin`, and give `ordering` as descending names, of
which the last is the primary key: `["-pk"]` or `["-created_at", "-pk"]`. Each filter wants an index over the workspace,
the field, and the names of `ordering`, in this turn; then any page of any value is read from the index in its order.
A filter over the first field of these indexes, which is the workspace, is its `head`, and narrows by `narrowed_to`.
A list of its own (figures, columns from elsewhere) derives from `KeysetChangeList` and overrides `get_results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.db.models.lookups import Exact
from django.http import HttpRequest

from confidence_project.foundation.replica import list_database

AFTER, BEFORE = "after", "before"

LOST_PLACE = "The address names a place that is not in this list. Here is the beginning of the list instead."

Place = Mapping[str, Any]
"""The values by which the list is ordered, of the row at which a page begins."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, the newest first, and whether there are newer and older ones."""

    rows: Sequence[Any]
    has_newer: bool
    has_older: bool


def first_page(rows: QuerySet[Any], size: int) -> Page:
    """Return the newest `size` rows of an ordered queryset."""
    found = list(rows[: size + 1])
    return Page(found[:size], has_newer=False, has_older=len(found) > size)


def page_after(rows: QuerySet[Any], place: Place, size: int) -> Page:
    """Return the newest rows that are older than `place`."""
    found = list(rows.filter(_beyond(place, "lt"))[: size + 1])
    return Page(found[:size], has_newer=True, has_older=len(found) > size)


def page_before(rows: QuerySet[Any], place: Place, size: int) -> Page:
    """Return the oldest rows that are newer than `place`; where they fill no page, the first page."""
    found = list(rows.filter(_beyond(place, "gt")).reverse()[: size + 1])
    if len(found) <= size:
        return first_page(rows, size)
    return Page(found[size - 1 :: -1], has_newer=True, has_older=True)


def _beyond(place: Place, than: Literal["lt", "gt"]) -> Q:
    """Compare row-wise; each name but the last is also bounded by itself, which is what an index can use."""
    *names, last = place
    beyond = Q((f"{last}__{than}", place[last]))
    for name in reversed(names):
        beyond = Q((f"{name}__{than}e", place[name])) & (Q((f"{name}__{than}", place[name])) | beyond)
    return beyond


class _HeldTo(Exact):
    """Equality that PostgreSQL does not take for a constant, so that ordering by the field still means something."""

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} = ANY(ARRAY[{right}])", [*left_params, *right_params]


def narrowed_to(rows: QuerySet[Any], field: str, value: Any) -> QuerySet[Any]:
    """Narrow `rows` to one value of a field that heads an index, and that the list is ordered by first.

    Ordered by the key alone, PostgreSQL may walk the primary key instead and pass over every row of the other
    workspaces, because it takes their rows for evenly mixed: seconds, when this one has been idle for long.
    """
    return rows.filter(_HeldTo(F(field), value))


class KeysetChangeList(ChangeList):
    """Django's list of rows in one fixed order, with pages by `?after=` and `?before=` a row's primary key.

    Filters begin at the newest row again. A search finds one row by its id, so its form leaves the filters behind. An
    address that names no row of the list says so.
    """

    search_leaves_filters = True

    newer_url: str | None = None
    older_url: str | None = None
    newest_url: str | None = None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return list(self.model_admin.get_ordering(request))

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        # Out of the parameters, or Django would filter by them, and every link would carry them on.
        for name in (AFTER, BEFORE):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        self.root_queryset = self.root_queryset.using(list_database(request))
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        heads = [getattr(spec, "head", "") for spec in self.filter_specs]
        return rows.order_by(*(f"-{head}" for head in heads if head), *self.get_ordering(request, rows))

    def get_results(self, request: HttpRequest) -> None:
        page = self._page(request)
        self.result_list = page.rows
        self.result_count = len(page.rows)
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        if page.has_newer:
            self.newest_url = self.get_query_string()
            self.newer_url = self._url(BEFORE, page.rows[0]) if page.rows else None
        if page.has_older:
            self.older_url = self._url(AFTER, page.rows[-1])

    def _url(self, direction: str, row: Any) -> str:
        return str(self.get_query_string({direction: str(row.pk)}))

    def _page(self, request: HttpRequest) -> Page:
        size = self.list_per_page
        for name, page_at in ((AFTER, page_after), (BEFORE, page_before)):
            if name in request.GET:
                place = self._place(request, request.GET[name])
                if place is not None:
                    return page_at(self.queryset, place, size)
                messages.warning(request, LOST_PLACE)
        return first_page(self.queryset, size)

    def _place(self, request: HttpRequest, key: str) -> Place | None:
        """Look the named row up among all that the person may see."""
        names = [name.removeprefix("-") for name in self.get_ordering(request, self.queryset)]
        try:
            place: Place | None = self.root_queryset.filter(pk=key).values(*names).first()
        except (ValueError, ValidationError):
            return None
        return place
