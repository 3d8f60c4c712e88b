"""Which workspaces a page of the desk is about: the one that its address names, or that the person chose, or all.

The choice is kept in the session. It narrows lists and the first page, and never what a person may open by its address.
"""

from __future__ import annotations

from django.http import HttpRequest

from governance.access.permissions import Verb, workspaces_where
from governance.models import Workspace

PARAMETER = "workspace"
"""Of the address of a list: a slug; blank for all, whatever was chosen."""

_KEY = "workspace"


def workspaces_in_reach(request: HttpRequest) -> list[Workspace]:
    """Return the workspaces that the person may see, by name; asked of the database once in a request."""
    if not hasattr(request, "workspaces_in_reach"):
        request.workspaces_in_reach = list(  # type: ignore[attr-defined]
            workspaces_where(Verb.SEE, request.user).order_by("slug")
        )
    found: list[Workspace] = request.workspaces_in_reach  # type: ignore[attr-defined]
    return found


def holds_somewhere(request: HttpRequest, verb: Verb) -> bool:
    """True where the person's role allows the verb in some workspace; asked of the database once in a request."""
    # The menu of every page asks for every model; whatever is done then, its service asks again.
    known: dict[Verb, bool] = request.__dict__.setdefault("verbs_somewhere", {})
    if verb not in known:
        known[verb] = workspaces_where(verb, request.user).exists()
    return known[verb]


def choose_workspace(request: HttpRequest, slug: str) -> Workspace | None:
    """Have the pages of this session show one workspace from now on; all, where none of this name is in reach."""
    chosen = _named(request, slug)
    if chosen is None:
        request.session.pop(_KEY, None)
    else:
        request.session[_KEY] = chosen.pk
    return chosen


def chosen_workspace(request: HttpRequest) -> Workspace | None:
    """Return the workspace that the person chose to see; None: all of theirs."""
    key = request.session.get(_KEY) if hasattr(request, "session") else None
    return next((each for each in workspaces_in_reach(request) if each.pk == key), None) if key else None


def workspace_in_scope(request: HttpRequest) -> Workspace | None:
    """Return the one workspace that the address names, or else that was chosen; None: all, or none of that name."""
    asked = request.GET.get(PARAMETER)
    return chosen_workspace(request) if asked is None else _named(request, asked)


def workspace_in_view(request: HttpRequest) -> Workspace | None:
    """Return the workspace whose rows a list of one shows: the one in scope, or the first. None: there is none."""
    asked = request.GET.get(PARAMETER)
    if asked:
        return _named(request, asked)
    return chosen_workspace(request) or next(iter(workspaces_in_reach(request)), None)


def _named(request: HttpRequest, slug: str) -> Workspace | None:
    return next((each for each in workspaces_in_reach(request) if each.slug == slug), None)
