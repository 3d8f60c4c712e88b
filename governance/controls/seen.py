"""Which providers and models decisions have named, as far as an app above keeps decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confidence_project.foundation.registry import Registry
from governance.models import Workspace


@dataclass(frozen=True, slots=True)
class SeenSources:
    """How to ask for the names of a kind (`BlockedSource.Kind`) in a workspace: the first ones, and one of them."""

    names: Callable[[Workspace, str], Sequence[str]]
    has: Callable[[Workspace, str, str], bool]


SEEN_SOURCES: Registry[SeenSources] = Registry("source of seen names")


def seen_names(workspace: Workspace, kind: str) -> Sequence[str]:
    """Return names of the kind that decisions of the workspace carry; none when no app keeps decisions."""
    seen = SEEN_SOURCES.get()
    return seen.names(workspace, kind) if seen else ()


def was_seen(workspace: Workspace, kind: str, name: str) -> bool | None:
    """True when a decision of the workspace carries the name; None when no app keeps decisions."""
    seen = SEEN_SOURCES.get()
    return seen.has(workspace, kind, name) if seen else None
