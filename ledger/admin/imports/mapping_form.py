"""The form that says what the columns of a file mean. Its fields are called as the options of the command."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.forms.boundfield import BoundField

from confidence_project.foundation.errors import InvalidInput
from governance.models import Workspace
from ledger.admin.imports.fields import LinesField, column_field, constant_field, rest_of, spelled
from ledger.admin.imports.upload_form import FORMATS
from ledger.imports.mapper import Mapper
from ledger.imports.mapping import ImportMapping, parse_mapping
from ledger.imports.options import split_condition
from ledger.imports.records import CsvFormat
from ledger.imports.rows import COLUMNS, CONSTANTS, NEEDED, check_constants
from ledger.models.imports import NAME_LENGTH

MOST_COLUMNS = 200
"""So many columns of a file are offered."""

FIRST = ("confidence", "success", "decided_at", "policy_key", "provider", "model", "task", "external_id")
"""What nearly every import says; the other columns stand behind them."""


SINCE_1970 = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class MappingForm(forms.Form):
    """What the columns mean, and how the file is written; `mapping` once it is valid.

    Parameters
    ----------
    columns
        Of the file; none where it could not be read, so that only the way in which it is written can be said.
    known
        True where every record has these columns.
    mapping
        What the form begins with. What it has no field for, it keeps.
    """

    layout = forms.CharField(required=False, widget=forms.HiddenInput)
    begun_with = forms.CharField(required=False, widget=forms.HiddenInput)
    format = forms.ChoiceField(choices=list(FORMATS.items()))
    separator = forms.ChoiceField(
        choices=[(",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar |")], help_text="Of a CSV file."
    )
    decimal_comma = forms.BooleanField(required=False, help_text="Numbers are written 0,93.")
    scale = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", "0 to 1"),
            ("100", "0 to 100, or with a percent sign"),
            ("10", "0 to 10"),
            ("5", "0 to 5"),
            ("1", "0 to 1, and reject what is above"),
        ],
        help_text="What stands for certainty. It belongs to the column, not to a value.",
    )
    times = forms.ChoiceField(
        required=False,
        choices=[
            ("", "Each with its offset"),
            ("utc", "In UTC, where they have none"),
            *((unit, f"Numbers of {name} since 1970") for unit, name in SINCE_1970.items()),
        ],
        help_text="How times are meant.",
    )
    words = LinesField("Your numbers for words that stand instead of a confidence, one a line: high=.9")
    success_when = LinesField(
        "COLUMN=VALUE, one a line: verdict=ACCEPT, predicted=@actual (equal columns), score>=0.5."
    )
    failure_when = LinesField("The same for failures: verdict=REJECT")
    missing = LinesField("Words that say that nothing is known, one a line: N/A")
    labels = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Columns with one person's label each; the last one rules.",
    )
    probability = LinesField("CLASS=COLUMN, one a line: the columns with the probability of each class.")
    predicted = forms.ChoiceField(required=False, help_text="The column with the predicted class.")
    actual = forms.ChoiceField(required=False, help_text="The column with the class that was right.")
    ignore_unknown = forms.BooleanField(required=False, help_text="Leave out the columns that nothing is taken from.")
    save_as = forms.CharField(
        required=False,
        max_length=NAME_LENGTH,
        help_text="Keeps this mapping for the next file, in place of one of the same name.",
    )

    _FIELD_OF_PART: ClassVar = {"probabilities": "probability"}
    _PAIRS: ClassVar = {"words": "words", "probability": "probabilities"}

    def __init__(
        self,
        data: Any,
        *,
        mapping: ImportMapping,
        file_format: str,
        columns: Sequence[str],
        known: bool,
        workspace: Workspace,
    ) -> None:
        self.columns, self.known, self.workspace = list(columns)[:MOST_COLUMNS], known, workspace
        self.base = self.mapping = mapping
        self.columns_hash = hashlib.sha256("\0".join(self.columns).encode("utf-8", "replace")).hexdigest()[:16]
        super().__init__(data, initial=self._initial(mapping, file_format))
        offered = [("", "–"), *((column, column) for column in self.columns if column)]
        for name in ("predicted", "actual"):
            self.fields[name].choices = offered  # type: ignore[attr-defined]
        self.fields["labels"].choices = offered[1:]  # type: ignore[attr-defined]
        for name in COLUMNS:
            said = mapping.columns.get(name)
            more = [(said, said)] if said and said not in self.columns else []
            self.fields[f"column_{name}"] = column_field(name, [*offered, *more])
            if name in CONSTANTS:
                self.fields[f"constant_{name}"] = constant_field(name)

    def _initial(self, mapping: ImportMapping, file_format: str) -> dict[str, Any]:
        given = mapping.model_dump()
        pairs = {name: [f"{key}={value}" for key, value in given[part].items()] for name, part in self._PAIRS.items()}
        conditions = {name: [spelled(pair) for pair in given[name]] for name in ("success_when", "failure_when")}
        own = {} if mapping.pivot_by else {column.casefold(): column for column in self.columns}
        columns = {f"column_{name}": mapping.columns.get(name, own.get(name)) for name in COLUMNS}
        constants = {f"constant_{name}": value for name, value in mapping.constants.items()}
        lists = {"missing": list(mapping.missing), "labels": list(mapping.labels)}
        begun_with = json.dumps(mapping.as_json())
        written = {"format": file_format, "layout": self.columns_hash, "begun_with": begun_with}
        return {**given, **pairs, **conditions, **columns, **constants, **lists, **written}

    @property
    def is_of_other_columns(self) -> bool:
        """True where the fields were filled in for other columns: those of another separator, or another format."""
        return self.is_bound and self.data.get("layout") != self.columns_hash

    def first(self) -> Iterator[tuple[BoundField, BoundField | None]]:
        """Give the fields of the columns that nearly every import says, each with that for every row."""
        return self._of_columns(FIRST)

    def others(self) -> Iterator[tuple[BoundField, BoundField | None]]:
        """Give those of the other columns."""
        return self._of_columns([name for name in COLUMNS if name not in FIRST])

    def _of_columns(self, names: Sequence[str]) -> Iterator[tuple[BoundField, BoundField | None]]:
        for name in names:
            yield self[f"column_{name}"], self[f"constant_{name}"] if name in CONSTANTS else None

    @property
    def still_to_say(self) -> list[BoundField]:
        """The fields without which nothing can be imported, before anything was said."""
        if self.is_bound or not self.columns:
            return []
        try:
            return [self[f"column_{name}"] for name in self._mapper().missing(self.columns)]
        except InvalidInput:
            return []

    @property
    def others_are_used(self) -> bool:
        return self._are_used([field.name for pair in self.others() for field in pair if field])

    @property
    def classes_are_used(self) -> bool:
        return self._are_used(["labels", "probability", "predicted", "actual"])

    def _are_used(self, names: Sequence[str]) -> bool:
        return any(self[name].value() or self[name].errors for name in names)

    # --- what was said -----------------------------------------------------------------------------------------------

    def clean_save_as(self) -> str:
        name: str = self.cleaned_data["save_as"].strip()
        try:
            if name:
                validate_slug(name)
        except ValidationError:
            raise ValidationError("The name of a mapping has letters, digits, hyphens and underscores.") from None
        return name

    def clean_words(self) -> dict[str, str]:
        return self._pairs("words", "Write WORD=NUMBER, one a line.")

    def clean_probability(self) -> dict[str, str]:
        return self._pairs("probability", "Write CLASS=COLUMN, one a line.")

    def clean_success_when(self) -> list[tuple[str, str]]:
        return self._conditions("success_when")

    def clean_failure_when(self) -> list[tuple[str, str]]:
        return self._conditions("failure_when")

    def _pairs(self, name: str, form: str) -> dict[str, str]:
        pairs = {}
        for line in self.cleaned_data[name]:
            # A class may hold the sign, and so may a word; the number, or the column of most files, does not.
            key, mark, value = line.rpartition("=")
            if not mark or not key.strip() or not value.strip():
                raise ValidationError(form)
            pairs[key.strip()] = value.strip()
        return pairs

    def _conditions(self, name: str) -> list[tuple[str, str]]:
        conditions = []
        for line in self.cleaned_data[name]:
            # The name of a column may hold the sign, too.
            column = max((each for each in self.columns if line.startswith(f"{each}=")), key=len, default=None)
            column, mark, value = (column, "=", line[len(column) + 1 :]) if column else split_condition(line)
            if not mark or not column.strip() or not value.strip():
                raise ValidationError("Write COLUMN=VALUE, one a line.")
            conditions.append((column.strip(), value.strip()))
        return conditions

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if not self.errors:
            self._declare(cleaned)
        if not self.errors and self.columns:
            self._check_columns()
        return cleaned

    def _declare(self, cleaned: Mapping[str, Any]) -> None:
        given = rest_of(self.base)
        given |= {name: cleaned[name] for name in ("scale", "decimal_comma", "success_when", "failure_when")}
        given |= {name: cleaned[name] for name in ("words", "missing", "labels", "ignore_unknown")}
        given |= {name: cleaned[name] or None for name in ("predicted", "actual", "times")}
        given["separator"] = cleaned["separator"] if cleaned["format"] == CsvFormat.name else ","
        given["probabilities"] = cleaned["probability"]
        chosen = {name: cleaned[f"column_{name}"] for name in COLUMNS}
        said = self.base.columns
        given["columns"] = {
            ours: theirs
            for ours, theirs in chosen.items()
            if theirs and (theirs.casefold() != ours or said.get(ours) == theirs)
        }
        given["constants"] = {name: cleaned[f"constant_{name}"] for name in CONSTANTS if cleaned[f"constant_{name}"]}
        try:
            self.mapping = parse_mapping(given)
        except InvalidInput as error:
            for problem in error.problems:
                part = problem.pointer.removeprefix("/")
                field = self._FIELD_OF_PART.get(part, part)
                self.add_error(field if field in self.fields else None, f"{problem.detail.capitalize()}.")
        for name, value in given["constants"].items():
            try:
                check_constants({name: value}, self.workspace)
            except InvalidInput as error:
                self.add_error(f"constant_{name}", error.detail)

    def _check_columns(self) -> None:
        """What would have the file refused, beside the field that mends it."""
        mapper = self._mapper()
        try:
            missing, unused = mapper.missing(self.columns), mapper.unused(self.columns)
            absent = mapper.absent(self.columns) if self.known else []
        except InvalidInput as error:
            self.add_error(None, error.detail)
            return
        for name in absent:
            self.add_error(self._field_that_names(name), "A column that is named here is not in the file.")
        for name in missing:
            way = ", or say beside it what holds for every row" if name in CONSTANTS else ""
            other = ", or say “Success when”, “Labels” or “Probability”" if name == "success" else ""
            self.add_error(f"column_{name}", f"Choose the column that holds it{way}{other}.")
        if unused and not self.mapping.ignore_unknown:
            names = ", ".join(self.columns[place - 1] or f"column {place}, which has no name" for place in unused[:20])
            self.add_error(
                "ignore_unknown", f"Nothing is taken from {names}. Say what they hold, or leave them out with this."
            )

    def _mapper(self) -> Mapper:
        needed = ["confidence", "provider", "model", "decided_at", "policy_key"]
        needed += [name for name in NEEDED if name not in needed and self.known]
        return Mapper(self.mapping, is_text=self.known, needed=needed)

    def _field_that_names(self, key: str) -> str:
        """Return the field that says what stands under a key of the mapping's places."""
        column = key.removeprefix("/")
        if column == key:
            return f"column_{column}"
        conditions = {name: getattr(self.mapping, name) for name in ("success_when", "failure_when")}
        for name, each in conditions.items():
            if any(column in (place, value.removeprefix("@")) for place, value in each):
                return name
        return "probability"
