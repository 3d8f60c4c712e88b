"""The options with which commands take a file of past decisions: how it is written, and what its columns mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import CommandParser

from confidence_project.foundation.errors import InvalidInput
from ledger.imports.forms import FORMS
from ledger.imports.mapping import ImportMapping, parse_mapping
from ledger.imports.parquet import ParquetFormat
from ledger.imports.pivots import PivotedFormat
from ledger.imports.records import FORMATS, LARGEST_DOCUMENT, CsvFormat, Format, JsonFormat, format_of
from ledger.imports.rows import CONSTANTS
from ledger.imports.times import Times
from ledger.models import ConfidenceKind
from ledger.pipelines.replies import DialectName

ALL_FORMATS: Mapping[str, type[Format]] = {**FORMATS, ParquetFormat.name: ParquetFormat}
_SEPARATOR_WORDS = {"tab": "\t", "comma": ",", "semicolon": ";"}
_SCALES = {"1": 1, "5": 5, "10": 10, "100": 100, "percent": 100}

_PAIRS = {
    "column": ("columns", "OUR=THEIRS,…", "which column holds what: confidence=ai_conf,decided_at=time"),
    "words": ("words", "WORD=NUMBER,…", "numbers for words that stand instead of a confidence: low=.3,high=.9"),
    "probability": ("probabilities", "CLASS=COLUMN,…", "columns with the probability of each class"),
}
_LISTS = {
    "missing": ("missing", "WORD,…", "words that say that nothing is known: NaN,None,N/A"),
    "labels": ("labels", "COLUMN,…", "columns with one person's label each"),
    "pivot_by": ("pivot_by", "COLUMN,…", "several records make one decision: those that agree in these columns"),
}
_TEXTS = {
    "predicted": ("predicted", "COLUMN", "with --probability: the class that was predicted"),
    "actual": ("actual", "COLUMN", "with --probability: the class that was right"),
    "reply": ("reply", "COLUMN", "with --dialect: the reply of a decision model, in JSON"),
    "pivot_names": ("pivot_names", "COLUMN", "with --pivot-by: under which name each record stands in the decision"),
    "records": ("records", "PATH", "where the records stand in a JSON document: results.results"),
}
_CONDITIONS = {
    "success_when": "what makes a success: label=ACCEPT,KEEP or predicted=@actual (equal columns) or score>=0.5",
    "failure_when": "what makes a failure: label=REJECT",
}
_SAY_SUCCESS = (*_CONDITIONS, "labels", "probability")


def add_file_options(parser: CommandParser) -> None:
    """Add FILE and every option of the format and of the mapping."""
    parser.add_argument(
        "file", metavar="FILE", help="CSV, JSON Lines, JSON or Parquet, plain or gzip; - reads standard input"
    )
    parser.add_argument("--format", choices=sorted(ALL_FORMATS), help="where the file's name does not tell it")
    parser.add_argument("--separator", help="of a CSV file: , ; | or tab")
    parser.add_argument("--decimal-comma", action="store_true", help="numbers are written 0,93")
    parser.add_argument("--form", choices=sorted(FORMS), help="the export of a tool; other options go over it")
    for name, (_, metavar, text) in {**_PAIRS, **_LISTS}.items():
        parser.add_argument(f"--{name.replace('_', '-')}", action="append", metavar=metavar, help=text)
    for name, text in _CONDITIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", action="append", metavar="COLUMN=VALUE,…", help=text)
    for name, (_, metavar, text) in _TEXTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, help=text)
    parser.add_argument(
        "--scale", choices=sorted(_SCALES), help="what stands for certainty; not said: confidences are 0 to 1"
    )
    parser.add_argument(
        "--times", choices=get_args(Times), help="times without an offset: in UTC, or since 1970 in s, …"
    )
    parser.add_argument("--dialect", choices=get_args(DialectName), help="with --reply: the form of the replies")
    parser.add_argument("--ignore-unknown", action="store_true", help="leave out columns that are not ours")
    for name in CONSTANTS:
        choices = {"choices": ConfidenceKind.values} if name == "confidence_kind" else {"metavar": name.upper()}
        parser.add_argument(f"--{name.replace('_', '-')}", help=f"for rows that name no {name}", **choices)


def mapping_of(options: Mapping[str, Any], saved: Mapping[str, Any] | None = None) -> ImportMapping:
    """Return what the options declare, over a mapping that was kept or a tool's form.

    Raises
    ------
    InvalidInput
        It is no mapping, or there are two to start from.
    """
    if saved and options.get("form"):
        raise InvalidInput("--form and --mapping both say what the file holds; give one of them.")
    given: dict[str, Any] = dict(saved or _of_form(options))
    for name, (target, _, _) in _PAIRS.items():
        given[target] = {**given.get(target, {}), **_pairs(name, options.get(name))}
    for name, (target, _, _) in _LISTS.items():
        given[target] = [*given.get(target, []), *_pieces(options.get(name))]
    for name in _CONDITIONS:
        given[name] = [*given.get(name, []), *_conditions(name, options.get(name))]
    constants = {name: options[name] for name in CONSTANTS if options.get(name) is not None}
    given["constants"] = {**given.get("constants", {}), **constants}
    for name in (*_TEXTS, "times", "dialect"):
        if options.get(name):
            given[name] = options[name]
    for name in ("decimal_comma", "ignore_unknown"):
        if options.get(name):
            given[name] = True
    if options.get("scale"):
        given["scale"] = _SCALES[options["scale"]]
    is_tsv = str(options.get("file")).lower().removesuffix(".gz").endswith(".tsv")
    separator = options.get("separator") or ("tab" if is_tsv and "separator" not in given else None)
    if separator:
        given["separator"] = _SEPARATOR_WORDS.get(separator, separator)
    return parse_mapping(given)


def format_for(path: Path | None, name: str | None, mapping: ImportMapping, largest: int = LARGEST_DOCUMENT) -> Format:
    """Return the format of a file; raise `InvalidInput` where neither name nor option tells it.

    `largest`: the bytes that a format may hold whole.
    """
    name = name or (format_of(path.name) if path else None)
    if name is None:
        raise InvalidInput(f"The file's name does not tell its format; give --format {', '.join(sorted(ALL_FORMATS))}.")
    layout = _layout(name, mapping)
    layout.largest = largest
    if mapping.pivot_by and mapping.pivot_names:
        return PivotedFormat(layout, by=mapping.pivot_by, names=mapping.pivot_names)
    return layout


def _layout(name: str, mapping: ImportMapping) -> Format:
    if name == CsvFormat.name:
        return CsvFormat(mapping.separator)
    if name == JsonFormat.name:
        return JsonFormat(mapping.records)
    return ALL_FORMATS[name]()


def read_mapping_file(path: Path) -> Mapping[str, Any]:
    """Return the JSON object of a file that holds a mapping."""
    try:
        given = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput("The file of the mapping cannot be read as JSON.") from error
    if not isinstance(given, dict):
        raise InvalidInput("The file of the mapping holds no JSON object.")
    return given


def without_options(text: str) -> str:
    """Return a message of an import in the words of a form, whose fields are called as the options are."""
    return re.sub(r"--([a-z-]+)", lambda found: f"“{found[1].replace('-', ' ').capitalize()}”", text)


def _of_form(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the mapping of the form, without what an option says otherwise: of success, or for the whole file."""
    if not options.get("form"):
        return {}
    given = dict(FORMS[options["form"]].mapping)
    given["columns"] = {name: column for name, column in given["columns"].items() if options.get(name) is None}
    if any(options.get(name) for name in _SAY_SUCCESS) or "success" in _pairs("column", options.get("column")):
        given = {name: value for name, value in given.items() if name != "success_when"}
        given["columns"] = {name: column for name, column in given["columns"].items() if name != "success"}
    return given


def _pieces(given: list[str] | str | None) -> list[str]:
    texts = [given] if isinstance(given, str) else given or []
    return [piece for text in texts for piece in text.split(",") if piece]


def _pairs(option: str, given: list[str] | str | None) -> dict[str, str]:
    pairs = {}
    for piece in _pieces(given):
        name, mark, value = piece.partition("=")
        if not mark or not value:
            raise InvalidInput(f"--{option} takes pairs, with commas between: {_PAIRS[option][1]}.")
        pairs[name.strip()] = value.strip()
    return pairs


def _conditions(option: str, given: list[str] | str | None) -> list[tuple[str, str]]:
    conditions: list[tuple[str, str]] = []
    for piece in _pieces(given):
        column, mark, value = split_condition(piece)
        if mark:
            conditions.append((column.strip(), value.strip()))
        elif conditions:
            # A further value of the column before it.
            conditions.append((conditions[-1][0], piece.strip()))
        else:
            raise InvalidInput(f"--{option.replace('_', '-')} takes COLUMN=VALUE, with further values after commas.")
    return conditions


def split_condition(piece: str) -> tuple[str, str, str]:
    """Split at the first equals sign that is not inside the brackets of a path."""
    column, mark, value = piece.partition("=")
    while mark and column.count("[") > column.count("]"):
        more, mark, value = value.partition("=")
        column = f"{column}={more}"
    if column.endswith((">", "<")):
        return column[:-1], mark, f"{column[-1]}={value}"
    return column, mark, value
