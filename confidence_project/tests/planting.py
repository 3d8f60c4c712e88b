"""Marked secrets: where they can be planted, by the API's own description, and where they are found again."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

# Nothing in them that JSON, HTML or `repr` would escape: they would hide there.
TEXT = "Ms. Smith has measles"
"""Text as people write it. It may stand in no place but those where people give their reasons."""
NAME = "ms_smith_has_measles"
"""The same in the form of a name. Where a host's own ids and names may stand, it cannot be told from one."""

Place = tuple[str | int, ...]

DISGUISES = (
    TEXT,
    NAME,
    [TEXT],
    {TEXT: TEXT, NAME: NAME, "note": TEXT},
)


def api_description() -> dict[str, Any]:
    """Return the OpenAPI document."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document


def routes(prefixes: tuple[str, ...]) -> set[str]:
    """Return every route of the site below `prefixes`, in the form that OpenAPI has for its paths."""
    found = (route for route in _routes(get_resolver().url_patterns) if route.startswith(prefixes))
    return {f"/{route.replace('{pk}', '{id}')}" for route in found}


def _routes(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = above + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            words = [part.split(">", 1) for part in route.split("<")]
            yield words[0][0] + "".join(f"{{{name.split(':')[-1]}}}{rest}" for name, rest in words[1:])


def places_of_text(document: dict[str, Any], schema: dict[str, Any], place: Place = ()) -> Iterator[Place]:
    """Yield each place of a body in which its schema lets a string stand, or says nothing about what stands there."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from places_of_text(document, choice, place)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    for name, below in schema.get("properties", {}).items():
        yield from places_of_text(document, below, (*place, name))
    if "array" in kinds and place:
        yield from places_of_text(document, schema["items"], (*place, 0))
    is_open = not kinds and not {"anyOf", "oneOf", "allOf"} & set(schema)
    if "string" in kinds or is_open or ("object" in kinds and "properties" not in schema):
        yield place


def leaves(body: Any, place: Place = ()) -> Iterator[Place]:
    """Yield each place of a body where a value stands."""
    if isinstance(body, dict):
        for name, below in body.items():
            yield from leaves(below, (*place, name))
    elif isinstance(body, list):
        for index, below in enumerate(body):
            yield from leaves(below, (*place, index))
    else:
        yield place


def objects(body: Any, place: Place = ()) -> Iterator[Place]:
    """Yield each place of a body where an object stands."""
    if isinstance(body, dict):
        yield place
        for name, below in body.items():
            yield from objects(below, (*place, name))


def planted(body: Any, place: Place, value: Any) -> Any:
    """Return `body` with `value` at `place`; what is missing on the way there is made."""
    if not place:
        return value
    step, *below = place
    changed = copy.copy(body) if isinstance(body, dict | list) else ([] if isinstance(step, int) else {})
    if isinstance(changed, list):
        changed[:1] = [planted(changed[0] if changed else None, tuple(below), value)]
    else:
        changed[step] = planted(changed.get(step), tuple(below), value)
    return changed


def columns_with(mark: str) -> set[str]:
    """Return each `table.column` of the whole database in which `mark` stands."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                found |= {f"{table}.{name}" for name, value in zip(names, row, strict=True) if mark in _text(value)}
    return found


def _text(value: object) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
