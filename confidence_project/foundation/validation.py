"""What is wrong with an object that broke its contract: field, rule and words, and never a value."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from confidence_project.foundation.errors import FieldProblem

PROBLEMS_PER_ITEM = 20

_SAID_PLAINLY = {
    "uuid_parsing": "Input should be a valid UUID",
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "list_type": "Input should be an array",
    "json_invalid": "Input should be JSON",
}
"""In place of the library's words where these quote a part of the value, or speak of Python."""

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def problems_in(
    error: ValidationError, *, under: str = "", index: int | None = None, fields: Container[str] | None = None
) -> list[FieldProblem]:
    """Return the first `PROBLEMS_PER_ITEM` of what is wrong.

    Parameters
    ----------
    under
        JSON Pointer of the object that was validated.
    index
        Its place in a bulk, None for a single one.
    fields
        What pointers may name, where the problems are stored: the `fields_of` a contract. Any other key stands as `*`;
        so does, in any case, one that is not a plain name, for it may be text in disguise.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        FieldProblem(
            under + pointer_to(each["loc"], fields),
            each["type"],
            _SAID_PLAINLY.get(each["type"]) or each["msg"].removeprefix("Value error, "),
            index,
        )
        for each in found[:PROBLEMS_PER_ITEM]
    ]


def pointer_to(location: Sequence[int | str], fields: Container[str] | None = None) -> str:
    """Return a JSON Pointer; see `problems_in` for its `fields`."""
    return "".join(f"/{step if isinstance(step, int) or _may_be_named(step, fields) else '*'}" for step in location)


def _may_be_named(key: str, fields: Container[str] | None) -> bool:
    return _FIELD_NAME.fullmatch(key) is not None and (fields is None or key in fields)


@cache
def fields_of(contract: type[BaseModel]) -> frozenset[str]:
    """Return the names of all fields of a contract, those of objects inside it too."""
    return frozenset(_properties(contract.model_json_schema()))


def _properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        for below in schema.values():
            yield from _properties(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _properties(below)
