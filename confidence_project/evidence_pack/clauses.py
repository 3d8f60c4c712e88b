"""Which files of a pack speak to which clause: `clauses.toml`, which is data and is kept current as such."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from confidence_project.evidence_pack.parts.part import Column, Part

_FILE = Path(__file__).with_name("clauses.toml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clause(_Strict):
    """A clause, by number and title as its text has them, and the files that speak to it."""

    clause: str = Field(min_length=1)
    title: str = Field(min_length=1)
    files: list[str] = Field(min_length=1)


class Framework(_Strict):
    """A law, a standard or a guidance."""

    name: str = Field(min_length=1)
    clauses: list[Clause] = Field(min_length=1)


class Index(_Strict):
    """All of them, and when somebody last held them against their texts."""

    checked_on: date
    frameworks: list[Framework] = Field(min_length=1)


@cache
def read_clauses() -> Index:
    """Return the index; raise `pydantic.ValidationError` that names the field where the file is not one."""
    return Index.model_validate(tomllib.loads(_FILE.read_text("utf-8")))


def clauses() -> Part:
    """Return the index as a part of the pack."""
    index = read_clauses()
    return Part(
        name="clauses",
        title="From clauses to files",
        says=[
            f"Where to look, and not what a text demands: read the texts themselves. As of {index.checked_on}.",
        ],
        columns=[
            Column("framework", "Text"),
            Column("clause", "Clause"),
            Column("title", "Title"),
            Column("files", "Files", kind="files"),
        ],
        rows=[
            {"framework": framework.name, **clause.model_dump()}
            for framework in index.frameworks
            for clause in framework.clauses
        ],
    )
