"""Reading `leadContextBundle`: of what the context of a call was made, and where it was cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from telemetry.metadata import STANDARD_SCHEMA

BUNDLE = "leadContextBundle"
SECTIONS: tuple[str, ...] = tuple(STANDARD_SCHEMA[BUNDLE]["sections"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a bundle. None: the host did not say."""

    name: str
    tokens: int | None
    budget: int | None
    truncated: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The context of one call. None: the host did not say."""

    profile: str | None
    tokens: int | None
    budget: int | None
    truncated: bool | None
    sections: tuple[Section, ...]


def read_bundle(metadata: Mapping[str, Any] | None) -> Bundle | None:
    """Return the bundle of a call, its sections in the order of the schema; None for a call that came without one."""
    found = (metadata or {}).get(BUNDLE)
    if not found:
        return None
    sections = found.get("sections") or {}
    return Bundle(
        profile=found.get("profile"),
        tokens=found.get("totalTokens"),
        budget=found.get("tokenBudget"),
        truncated=found.get("truncated"),
        sections=tuple(_section(name, sections[name]) for name in SECTIONS if sections.get(name)),
    )


def _section(name: str, found: Mapping[str, Any]) -> Section:
    return Section(name=name, tokens=found.get("tokens"), budget=found.get("budget"), truncated=found.get("truncated"))
