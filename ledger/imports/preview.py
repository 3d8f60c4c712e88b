"""What an import would understand of a file's first rows, and what might be declared of its columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from confidence_project.foundation.errors import InvalidInput
from governance.models import Workspace
from governance.workspaces.names import WorkspaceNames
from ledger.imports.forms import FORMS, recognise
from ledger.imports.mapper import Mapper
from ledger.imports.mapping import ImportMapping
from ledger.imports.records import Format, JsonFormat, Record
from ledger.imports.rows import COLUMNS
from ledger.imports.services import read_row
from ledger.imports.source import Rejected, Source

SHOWN = 5
LOOKED_AT = 200
"""Rows by which a mapping is proposed."""

_KNOWN_AS = {
    "confidence": ("confidence", "conf", "score", "probability", "prob", "ai_conf", "confidence_score", "certainty"),
    "success": ("success", "correct", "is_correct", "ok", "label", "outcome", "accepted", "accuracy"),
    "decided_at": ("decided_at", "timestamp", "time", "created_at", "date", "datetime"),
    "external_id": ("external_id", "id", "uuid", "ticket", "ticket_id", "question_id"),
    "provider": ("provider", "vendor"),
    "model": ("model", "model_name", "llm", "engine"),
    "task": ("task", "question", "dataset", "category"),
    "case_key": ("case_key", "conversation_id", "session_id", "thread_id"),
}
"""Names under which others have what we have under ours: proposed, never used unasked."""

_FIELDS = ("external_id", "decided_at", "provider", "model", "task", "confidence", "confidence_kind")


def preview(workspace: Workspace, source: Source, format: Format, mapping: ImportMapping) -> str:
    """Return the first rows as they are understood, or why not, and a mapping to start from. Stores nothing."""
    known_as = None if mapping.pivot_by or mapping.records else _recognised(source, format)
    hint = f"This is an export of {FORMS[known_as].holds}: say --form {known_as}." if known_as else ""
    try:
        looked_at = _first(source, format)
    except InvalidInput as error:
        if not hint:
            raise
        return f"As it stands the file is refused: {error.detail}\n{hint}"
    columns = format.columns or list(dict.fromkeys(name for each in looked_at for name in each.values or {}))
    mapper = Mapper(mapping, is_text=format.is_text, declared=WorkspaceNames(workspace))
    said = [f"{len(columns)} columns, {len(looked_at)} rows looked at (at most {LOOKED_AT})."]
    try:
        mapper.locate(format.columns)
    except InvalidInput as error:
        said.append(f"As it stands the file is refused: {error.detail}")
    else:
        said += [_understood(each, mapper) for each in looked_at[:SHOWN]]
    proposed = propose(columns, [each.values for each in looked_at if each.values], mapping)
    if hint:
        said.append(hint)
    elif proposed and not mapping.pivot_by:
        said += ["A mapping to start from (guessed from names and values: check each, then give it as options or as a",
                 "file with --mapping):", json.dumps(proposed, indent=2, ensure_ascii=False)]  # fmt: skip
    return "\n".join(said)


def _recognised(source: Source, format: Format) -> str | None:
    """Return the form of the first records, also where they stand deeper in a JSON document."""
    deeper = {form.mapping["records"] for form in FORMS.values() if "records" in form.mapping}
    for layout in (format, *(JsonFormat(place) for place in deeper if format.name == JsonFormat.name)):
        try:
            return recognise(each.values for each in _first(source, layout) if each.values)
        except InvalidInput:
            continue
    return None


def _first(source: Source, format: Format) -> list[Record]:
    with closing(format.records(source)) as records:
        return list(islice(records, LOOKED_AT))


def propose(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], mapping: ImportMapping) -> dict[str, Any]:
    """Return what might be declared of columns that are not mapped yet: their names, and the scale of confidences."""
    taken = {*mapping.columns.values(), *(column for column in columns if column.casefold() in COLUMNS)}
    free = {column.casefold(): column for column in columns if column not in taken}
    named = {*mapping.columns, *(column.casefold() for column in columns if column.casefold() in COLUMNS)}
    found = {
        ours: free[name] for ours, names in _KNOWN_AS.items() if ours not in named for name in names if name in free
    }
    proposed: dict[str, Any] = {"columns": found} if found else {}
    confidence = {**mapping.columns, **found}.get("confidence", "confidence")
    values = [row.get(confidence) for row in rows]
    numbers = [number for number in (_number(value) for value in values) if number is not None]
    if mapping.scale is None and numbers and max(numbers) > 1:
        proposed["scale"] = next((scale for scale in (5, 10) if max(numbers) <= scale), 100)
    return proposed


def _understood(record: Record, mapper: Mapper) -> str:
    if record.values is None:
        return f"line {record.number}: rejected: {record.problem}"
    try:
        if mapper.needs_a_scale(record.values):
            raise Rejected("confidence is above 1 or has a percent sign; say --scale")
        row = read_row(record.values, mapper, {"external_id": f"line:{record.number}"})
    except Rejected as rejection:
        return f"line {record.number}: rejected: {rejection.detail}"
    fields = ", ".join(f"{name}={getattr(row.decision, name)}" for name in _FIELDS if getattr(row.decision, name))
    labels = ", ".join(f"{'success' if label.success else 'failure'}" for label in row.labels) or "unlabelled"
    return f"line {record.number}: {fields}: {labels}"


def _number(value: object) -> float | None:
    try:
        return float(str(value).strip().removesuffix("%"))
    except ValueError:
        return None
