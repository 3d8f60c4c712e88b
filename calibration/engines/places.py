"""Where the address of an engine points: a folder of Parquet files, one database file, or a server.

The operator names the address in the environment, and only files below it are ever read: who declares an engine in the
admin must not reach into the server's disk.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from confidence_project.foundation.errors import InvalidInput, Unavailable

VARIABLE_PREFIX = "CONFIDENCE_ENGINE_"
"""Of the variables that hold addresses, so that no other one can be named."""

_VARIABLE = re.compile(VARIABLE_PREFIX + r"[A-Z0-9_]{1,60}")
_FILES = re.compile(r"[A-Za-z0-9_=*?.\-]+(/[A-Za-z0-9_=*?.\-]+)*")
# A project of Google's has hyphens.
_TABLE = re.compile(r"[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+){0,2}")


def check_variable(name: str) -> None:
    """Raise `InvalidInput` for what names no variable of an address."""
    if not _VARIABLE.fullmatch(name):
        raise InvalidInput(
            f"The address stands in an environment variable whose name begins with {VARIABLE_PREFIX}, in capitals."
        )


def check_source(source: str) -> None:
    """Raise `InvalidInput` for what is neither a table nor a pattern of files below the address."""
    if not (_FILES.fullmatch(source) or _TABLE.fullmatch(source)) or ".." in source:
        raise InvalidInput(
            "Decisions and outcomes are files below the address (2026/*.parquet) or tables (lake.ai.decisions): "
            "letters, digits, and - _ = . * ? between the slashes."
        )


def address_in(variable: str) -> str:
    """Return the address in a variable; raise `Unavailable` where there is none."""
    address = os.environ.get(variable, "").strip()
    if not address:
        raise Unavailable(f"The environment variable {variable}, which holds the address of the engine, is not set.")
    return address


def files_of(root: Path, pattern: str) -> list[Path]:
    """Return the files below `root` that a pattern names, in order; links that lead out of it are none.

    Raises
    ------
    Unavailable
        There are none.
    """
    base = root.resolve()
    found = sorted(path for path in base.glob(pattern) if path.is_file() and path.resolve().is_relative_to(base))
    if not found:
        raise Unavailable("No file below the engine's address is named as its declaration says.")
    return found


def table_of(source: str) -> Sequence[str]:
    """Return the parts of a table's name; raise `InvalidInput` for a pattern of files."""
    if not _TABLE.fullmatch(source):
        raise InvalidInput("This address has tables and no files: declare tables, such as ai.decisions.")
    return source.split(".")


def table_in(above: Sequence[str], source: str, *, depth: int = 3) -> Sequence[str]:
    """Return a table's name in full, so that it is never taken for the statement's own name of it.

    Parameters
    ----------
    above
        What it lies in where it does not say so itself: catalog and schema, for a `depth` of three parts.

    Raises
    ------
    InvalidInput
        It is a pattern of files, or neither says all parts.
    """
    parts = table_of(source)
    full = [*above[: depth - len(parts)], *parts]
    if len(full) != depth:
        raise InvalidInput(
            f"A table has a name of {depth} parts here. Write those before the last one into the address, or declare "
            "them."
        )
    return full


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server's address in its parts; what is not said is blank, or None."""

    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    path: Sequence[str]
    options: Mapping[str, str]


def server_at(address: str, *, product: str, form: str) -> Server:
    """Return the parts of an address.

    Parameters
    ----------
    form
        An example, whose scheme the address must have (`https` stands for `http`, too).

    Raises
    ------
    InvalidInput
        It is no such address; it is not repeated, for it may hold a password.
    """
    wanted = form.partition("://")[0]
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.hostname or parts.scheme not in ({"http", "https"} if wanted == "https" else {wanted}):
        raise InvalidInput(f"The address of {product} has the form {form}.")
    return Server(
        scheme=parts.scheme,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname,
        port=port,
        path=[unquote(part) for part in parts.path.split("/") if part],
        options=dict(parse_qsl(parts.query)),
    )


def fingerprint(root: Path, files: Sequence[Path]) -> str:
    """Return a hash of names, sizes and times of change, which tells whether files were written in between."""
    digest = hashlib.sha256()
    for path in files:
        known = path.stat()
        digest.update(f"{path.relative_to(root.resolve())}\0{known.st_size}\0{known.st_mtime_ns}\n".encode())
    return digest.hexdigest()
