"""Reading `leadContextBundle`: of what the context of a call was made, and where it was cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition
from telemetry.metadata import STANDARD_SCHEMA

BUNDLE = "leadContextBundle"
SECTIONS: tuple[str, ...] = tuple(STANDARD_SCHEMA[BUNDLE]["sections"])


def _budget(name: str, default: int, title: str) -> FieldDefinition:
    return FieldDefinition(
        name=name, kind=FieldKind.BUDGET, default=default, minimum=100, maximum=200_000, max_step=4_000,
        unit="tokens", title=title,
    )  # fmt: skip


BUDGETS = PolicyDefinition(
    key="lead_context_bundle",
    title="Lead context budgets",
    description="Token budgets of the context that prompts are given.",
    fields=(
        _budget("total_token_budget", 4_000, "Tokens of the whole bundle"),
        _budget("knowledge_token_budget", 1_500, "Tokens of knowledge excerpts"),
        _budget("memory_token_budget", 1_000, "Tokens of remembered context"),
    ),
)


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
