"""Policy keys that people write as tables, in a TOML file or in the desk, read into definitions.

A table has what `PolicyDefinition` has, with its `fields` by name:

    [policies."claims.auto_pay"]
    title = "Claims"
    [policies."claims.auto_pay".fields.pay_threshold]
    kind = "confidence_threshold"
    default = 0.95
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from governance.answer_rules import AnswerRule
from governance.definitions import (
    STANDARD_ACTIONS,
    FieldDefinition,
    PolicyDefinition,
    register,
)

TITLE_LENGTH = 200
DESCRIPTION_LENGTH = 2_000

_SAID_PLAINLY = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "unexpected_keyword_argument": "is not known here",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "dict_type": "must be a table",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "dataclass_type": "must be a table",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
}


class _Table(BaseModel):
    """One policy as it is written."""

    # For the dataclasses inside, too.
    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_LENGTH)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=DESCRIPTION_LENGTH)] = ""
    fields: dict[str, FieldDefinition]
    actions: dict[str, dict[str, Any]] | None = None
    answer: AnswerRule | None = None
    parent: str = ""
    asks: bool = False


def load_definitions_file(path: Path) -> None:
    """Register every policy of a TOML file; raise `InvalidInput` that names the file, the policy and the key in it."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"Policy definitions in {path.name} cannot be read: {type(error).__name__}.") from error
    try:
        for definition in definitions_in(text):
            register(definition)
    except InvalidInput as error:
        raise InvalidInput(f"Policy definitions in {path.name}: {error.detail}", error.problems) from error


def definitions_in(text: str) -> list[PolicyDefinition]:
    """Return the policies of a TOML text.

    Raises
    ------
    InvalidInput
        It is no TOML, and at which line; or a table is not that of a policy. Each problem names the policy and the key.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            f"This is not TOML: {error}.", [FieldProblem("", "toml", f"is not TOML: {error}")]
        ) from error
    policies = document.get("policies")
    if not isinstance(policies, dict) or not policies or len(document) > 1:
        raise InvalidInput(
            'Begin each policy with a table of its key, [policies."my.key"]; nothing else stands at the top.',
            [FieldProblem("/policies", "type", 'holds a table for each policy: [policies."my.key"]')],
        )
    return [definition_of(key, table) for key, table in policies.items()]


def definition_of(key: str, table: object) -> PolicyDefinition:
    """Return the definition that a table is of, its bounds and defaults not yet compared (`definitions.check`)."""
    try:
        # As JSON, in which a strict reader takes the text of an enumeration for its member, and no text for a number.
        read = _Table.model_validate_json(json.dumps(_with_names(table), default=str))
    except ValidationError as error:
        problems = list(_problems(error))
        told = "; ".join(f"{_dotted(each.pointer)} {each.detail}" for each in problems)
        raise InvalidInput(f'Policy "{key}": {told}.', problems) from error
    return PolicyDefinition(
        key=key,
        title=read.title,
        description=read.description,
        fields=tuple(read.fields.values()),
        actions=STANDARD_ACTIONS if read.actions is None else read.actions,
        answer=read.answer,
        parent=read.parent,
        asks=read.asks,
    )


def table_of(definition: PolicyDefinition) -> dict[str, Any]:
    """Return the table from which `definition_of` makes the same definition."""
    told = asdict(replace(definition, toggle=None))
    named = {each.pop("name"): each for each in told["fields"]}
    return {**{name: told[name] for name in _Table.model_fields}, "fields": named}


def _with_names(table: object) -> object:
    """Give each field the name under which it stands; what has no such form is left to the reader to refuse."""
    fields = table.get("fields") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(fields, dict):
        return table
    named = {name: {**spec, "name": name} if isinstance(spec, Mapping) else spec for name, spec in fields.items()}
    return {**table, "fields": named}


def _problems(error: ValidationError) -> Iterator[FieldProblem]:
    for each in error.errors(include_url=False, include_context=True, include_input=False):
        detail = _SAID_PLAINLY.get(each["type"])
        if each["type"] == "enum":
            detail = f"must be one of {each['ctx']['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        yield FieldProblem(
            "".join(f"/{step}" for step in each["loc"]), each["type"], detail or "has not the right form"
        )


def _dotted(pointer: str) -> str:
    return pointer.lstrip("/").replace("/", ".") or "this"
