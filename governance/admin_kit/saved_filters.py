"""Filters that a person keeps under a name: on every list, for themselves, and for the workspace that it shows.

A list that is no admin of a model (`desk/audit.py`) calls `answer` and `saved_on` itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from confidence_project.foundation.errors import InvalidInput
from governance.access.permissions import Verb, require
from governance.admin_kit.scope import PARAMETER
from governance.models import SavedFilter, Workspace
from governance.texts import clean_text

NAME_LENGTH, QUERY_LENGTH = 60, 2_000
MOST_SAVED = 30
"""So many filters of one list a person keeps."""

NO_FILTERS = frozenset({PARAMETER, "after", "before", "p", "q", "e", "all", "format", "_facets"})
"""Parameters of lists that are places, searches or the workspace, which is kept by itself."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a list shows of them: `action` is where they are kept and deleted; of each in `links` the key, the name, the
    address, and whether the list shows just that.
    """

    action: str
    links: list[tuple[int, str, str, bool]]
    can_be_saved: bool

    @property
    def in_short(self) -> str:
        """The name of what the list shows, or how many there are."""
        shown = next((name for _, name, _, is_set in self.links if is_set), None)
        return shown or str(len(self.links) or "none")


def save_filter(*, actor: User, page: str, workspace: Workspace | None, name: str, query: str) -> SavedFilter:
    """Keep filters of a list under a name, in the place of those that had it.

    Raises
    ------
    NotFound
        The workspace is not one of the actor's.
    InvalidInput
        The name is empty or too long; there are no filters, too many characters of them, or too many kept ones.
    """
    if workspace is not None:
        require(Verb.SEE, actor, workspace)
    name = clean_text(name, name="name", max_length=NAME_LENGTH, required=True)
    if not query or len(query) > QUERY_LENGTH:
        raise InvalidInput(f"There must be filters to keep, of at most {QUERY_LENGTH:,} characters.")
    own = _own(actor, page, workspace)
    if own.count() >= MOST_SAVED and not own.filter(name=name).exists():
        raise InvalidInput(f"At most {MOST_SAVED} filters of a list are kept. Delete one first.")
    stored, _ = SavedFilter.objects.update_or_create(
        user=actor, page=page, workspace=workspace, name=name, defaults={"query": query}
    )
    return stored


def delete_filter(*, actor: User, page: str, workspace: Workspace | None, key: str) -> bool:
    """Delete one of the actor's own filters of a list; return whether there was one."""
    mine = _own(actor, page, workspace)
    return key.isascii() and key.isdigit() and len(key) < 19 and bool(mine.filter(pk=int(key)).delete()[0])


def saved_on(request: HttpRequest, page: str, workspace: Workspace | None, action: str) -> Saved:
    """Return what the list shows: the person's filters of it, and whether there is something to save."""
    where = f"&{urlencode({PARAMETER: workspace.slug})}" if workspace else ""
    query, asked = _query(request.GET), request.GET.urlencode()
    rows = _own(request.user, page, workspace)
    links = [(row.pk, row.name, f"?{row.query}{where}", row.query == query) for row in rows]
    return Saved(f"{action}?{asked}" if asked else action, links, bool(query))


def answer(request: HttpRequest, page: str, workspace: Workspace | None, listed: str) -> HttpResponse:
    """Keep the filters of the address, which the list can read, or delete one; and lead back to the list."""
    actor: Any = request.user
    if "delete" in request.POST:
        if delete_filter(actor=actor, page=page, workspace=workspace, key=request.POST["delete"]):
            messages.success(request, "The saved filter was deleted.")
    else:
        try:
            query = _query(request.GET)
            kept = save_filter(
                actor=actor, page=page, workspace=workspace, name=request.POST.get("name", ""), query=query
            )
        except InvalidInput as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, f"The filters are kept as “{kept.name}”, for you alone.")
    asked = request.GET.urlencode()
    return HttpResponseRedirect(f"{listed}?{asked}" if asked else listed)


class SavedFilters:
    """Mixin for admins: the person's filters above the list, kept and deleted under `filters/`."""

    def workspace_of_list(self, request: HttpRequest) -> Workspace | None:
        """Return the one workspace whose rows the list shows."""
        return None

    def get_urls(self: Any) -> list[URLPattern]:
        own = path("filters/", self.admin_site.admin_view(self.filters_view), name=self._named("filters"))
        return [own, *super().get_urls()]  # type: ignore[misc]

    def filters_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Keep the filters of the address, or delete kept ones."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        listed = reverse(f"admin:{self._named('changelist')}")
        try:
            self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{listed}?e=1")
        return answer(request, self.opts.label_lower, self.workspace_of_list(request), listed)

    def changelist_view(
        self: Any, request: HttpRequest, extra_context: Mapping[str, Any] | None = None
    ) -> HttpResponse:
        action = reverse(f"admin:{self._named('filters')}")
        saved = saved_on(request, self.opts.label_lower, self.workspace_of_list(request), action)
        shown: HttpResponse = super().changelist_view(  # type: ignore[misc]
            request, {"saved_filters": saved, **(extra_context or {})}
        )
        return shown

    def _named(self: Any, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def _own(actor: Any, page: str, workspace: Workspace | None) -> QuerySet[SavedFilter]:
    return SavedFilter.objects.filter(user_id=actor.pk, page=page, workspace=workspace)


def _query(asked: QueryDict) -> str:
    """Return the filters of an address, in one order."""
    return urlencode(sorted((name, str(value)) for name, value in asked.items() if name not in NO_FILTERS and value))
