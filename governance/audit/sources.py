"""Where the lines come from. An app registers each history of its own, from `AppConfig.ready`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from confidence_project.foundation.registry import Registry
from governance.access.permissions import Verb
from governance.models import Workspace
from governance.models.controls import Control


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One history.

    Parameters
    ----------
    title
        What the page calls it, under which it is filtered.
    rows
        The rows of a workspace.
    at, who
        Names of the columns that hold the time and the copied name of the account.
    what, about
        Say of a row what was done, and to what: names and numbers, nothing that somebody wrote at length.
    page
        The row whose page in the admin says more.
    verb
        Who may see it.
    """

    title: str
    rows: Callable[[Workspace], QuerySet[Any]]
    at: str
    who: str
    what: Callable[[Any], str]
    about: Callable[[Any], str]
    page: Callable[[Any], Model] = lambda row: row
    verb: Verb = Verb.SEE


SOURCES: Registry[Source] = Registry("history")


def rows_in(model: type[Model], *related: str) -> Callable[[Workspace], QuerySet[Any]]:
    """Return a reader of the rows of a model that a workspace owns."""
    return lambda workspace: model._default_manager.filter(workspace=workspace).select_related(*related)


def sources_of_control(model: type[Control], title: str) -> Iterator[tuple[str, Source]]:
    """Give the two histories that rows of a control are: how they began, and how they ended."""
    name = str(model._meta.verbose_name)

    def ended(workspace: Workspace) -> QuerySet[Any]:
        return rows_in(model, "workspace")(workspace).filter(ended_at__isnull=False)

    readers = {"started": rows_in(model, "workspace"), "ended": ended}
    for step, rows in readers.items():
        what = f"{name.capitalize()} {step}"
        yield (
            f"{model._meta.label_lower}.{step}",
            Source(
                title=title,
                rows=rows,
                at=f"{step}_at",
                who=f"{step}_by_name",
                what=lambda row, what=what: what,  # type: ignore[misc]
                about=str,
            ),
        )
