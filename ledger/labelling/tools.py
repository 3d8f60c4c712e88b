"""How labels stand in the files of other tools: CSV, tasks and annotations of Label Studio, records of Argilla."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import IO, Any

from confidence_project.foundation.spreadsheets import harmless
from ledger.imports.source import Rejected
from ledger.labelling.outgoing import Waiting, columns_of

ANSWER_COLUMNS = ("answer", "reviewer", "answered_at", "seconds")
"""What is to be filled in, beside the columns of a decision."""

QUESTION = "answer"
"""What the question is called in a project of the tools that has several."""

IDS = ("decision_id", "decision_external_id")

_MOST_DIGITS = 20
"""Of seconds that are read from text: Python refuses to read a number of thousands."""

Given = Mapping[str, Any]
"""An answer as `LabelEnvelope` reads it."""


# --- out ------------------------------------------------------------------------------------------------------------


def write_csv(rows: Iterable[Waiting], file: IO[str]) -> int:
    """Write a header and a line each, with blank columns for the answer."""
    writer = csv.DictWriter(file, [*Waiting.__slots__, *ANSWER_COLUMNS], restval="", lineterminator="\n")
    writer.writeheader()
    written = 0
    for row in rows:
        writer.writerow({name: harmless(value) for name, value in columns_of(row).items()})
        written += 1
    return written


def write_label_studio(rows: Iterable[Waiting], file: IO[str]) -> int:
    """Write tasks to be imported into a project whose `Choices` are called `answer`."""
    return _write_array(({"data": columns_of(row)} for row in rows), file)


def write_argilla(rows: Iterable[Waiting], file: IO[str]) -> int:
    """Write records as the SDK's `from_json` reads them: a text field `case`, the rest as metadata."""
    return _write_array((_argilla_record(columns_of(row)) for row in rows), file)


def _argilla_record(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    case = columns["case_link"] or columns["external_id"] or columns["decision_id"]
    metadata = {name: value for name, value in columns.items() if value != ""}
    return {"id": columns["decision_id"], "fields": {"case": case}, "metadata": metadata}


def _write_array(items: Iterable[Mapping[str, Any]], file: IO[str]) -> int:
    written = 0
    for item in items:
        file.write((",\n" if written else "[\n") + json.dumps(item))
        written += 1
    file.write("\n]\n" if written else "[]\n")
    return written


WRITERS: Mapping[str, Callable[[Iterable[Waiting], IO[str]], int]] = {
    "csv": write_csv,
    "label-studio": write_label_studio,
    "argilla": write_argilla,
}
"""By the name of the form; each returns how many it wrote."""


# --- in -------------------------------------------------------------------------------------------------------------


def answers_in(record: Mapping[str, Any]) -> Iterator[Given]:
    """Give the answers that a record of a file holds: of one person in a plain one, of several in those of the tools.

    Raises
    ------
    Rejected
        It is a record of a tool, and holds no answer where one should be.
    """
    if "annotations" in record and "data" in record:
        return _of_label_studio(record)
    if "responses" in record and "fields" in record:
        return _of_argilla(record)
    return _plain(record)


def _plain(record: Mapping[str, Any]) -> Iterator[Given]:
    given = {name: record.get(name) for name in (*IDS, *ANSWER_COLUMNS)}
    given = {name: value for name, value in given.items() if value not in (None, "")}
    if "answer" not in given:
        return
    seconds = given.get("seconds")
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdecimal() and len(seconds) <= _MOST_DIGITS:
        given["seconds"] = int(seconds)
    yield given


def _of_label_studio(task: Mapping[str, Any]) -> Iterator[Given]:
    data = task["data"] if isinstance(task["data"], Mapping) else {}
    for each in _objects(task["annotations"], "annotations"):
        by, seconds = each.get("completed_by"), each.get("lead_time")
        by = by.get("email") or by.get("id") if isinstance(by, Mapping) else by
        is_cancelled = each.get("was_cancelled") is True
        yield {
            **_named(data.get("decision_id")),
            "answer": "skipped" if is_cancelled else _chosen(each.get("result")),
            "reviewer": f"label-studio/{by}" if isinstance(by, int) else by,
            **({"seconds": _rounded(seconds)} if isinstance(seconds, int | float) else {}),
            **({"answered_at": each["updated_at"]} if each.get("updated_at") else {}),
        }


def _rounded(seconds: float) -> float:
    """A whole number, or what is none as it is, which `LabelEnvelope` then names."""
    return round(seconds) if isinstance(seconds, int) or isfinite(seconds) else seconds


def _chosen(result: Any) -> Any:
    """The one choice of an annotation's results."""
    choices = [
        choice
        for each in _objects(result, "result")
        if each.get("type") == "choices" and isinstance(each.get("value"), Mapping)
        if isinstance(each["value"].get("choices"), list)
        for choice in each["value"]["choices"]
    ]
    if len(choices) != 1:
        raise Rejected("an annotation holds no choice, or several")
    return _spelled(choices[0])


def _of_argilla(record: Mapping[str, Any]) -> Iterator[Given]:
    responses = record["responses"]
    if not isinstance(responses, Mapping) or (len(responses) > 1 and QUESTION not in responses):
        raise Rejected(f"responses is not an object of one question, and none is called {QUESTION}")
    of_question = responses.get(QUESTION, next(iter(responses.values()), []))
    for each in _objects(of_question, "responses"):
        user = each.get("user_id")
        yield {
            **_named(record.get("id")),
            "answer": _spelled(each.get("value")),
            "reviewer": f"argilla/{user}" if user else None,
        }


def _named(decision_id: Any) -> Given:
    return {} if decision_id in (None, "") else {"decision_id": decision_id}


def _spelled(value: Any) -> Any:
    """An answer as the tools' projects may spell it: "Cannot tell" is `cannot_tell`."""
    return value.strip().casefold().replace(" ", "_") if isinstance(value, str) else value


def _objects(values: Any, name: str) -> list[Mapping[str, Any]]:
    if not isinstance(values, list) or not all(isinstance(each, Mapping) for each in values):
        raise Rejected(f"{name} is not an array of objects")
    return values
