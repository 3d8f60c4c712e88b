"""What the columns of a file mean: declared by whoever imports it, kept with the import, never guessed. A name that no
column has may be a path into nested values (`paths`).

A scale belongs to a column and not to a value, numbers for words are the user's, and a word that nobody declared is
no label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from ledger.imports.numbers import read_number
from ledger.imports.rows import COLUMNS, CONSTANTS
from ledger.imports.times import Times
from ledger.models import ConfidenceKind
from ledger.pipelines.replies import DialectName

Condition = tuple[str, str]
"""A column and a value of it; what begins with @ names another column that holds the same, and >=0.5 is a number's."""

COMPARISONS = (">=", "<=")


class ImportMapping(BaseModel):
    """How records of a file become decisions.

    Parameters
    ----------
    columns
        From our columns to those of the file. What is not named here goes by its own name, whatever its capitals.
    constants
        Values for columns that are absent or blank.
    scale
        What stands for certainty: 1, 5, 10 or 100; a percent sign is read with 100. None: not declared, so that a
        file with a confidence above 1 is refused.
    words
        Numbers in [0, 1] for words that stand instead of a confidence.
    success_when, failure_when
        Any of these makes a success, a failure. Where neither holds, `success` must be blank or a word for yes or no;
        but what misses an equal column is a failure, and so is what misses a number, if nothing else makes failures.
    missing
        Words that say that nothing is known, in any column.
    labels
        Columns of which each holds one person's label.
    probabilities, predicted, actual
        Columns with the probability of each class; the confidence is that of the most probable one, which `predicted`
        must name, and it was right if `actual` names it, too.
    reply, dialect
        The column with the reply of a decision model, and its form: confidence, its kind, model, question and options
        are what the reply says under the policy's answer rule.
    separator, decimal_comma
        How a CSV file is written.
    times
        How times without an offset are meant; not declared, they are rejected.
    records
        Where the records stand in a JSON document that holds more than them.
    pivot_by, pivot_names
        Several records make one decision: those that agree in the first are one, and each stands in it under the name
        that the second gives. Then only columns that are named here are read.
    ignore_unknown
        Leave out columns that are not ours, instead of refusing the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    scale: Literal[1, 5, 10, 100] | None = None
    words: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    success_when: tuple[Condition, ...] = ()
    failure_when: tuple[Condition, ...] = ()
    missing: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    probabilities: dict[str, str] = {}
    predicted: str | None = None
    actual: str | None = None
    reply: str | None = None
    dialect: DialectName | None = None
    separator: Literal[",", ";", "\t", "|"] = ","
    decimal_comma: bool = False
    times: Times | None = None
    records: str | None = None
    pivot_by: tuple[str, ...] = ()
    pivot_names: str | None = None
    ignore_unknown: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if unknown := [name for name in self.columns if name not in COLUMNS]:
            raise _wrong("columns", f"{len(unknown)} of the columns are not ours; ours are {', '.join(COLUMNS)}")
        if unknown := [name for name in self.constants if name not in CONSTANTS]:
            raise _wrong(
                "constants", f"{len(unknown)} of the constants cannot be one; these can: {', '.join(CONSTANTS)}"
            )
        if self.decimal_comma and self.separator == ",":
            raise _wrong("separator", "numbers with a decimal comma need another separator")
        if self.words and self.constants.get("confidence_kind", ConfidenceKind.VERBAL) != ConfidenceKind.VERBAL:
            raise _wrong("words", f"numbers for words are of the kind {ConfidenceKind.VERBAL.value}")
        if self.probabilities and (len(self.probabilities) < 2 or self.actual is None):
            raise _wrong(
                "probabilities", "class probabilities need two classes or more, and the column of the actual one"
            )
        if (self.predicted or self.actual) and not self.probabilities:
            raise _wrong("probabilities", "a predicted and an actual class go with class probabilities")
        if bool(self.reply) != bool(self.dialect):
            raise _wrong("reply", "the column of a decision model's reply and its dialect go together")
        if self.reply and (self.probabilities or self.words):
            raise _wrong("reply", "a decision model's reply states the confidence; nothing else does")
        for part in ("success_when", "failure_when"):
            compared = [value[2:] for _, value in getattr(self, part) if value.startswith(COMPARISONS)]
            if any((number := read_number(text)) is None or not number.is_finite() for text in compared):
                raise _wrong(part, f"what follows {' or '.join(COMPARISONS)} in a condition is a number")
        if bool(self.pivot_by) != bool(self.pivot_names):
            raise _wrong(
                "pivot_by", "what makes several records one decision, and what names each of them, go together"
            )
        if self.labels and (self.success_when or self.failure_when or self.probabilities):
            raise _wrong("labels", "several labels a row do not go with other rules for success")
        return self

    def as_json(self) -> dict[str, Any]:
        """Return what was declared, as `parse_mapping` takes it."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def places(self) -> dict[str, str]:
        """Every column of the file that the mapping names, by what it is for."""
        conditions = [*self.success_when, *self.failure_when]
        named = [column for column, _ in conditions] + [value[1:] for _, value in conditions if value[:1] == "@"]
        others = [*self.labels, *self.probabilities.values(), *named, self.predicted, self.actual, self.reply]
        return {**self.columns, **{f"/{column}": column for column in others if column}}


def parse_mapping(given: Mapping[str, Any]) -> ImportMapping:
    """Return a mapping from its JSON form; raise `InvalidInput` in words that hold none of its values."""
    try:
        return ImportMapping.model_validate(given)
    except ValidationError as error:
        problems = [_problem(each) for each in error.errors(include_url=False, include_input=False)]
        said = "; ".join(f"{each.pointer.removeprefix('/') or 'mapping'}: {each.detail}" for each in problems)
        raise InvalidInput(f"The mapping is not valid: {said}.", problems) from error


def _wrong(part: str, sentence: str) -> PydanticCustomError:
    return PydanticCustomError("inconsistent", "{sentence}", {"part": part, "sentence": sentence})


def _problem(given: Any) -> FieldProblem:
    part = given["ctx"]["part"] if given["type"] == "inconsistent" else given["loc"][0]
    return FieldProblem(f"/{part}", "invalid", given["msg"])
