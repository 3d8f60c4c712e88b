"""Types of the values that hosts may send, shared by every contract: names, ids, probabilities, times.

They are strict: text is not read as a number, nor a number as a time.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Protocol

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, Strict, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from governance.definitions import LATTICE, to_lattice
from governance.models import DeclaredName

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _four_decimals(value: float) -> float:
    return to_lattice(value) / LATTICE


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _rfc3339(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("must be an RFC 3339 time with its offset, such as 2026-01-31T09:30:00Z")


NameKind = DeclaredName.Kind

LONGEST_NAME = 200

NAME_RULE = f"must have 1 to {LONGEST_NAME} visible characters (ASCII) and no white space"
_OR_DECLARED = f"{NAME_RULE}; any other {{kind}} has to be declared in the workspace first"

_VISIBLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_NAME}}}")


class DeclaredNames(Protocol):
    """What a workspace declared; contracts are given it as the context of their validation."""

    def has(self, kind: NameKind, name: str) -> bool:
        """True when the workspace declared `name`."""


class AnyName:
    """Takes every name that can be printed: for what is not kept, and belongs to no workspace."""

    def has(self, kind: NameKind, name: str) -> bool:
        return name.isprintable()


def is_visible(text: str) -> bool:
    """True for what may be a name or an id without being declared: no white space, so no sentence fits."""
    return _VISIBLE.fullmatch(text) is not None


_ALIAS = re.compile(r"~.*|(.*[-_./:@])?(latest|newest|current|stable|preview|default|auto)", re.IGNORECASE)


def is_alias(model: str) -> bool:
    """True for the name of a model that its owner moves from version to version, by how such names are made."""
    return _ALIAS.fullmatch(model) is not None


def rule_of(kind: NameKind) -> str:
    """Return what holds for names of this kind, in words that go on from "the name"."""
    return _OR_DECLARED.format(kind=kind.value)


def _visible(text: str) -> str:
    if not is_visible(text):
        raise PydanticCustomError("name", NAME_RULE)
    return text


def _name_of(kind: NameKind) -> AfterValidator:
    def check(text: str, info: ValidationInfo) -> str:
        if _may_name(kind, text, info.context):
            return text
        raise PydanticCustomError("name", _OR_DECLARED, {"kind": kind.value})

    return AfterValidator(check)


_DOCUMENTED = WithJsonSchema({"type": "string", "pattern": f"^{_VISIBLE.pattern}$"})

Identifier = Annotated[str, Strict(), AfterValidator(_visible), _DOCUMENTED]
"""A name (task, channel, policy key, action type): see `is_visible`."""

HostId = Identifier
"""An id that the host made, by the same rule."""

_DOCUMENTED_WITH_DECLARED = WithJsonSchema(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_NAME,
        "description": "Visible ASCII without white space, or a name that the workspace declared.",
    }
)

ProviderName = Annotated[str, Strict(), _name_of(NameKind.PROVIDER), _DOCUMENTED_WITH_DECLARED]
"""The name of a provider: an `Identifier`, or any that the workspace declared."""

ModelName = Annotated[str, Strict(), _name_of(NameKind.MODEL), _DOCUMENTED_WITH_DECLARED]
"""The name of a model, likewise."""

Probability = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False), AfterValidator(_four_decimals)]
"""A number in [0, 1], rounded to the 4 decimals that are stored and compared."""

Whole = BeforeValidator(_whole)
"""Last in the annotation of an `int`: the number is whole, however JSON writes it, `12` or `12.0`."""

Timestamp = Annotated[
    AwareDatetime, BeforeValidator(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""A time with its offset; `clock.check_time` holds it within bounds."""


def identifier_or_blank(value: object) -> str:
    """Return `value` when it is an `Identifier`, "" otherwise: for labels that are taken where they are sound."""
    return value if isinstance(value, str) and is_visible(value) else ""


def host_id_or_blank(value: object) -> str:
    """Return `value` when it is a `HostId`, "" otherwise."""
    return identifier_or_blank(value)


def name_or_blank(kind: NameKind, value: object, declared: DeclaredNames | None) -> str:
    """Return `value` when it may name a provider or a model, "" otherwise. `declared` None: nothing is."""
    return value if isinstance(value, str) and _may_name(kind, value, declared) else ""


def _may_name(kind: NameKind, text: str, declared: DeclaredNames | None) -> bool:
    return is_visible(text) or (declared is not None and declared.has(kind, text))
