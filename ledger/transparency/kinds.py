"""Kinds of entries: which rows become leaves of the log, and the bytes that a leaf commits to.

The bytes are the JSON Canonicalization Scheme (RFC 8785) of an object with the row's columns under their own names,
plus `entry`, the name of the kind, and `v`, the version of its encoding. They depend on the values alone, not on the
database that holds them: times are UTC text with six decimals, probabilities text with four, UUIDs lower-case text.
An encoding that has been used never changes: a column that came later makes a new version of the entries of rows that
have it, and no difference to the others. `docs/ledger.md` documents the encoding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import models

from confidence_project.foundation.registry import Registry
from ledger.transparency.encoding import digest_of, piece_of, selected

FIRST_VERSION = 1

Row = Sequence[Any]
"""A row as `Codec.select` asks for it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of a table that become leaves.

    Parameters
    ----------
    entry
        Name of the kind.
    recorded_at
        The column with the time at which the row says that it was written.
    columns
        What a leaf holds, by attribute name: nothing of it changes once there is a leaf.
    later
        Columns that came with a later version, which an entry has when one of them is not null.
    digests
        JSON columns that an entry holds as the SHA-256 of their canonical text, named `<column>_sha256`.
    condition
        SQL over the row `t`, the same for both databases: it becomes a leaf once this holds.
    grows
        The table grows with decisions, and is followed in the order of commits; others are compared whole.
    """

    entry: str
    model: type[models.Model]
    recorded_at: str
    columns: tuple[str, ...]
    later: Mapping[str, int] = field(default_factory=dict, hash=False)
    digests: tuple[str, ...] = ()
    condition: str = ""
    grows: bool = False

    @property
    def key(self) -> str:
        """The attribute of the primary key."""
        return str(self.model._meta.pk.attname)

    @property
    def has_uuid(self) -> bool:
        return self.model._meta.pk.get_internal_type() == "UUIDField"

    def key_of(self, entry_id: str) -> UUID | int:
        """Return the key behind an `entry_id`; raise ValueError where it is none."""
        return UUID(entry_id) if self.has_uuid else int(entry_id)

    def entry_id_of(self, key: UUID | int) -> str:
        """Return a key as text whose order is the order of the keys."""
        return f"{key:020d}" if isinstance(key, int) else str(key)


Shape = tuple[str, list[tuple[int, Callable[[Any], str]]]]
"""The template of an entry, and from which places of a row its values come, by which functions."""


class Codec:
    """How one database's rows of a kind are asked for, and encoded."""

    def __init__(self, kind: Kind, vendor: str) -> None:
        fields = {each.attname: each for each in kind.model._meta.concrete_fields}
        self.kind, self.names = kind, sorted({*kind.columns, *kind.digests})
        self.select = ", ".join(selected(fields[name], vendor) for name in self.names)
        self.pieces: list[Callable[[Any], str]] = [
            digest_of(fields[name]) if name in kind.digests else piece_of(fields[name], vendor) for name in self.names
        ]
        self._key, self._time = self.names.index(kind.key), self.names.index(kind.recorded_at)
        self._has_uuid = kind.has_uuid
        self._later = [self.names.index(name) for name in kind.later]
        self._shapes: dict[tuple[int, ...], Shape] = {}

    def _shape(self, missing: tuple[int, ...]) -> Shape:
        """Return the template of entries without the columns at `missing`, and where its values come from."""
        had = [index for index in range(len(self.names)) if index not in missing]
        version = max((self.kind.later.get(self.names[index], 0) for index in had), default=0) or FIRST_VERSION
        keys = {self._key_in_entry(self.names[index]): index for index in had}
        parts = {key: f'"{key}":%s' for key in keys}
        parts |= {"entry": f'"entry":{json.dumps(self.kind.entry)}', "v": f'"v":{version}'}
        template = "{" + ",".join(parts[key] for key in sorted(parts)) + "}"
        return template, [(keys[key], self.pieces[keys[key]]) for key in sorted(keys)]

    def _key_in_entry(self, name: str) -> str:
        return f"{name}_sha256" if name in self.kind.digests else name

    def encode(self, row: Row) -> bytes:
        """Return the bytes of the leaf of `row`; raise one of `UNREADABLE` where it holds what it cannot hold."""
        missing = tuple([index for index in self._later if row[index] is None])
        if missing not in self._shapes:
            self._shapes[missing] = self._shape(missing)
        template, parts = self._shapes[missing]
        values = ["null" if row[index] is None else piece(row[index]) for index, piece in parts]
        return (template % tuple(values)).encode()

    def entry_id(self, row: Row) -> str:
        """Return the key of `row` as text whose order is the order of the keys."""
        piece = self.pieces[self._key](row[self._key])
        return piece[1:-1] if self._has_uuid else piece.zfill(20)

    def recorded_at(self, row: Row) -> str:
        """Return the canonical time at which `row` says that it was written; blank where it says none."""
        return "" if row[self._time] is None else self.pieces[self._time](row[self._time])[1:-1]


@lru_cache(maxsize=256)
def codec_of(kind: Kind, vendor: str) -> Codec:
    """Return how rows of `kind` are read from a database of `vendor`."""
    return Codec(kind, vendor)


KINDS: Registry[Kind] = Registry("kind of entries of the log")
"""By name. The ledger registers what lies on its own floor and below, floors above it their own."""


def register(*kinds: Kind) -> None:
    """Have rows of these kinds logged and verified."""
    for kind in kinds:
        KINDS.register(kind, kind.entry)
