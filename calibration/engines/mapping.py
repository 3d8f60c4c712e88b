"""What the columns of a warehouse mean: declared, as for imports, and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.validation import problems_in
from ledger.imports.mapping import COMPARISONS, Condition
from ledger.imports.numbers import read_number
from ledger.imports.times import Times

DECISION_COLUMNS = (
    "external_id",
    "decided_at",
    "policy_key",
    "provider",
    "model",
    "task",
    "options",
    "channel",
    "confidence",
    "confidence_kind",
    "prompt_hash",
    "ml_risk_score",
    "case_key",
    "gate_verdict",
    "recorded_at",
    "origin",
    "gate_reason",
    "threshold",
    "risk_threshold",
    "audit_selected",
    "label_propensity",
)
OUTCOME_COLUMNS = (
    "external_id",
    "success",
    "outcome_source",
    "observed_at",
    "recorded_at",
    "sequence",
    "voided_at",
)
CONSTANTS = ("policy_key", "provider", "model", "task", "channel", "confidence_kind")

_NEEDED = ("external_id", "decided_at", "confidence")
_SAID_SOMEHOW = ("policy_key", "provider", "model")
_OF_THE_GATE = ("gate_reason", "threshold", "risk_threshold", "audit_selected", "label_propensity")


class EngineMapping(BaseModel):
    """Which column holds what.

    Parameters
    ----------
    columns
        From our names, `DECISION_COLUMNS`, to the columns of the decisions, letter by letter.
    outcome_columns
        From `OUTCOME_COLUMNS` to the columns of the outcomes, which may stand in the rows of the decisions. The id is
        that of the decision; left out, its column is called as among the decisions.
    constants
        Values for columns that are absent or blank.
    scale
        What stands for certainty: 1, 5, 10 or 100.
    success_when, failure_when
        What makes a success or a failure, in place of `success`: columns of text with a value, or of numbers with
        `>=0.5` or `<=0.5`. What misses a number is a failure, if nothing else makes failures.
    times
        How times without a zone are meant: in UTC, or as whole numbers of seconds (milli, micro, nano) since 1970.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, str]
    outcome_columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    scale: Literal[1, 5, 10, 100] | None = None
    success_when: tuple[Condition, ...] = ()
    failure_when: tuple[Condition, ...] = ()
    times: Times | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for part, known in (
            ("columns", DECISION_COLUMNS),
            ("outcome_columns", OUTCOME_COLUMNS),
            ("constants", CONSTANTS),
        ):
            if not set(getattr(self, part)) <= set(known):
                raise _wrong(part, f"names of {part} are some of {', '.join(known)}")
        missing = [name for name in _NEEDED if name not in self.columns]
        missing += [name for name in _SAID_SOMEHOW if name not in self.columns and name not in self.constants]
        if missing:
            raise _wrong("columns", f"nothing says where these are: {', '.join(missing)}")
        if "origin" in self.columns and not {"gate_reason", "threshold"} <= set(self.columns):
            raise _wrong("columns", "with an origin go gate_reason and threshold, for decisions of the gate")
        if "origin" not in self.columns and (alone := [name for name in _OF_THE_GATE if name in self.columns]):
            raise _wrong("columns", f"without an origin all is history, which has no {', '.join(alone)}")
        if ("audit_selected" in self.columns) != ("label_propensity" in self.columns):
            raise _wrong("columns", "audit_selected and label_propensity go together")
        if ("success" in self.outcome_columns) == bool(self.success_when or self.failure_when):
            raise _wrong("outcome_columns", "what succeeded is said by success or by success_when and failure_when")
        for _, wanted in (*self.success_when, *self.failure_when):
            if wanted.startswith("@"):
                raise _wrong("success_when", "columns are not compared with each other here: do so in a view")
            number = read_number(wanted[2:]) if wanted.startswith(COMPARISONS) else None
            if wanted.startswith(COMPARISONS) and (number is None or not number.is_finite()):
                raise _wrong("success_when", f"what follows {' or '.join(COMPARISONS)} in a condition is a number")
        return self

    @property
    def knows_when_recorded(self) -> bool:
        """True where what was known at an earlier moment can be read again: what a review needs."""
        return "recorded_at" in self.columns and "recorded_at" in self.outcome_columns

    def as_json(self) -> dict[str, Any]:
        """Return what was declared, as `parse_engine_mapping` takes it."""
        return self.model_dump(mode="json", exclude_defaults=True)


def parse_engine_mapping(given: Mapping[str, Any]) -> EngineMapping:
    """Return a mapping from its JSON form; raise `InvalidInput` in words that hold none of its values."""
    try:
        return EngineMapping.model_validate(given)
    except ValidationError as error:
        problems = problems_in(error)
        said = "; ".join(f"{each.pointer.removeprefix('/')}: {each.detail}".removeprefix(": ") for each in problems)
        raise InvalidInput(f"The mapping is not valid: {said}.", problems) from error


def _wrong(part: str, sentence: str) -> PydanticCustomError:
    return PydanticCustomError("inconsistent", "{part}: {sentence}", {"part": part, "sentence": sentence})
