"""What a row of past decisions may hold, and what makes it a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from confidence_project.foundation.errors import DomainError, InvalidInput
from governance.clock import CLOCK_SKEW, check_time
from governance.definitions import get_definition
from governance.models import Workspace
from governance.vocabulary import AnyName, HostId, Identifier, ModelName, Probability, ProviderName, Timestamp
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import PromptHash
from ledger.imports.source import Rejected
from ledger.models import ConfidenceKind


class Constants(BaseModel):
    """What may be said once for a whole file: values for columns that are absent or blank."""

    model_config = ConfigDict(extra="forbid")

    decided_at: Timestamp | None = None
    policy_key: Identifier | None = None
    provider: ProviderName | None = None
    model: ModelName | None = None
    task: Identifier | None = None
    channel: Identifier | None = None
    confidence_kind: ConfidenceKind | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What one of several people, named by their column, said of a decision."""

    reporter: str
    success: bool


class ImportedDecision(BaseModel):
    """A past decision and what came of it. `success` None: nobody observed anything, it stays unlabelled."""

    model_config = ConfigDict(extra="forbid")

    external_id: HostId
    decided_at: Timestamp
    policy_key: Identifier
    provider: ProviderName
    model: ModelName
    task: Identifier | None = None
    confidence: Probability
    confidence_kind: ConfidenceKind = ConfidenceKind.UNSPECIFIED
    options: Annotated[str, StringConstraints(pattern=r"^\d{1,3}(:[0-9a-f]{32})?$")] | None = None
    channel: Identifier | None = None
    prompt_hash: PromptHash | None = None
    ml_risk_score: Probability | None = None
    case_key: HostId | None = None
    action_type: Identifier | None = None
    gate_verdict: Literal["allow", "block", "ask"] = "allow"
    audit_selected: bool | None = None
    label_propensity: Probability | None = None
    success: bool | None = None
    outcome_source: Literal["human_review", "downstream_event", "sentiment", "booking", "import"] | None = None
    automation_executed: bool | None = None
    downstream_failure: bool | None = None
    observed_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A decision and what came of it, by whom."""

    decision: ImportedDecision
    labels: Sequence[Label]


COLUMNS = tuple(ImportedDecision.model_fields)
CONSTANTS = tuple(Constants.model_fields)
CONTEXT = ("provider", "model", "decided_at", "policy_key")
"""What every record of the ledger needs beside a confidence; a certificate needs none of it."""
NEEDED = ("provider", "model", "task", "confidence", "success", "decided_at", "policy_key")
TIME_COLUMNS = ("decided_at", "observed_at")
OUTCOME_COLUMNS = ("outcome_source", "automation_executed", "downstream_failure", "observed_at")

_OTHER_LABELS = "; --success-when, --failure-when and --missing declare other words"

_REASONS = {
    "extra_forbidden": "is not a known column",
    "enum": f"must be one of {', '.join(ConfidenceKind.values)}",
    "missing": "is missing",
    "bool_parsing": f"must be 1, 0, true or false{_OTHER_LABELS}",
    "bool_type": f"must be 1, 0, true or false{_OTHER_LABELS}",
    "float_parsing": "must be a number; --words gives words numbers, --decimal-comma reads 0,93",
    "float_type": "must be a number",
    "finite_number": "must be a number from 0 to 1",
    "greater_than_equal": "must be a number from 0 to 1",
    "less_than_equal": "must be a number from 0 to 1",
    "string_type": "must be text",
    "timezone_aware": "must be an RFC 3339 time with its offset, such as 2026-01-31T09:30:00Z",
}


def reason_of(error: ValidationError) -> str:
    """Return why a row is not valid, in words that do not hold any of its values."""
    reasons = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        # The name of an unknown column is the user's own text.
        field = "a field" if problem["type"] == "extra_forbidden" else str(problem["loc"][0])
        words = _REASONS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if problem["type"] == "missing" and field in CONSTANTS:
            words = f"is missing; --{field.replace('_', '-')} stands in for it"
        elif field in TIME_COLUMNS and "RFC 3339" in words:
            words += "; --times says how times without an offset are meant"
        reasons.append(f"{field} {words}")
    return "; ".join(reasons)


def check_constants(constants: Mapping[str, str], workspace: Workspace | None = None) -> None:
    """Raise `InvalidInput` for a constant that cannot stand in any row."""
    try:
        declared = AnyName() if workspace is None else WorkspaceNames(workspace)
        checked = Constants.model_validate(constants, context=declared)
    except ValidationError as error:
        raise InvalidInput(f"An option is not valid: {reason_of(error)}.") from error
    if checked.decided_at is not None and workspace is not None:
        check_time(checked.decided_at, workspace, "decided_at")
    if checked.policy_key is not None and _actions(checked.policy_key) is None:
        raise InvalidInput("The policy key of the option is not registered, or has no confidence threshold.")


def check_row(row: ImportedDecision, is_labelled: bool, workspace: Workspace) -> None:
    """Raise `Rejected` for what is wrong with a valid row as a whole, or in this workspace."""
    try:
        check_time(row.decided_at, workspace, "decided_at")
        if row.observed_at is not None:
            check_time(row.observed_at, workspace, "observed_at")
    except DomainError as error:
        raise Rejected(error.detail) from error
    actions = _actions(row.policy_key)
    if actions is None:
        raise Rejected("policy_key is not registered, or has no confidence threshold")
    if row.action_type is not None and row.action_type not in actions:
        raise Rejected("action_type is not one of the policy key's")
    if not is_labelled and any(getattr(row, name) is not None for name in OUTCOME_COLUMNS):
        raise Rejected("success is blank, and yet there is something about the outcome")
    if row.observed_at is not None and row.observed_at < row.decided_at - CLOCK_SKEW:
        raise Rejected("observed_at lies before decided_at")
    if row.audit_selected and row.label_propensity is None:
        raise Rejected("audit_selected needs label_propensity")


@cache
def _actions(policy_key: str) -> frozenset[str] | None:
    try:
        definition = get_definition(policy_key)
    except DomainError:
        return None
    return frozenset(definition.actions) if definition.gates_decisions else None
