"""Uploads that wait for their mapping: what their first rows are taken for, and a mapping to start from."""

from __future__ import annotations

from contextlib import closing
from uuid import UUID

from confidence_project.foundation.errors import InvalidInput, Unavailable
from governance.access.permissions import Person, Verb, require
from ledger.imports import spool
from ledger.imports.forms import FORMS
from ledger.imports.mapping import ImportMapping, parse_mapping
from ledger.imports.options import format_for
from ledger.imports.preview import Look, look, recognised_form
from ledger.imports.records import CsvFormat, Format
from ledger.imports.source import Source
from ledger.models import DecisionImport

LARGEST_WHOLE = 32 << 20
"""Bytes of a JSON document, or of scores that make decisions together: they are held whole, by a page too."""

_SEPARATORS = (",", ";", "\t", "|")


def look_at_upload(*, actor: Person, kept: DecisionImport, mapping: ImportMapping, file_format: str) -> Look:
    """Return what the first rows of an upload are taken for, in a format and under a mapping; see `look`."""
    require(Verb.OPERATE, actor, kept.workspace)
    return look(kept.workspace, source_of(kept), format_of_upload(file_format, mapping), mapping)


def first_guess(*, actor: Person, kept: DecisionImport) -> ImportMapping:
    """Return a mapping to start from, that of a tool's form or guessed from names and values: to be checked."""
    require(Verb.OPERATE, actor, kept.workspace)
    mapping = ImportMapping()
    try:
        if kept.file_format == CsvFormat.name:
            mapping = parse_mapping({"separator": _most_frequent(source_of(kept))})
        if known_as := recognised_form(source_of(kept), format_of_upload(kept.file_format, mapping)):
            return parse_mapping({**mapping.as_json(), **FORMS[known_as].mapping})
        seen = look_at_upload(actor=actor, kept=kept, mapping=mapping, file_format=kept.file_format)
    except InvalidInput:
        # The page shows why.
        return mapping
    return parse_mapping({**mapping.as_json(), **seen.proposed})


def _most_frequent(source: Source) -> str:
    """The separator that stands most often in the first line."""
    with closing(source.lines()) as lines:
        first = next(lines).raw.decode("utf-8", "replace")
    return max(_SEPARATORS, key=first.count)


def source_of(kept: DecisionImport) -> Source:
    """Return the uploaded file; raise `Unavailable` where it is not."""
    path = spool.path_of(name_of(kept), spool.UPLOAD)
    if not path.exists():
        raise Unavailable("The uploaded file is not here. Servers and workers share the CONFIDENCE_IMPORT_FOLDER.")
    return Source(path)


def format_of_upload(name: str, mapping: ImportMapping) -> Format:
    """Return the format of an upload, of which no more is held than a page may take."""
    return format_for(None, name, mapping, LARGEST_WHOLE)


def name_of(kept: DecisionImport) -> UUID:
    """Return under which name the files of an import are kept; raise `Unavailable` where they are gone."""
    if kept.kept_as is None:
        raise Unavailable("The file was removed. Upload it again.")
    return kept.kept_as
